// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "millrace-notes",
    dependencies: [.package(name: "millrace", path: "../..")],
    targets: [
        .executableTarget(
            name: "millrace-notes", dependencies: [.product(name: "MillraceKit", package: "millrace")], path: "Sources"),
        .testTarget(
            name: "NotesTests",
            dependencies: ["millrace-notes", .product(name: "MillraceTesting", package: "millrace")], path: "Tests"),
    ]
)
