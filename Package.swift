// swift-tools-version: 6.2
import PackageDescription

/// Every target is built with the same strictness: a warning is an error, an existential or an import is visible.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// One room: a library target, and the tests that live beside it, which all may fuzz, with folders there that hold no
/// source; embedded files and folders become bytes in the program.
func room(
    _ name: String, _ dependencies: [Target.Dependency] = [], tests: [Target.Dependency]? = nil, data: [String] = [],
    embedded: [String] = []
) -> [Target] {
    var targets: [Target] = [
        .target(
            name: name, dependencies: dependencies, resources: embedded.map { .embedInCode($0) },
            swiftSettings: settings)
    ]
    if let tests {
        targets.append(
            .testTarget(
                name: "\(name)Tests", dependencies: [.byName(name: name), "Fuzzing"] + dependencies + tests,
                exclude: data, swiftSettings: settings))
    }
    return targets
}

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let http = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let hummingbird = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "millrace",
    products: [
        .executable(name: "millrace", targets: ["millrace"]),
        // A log of one's own: the contract with the values it speaks of, and the suite that shows that it is kept.
        .library(name: "RecordLog", targets: ["RecordLog", "Records", "Codecs"]),
        .library(name: "RecordLogTesting", targets: ["RecordLogTesting"]),
        // Operators, adapters and tasks of one's own: the program with all its commands, the rooms that these are made
        // of, and the suites that show that they keep the contracts. See ops/tutorial.md.
        .library(
            name: "MillraceKit",
            targets: [
                "MillraceKit", "Commands", "TaskRooms", "Dataflow", "Codecs", "Records", "VideoAnnotations",
                "NarrationGrammar", "MomentQueries", "Dialogues", "Conversations", "ModelRequests", "Training",
                "NeuralNetworks", "Shards", "DurableFiles", "Threads",
            ]),
        .library(name: "MillraceTesting", targets: ["MillraceTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        // For tests only: broken inputs, from a seed.
        .target(name: "Fuzzing", path: "Tests/Fuzzing", swiftSettings: settings),
        // For tests only: a client of HTTP that sends the bytes it is told.
        .target(name: "RawHTTP", path: "Tests/RawHTTP", swiftSettings: settings),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        // Vectorised whatever the build, and with the multiplications of a sum fused; warnings are errors here too.
        .target(
            name: "CKernels",
            cSettings: [.unsafeFlags(["-O3", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi", "-Werror"])]),
        .systemLibrary(name: "CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
    ]
        + room("DurableFiles", tests: [])
        + room("Threads", tests: [])
        + room("Codecs", ["CZstd", crypto], tests: [])
        + room("Records", ["Codecs"], tests: [])
        + room("RecordLog", ["Codecs", "Records"])
        + room("RecordLogTesting", ["RecordLog", "Codecs", "Records"], tests: [])
        + room("SharedDatabase", ["DurableFiles", "Codecs", "Records", grdb])
        + room("EmbeddedLog", ["SharedDatabase", "RecordLog", "Codecs", "Records", grdb], tests: ["RecordLogTesting"])
        + room(
            "KafkaLog", ["RecordLog", "Codecs", "Records", "CRdKafka"],
            tests: ["RecordLogTesting", "KafkaBroker", "CRdKafkaMock"])
        + [
            // For tests only: a broker, and librdkafka's mock of a cluster.
            .target(name: "KafkaBroker", path: "Tests/KafkaBroker", swiftSettings: settings),
            .systemLibrary(name: "CRdKafkaMock", path: "Tests/CRdKafkaMock", pkgConfig: "rdkafka"),
        ]
        + room(
            "Dataflow", ["Codecs", "Records"], tests: ["Mill"])
        + [
            // For tests only: operators of every kind, and the goods that they make of each other.
            .target(
                name: "Mill", dependencies: ["Dataflow", "Codecs", "Records"], path: "Tests/Mill",
                swiftSettings: settings)
        ]
        + room(
            "Topologies", ["DurableFiles", "Dataflow", "Codecs", "Records", yams],
            tests: ["Mill", "VideoAnnotations", "MomentQueries"])
        + room(
            "Engine",
            ["Topologies", "Dataflow", "RecordLog", "Telemetry", "Codecs", "Records", "Threads", deque, metrics],
            tests: ["RecordLogTesting", "Shards", "Conversations", "ModelRequests"])
        + room(
            "Shards", ["DurableFiles", "RecordLog", "Codecs", "Records", "Threads"], tests: ["RecordLogTesting"])
        // The contracts by which the program knows a task.
        + room(
            "TaskRooms",
            [
                "Training", "Topologies", "Dataflow", "Shards", "RecordLog", "DurableFiles", "Codecs", "Records",
                arguments,
            ],
            tests: [])
        + room(
            "VideoAnnotations", ["TaskRooms", "DurableFiles", "Dataflow", "Codecs", "Records", arguments],
            tests: ["MomentQueries"])
        + room("NarrationGrammar", ["VideoAnnotations", "Codecs"], tests: [])
        + room("ModelRequests", ["Codecs", "Records"])
        + room("Conversations", ["ModelRequests", "Dataflow", "Codecs", "Records"], tests: [])
        + room(
            "ModelServers",
            ["DurableFiles", "ModelRequests", "Codecs", "Records", http, nio, nioHTTP1, nioPosix, nioSSL],
            tests: ["HostileServers"])
        + [
            // For tests only: a model server that answers by a script.
            .target(
                name: "HostileServers", dependencies: ["Codecs", "Records", nio, nioPosix, nioSSL],
                path: "Tests/HostileServers",
                swiftSettings: settings)
        ]
        + room("ModelAnswerCache", ["DurableFiles", "SharedDatabase", "Codecs", "Records", grdb], tests: [])
        + room(
            "MomentQueries",
            [
                "Conversations", "ModelRequests", "ModelAnswerCache", "NarrationGrammar", "VideoAnnotations",
                "MomentLocalization", "Training", "TextEncoders", "NeuralNetworks", "TaskRooms", "Shards", "Topologies",
                "Dataflow", "RecordLog", "DurableFiles", "Codecs", "Records",
                arguments,
            ],
            tests: [],
            embedded: [
                "Project/nlq.yaml", "Project/nlq.test.yaml", "Project/naq.yaml", "Project/naq.test.yaml",
                "Project/nlq-prompt.txt", "Project/nlq-small-prompt.txt", "Project/narrations.jsonl",
                "Project/held-out.txt",
            ])
        + room(
            "Dialogues",
            [
                "Conversations", "ModelRequests", "ModelAnswerCache", "NarrationGrammar", "VideoAnnotations",
                "TaskRooms", "Shards", "Topologies", "Dataflow", "RecordLog", "DurableFiles", "Codecs", "Records",
                arguments,
            ],
            tests: [], data: ["Golden"],
            embedded: [
                "Project/proassist.yaml", "Project/proassist.test.yaml", "Project/proassist-goal.txt",
                "Project/proassist-merge.txt", "Project/proassist-match.txt", "Project/proassist-tasks.json",
                "Project/proassist-label.txt", "Project/proassist-converse.txt", "Project/proassist-refine.txt",
                "Project/proassist-progress.txt", "Project/proassist-progress-turn.txt", "Project/steps.jsonl",
                "Project/held-out.txt",
            ])
        + room(
            "ModelCalls",
            [
                "DurableFiles", "ModelRequests", "ModelServers", "ModelAnswerCache", "Telemetry", "Codecs", "Records",
                metrics,
            ],
            tests: ["HostileServers", "Conversations", "Dataflow"])
        + room("SampleWorld", ["Pictures", "DurableFiles", "Codecs"], tests: [])
        + room(
            "NeuralNetworks", ["DurableFiles", "Codecs", "Records", "Threads", "CKernels", "COpenBLAS"], tests: [])
        + room("VideoFeatures", ["NeuralNetworks", "Codecs", "Records"])
        + room("TextEncoders", ["NeuralNetworks", "Codecs", "Records"])
        // Pictures, encoders that see them, and videos, which other programs decode.
        + room("Pictures", tests: [])
        + room(
            "ImageEncoders", ["Pictures", "NeuralNetworks", "CKernels", "Codecs", "Records", "Threads"],
            tests: ["DurableFiles"],
            data: ["Golden"])
        + room("VideoFrames", ["Pictures", "DurableFiles"], tests: [])
        + [
            // For tests only: values of the official code for action frames.
            .target(name: "FrameGolden", path: "Tests/FrameGolden", exclude: ["Golden"], swiftSettings: settings)
        ]
        + room(
            "FrameEvaluation", ["Pictures", "NeuralNetworks", "COpenBLAS"], tests: ["FrameGolden", "Codecs", "Records"])
        + room(
            "Training",
            ["DurableFiles", "NeuralNetworks", "Shards", "Telemetry", "Codecs", "Records", "Threads", metrics],
            tests: ["ToyNetwork"])
        + [
            // For tests only: a network that has nothing to do with any other, and shards that land on demand.
            .target(
                name: "ToyNetwork",
                dependencies: [
                    "Training", "NeuralNetworks", "Threads", "Shards", "RecordLog", "RecordLogTesting", "Codecs",
                    "Records",
                ], path: "Tests/ToyNetwork", swiftSettings: settings)
        ]
        + room(
            "MomentLocalization",
            [
                "Training", "VideoFeatures", "TextEncoders", "DurableFiles", "NeuralNetworks", "CKernels", "Codecs",
                "Records", "Threads",
            ],
            tests: ["MomentQueries", "VideoAnnotations", "Shards", "RecordLogTesting", "ToyNetwork"],
            data: ["Golden", "Checkpoints"])
        + [
            // For tests only: values of the official code for long-term anticipation, and who checks which.
            .target(
                name: "ForecastGolden", path: "Tests/ForecastGolden", exclude: ["Golden"], swiftSettings: settings)
        ]
        + room(
            "ActionForecasting",
            [
                "Training", "VideoFeatures", "DurableFiles", "NeuralNetworks", "CKernels", "Codecs", "Records",
                "Threads",
            ],
            tests: ["ForecastGolden"])
        + room(
            "ActionAnticipation",
            [
                "ActionForecasting", "Conversations", "ModelRequests", "VideoAnnotations", "TextEncoders", "Training",
                "NeuralNetworks", "TaskRooms", "Shards", "Topologies", "Dataflow", "RecordLog", "DurableFiles",
                "Codecs", "Records", "Threads", arguments,
            ],
            tests: ["ForecastGolden"])
        + room("ActionDescriptions", ["Codecs"], tests: ["FrameGolden"])
        + room(
            "FrameFeatures",
            [
                "ImageEncoders", "VideoFrames", "Pictures", "TaskRooms", "NeuralNetworks", "Dataflow", "DurableFiles",
                "Codecs", "Records", "Threads",
            ],
            tests: ["VideoFeatures", "TinyEncoder"])
        + [
            // For tests only: an image encoder that is quick.
            .target(
                name: "TinyEncoder", dependencies: ["NeuralNetworks", "DurableFiles"], path: "Tests/TinyEncoder",
                swiftSettings: settings)
        ]
        + room(
            "FrameGeneration",
            [
                "Training", "Pictures", "VideoFeatures", "DurableFiles", "NeuralNetworks", "Codecs", "Records",
                "Threads",
            ],
            tests: [], data: ["Golden"])
        // The figures of a process, and the server and page that show them.
        + room(
            "Telemetry", ["RecordLog", "DurableFiles", "Codecs", "Records", metrics],
            tests: ["RecordLogTesting", "EmbeddedLog"])
        + room(
            "Operations", ["Engine", "Shards", "RecordLog", "DurableFiles", "Codecs", "Records"],
            tests: ["RecordLogTesting", "Mill", "Topologies", "Dataflow", "EmbeddedLog"])
        + room(
            "StatusServer",
            ["Codecs", hummingbird, httpTypes, nio, nioPosix, nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1, logging],
            tests: ["RawHTTP"])
        + room(
            "StatusPage",
            [
                "StatusServer", "Telemetry", "Operations", "Engine", "TaskRooms", "Shards", "RecordLog", "Codecs",
                "Records",
            ], tests: [], embedded: ["Assets"])
        // The program, whatever tasks it knows.
        + room(
            "Commands",
            [
                "DurableFiles", "Codecs", "Records", "RecordLog", "EmbeddedLog", "KafkaLog", "Dataflow", "Topologies",
                "Telemetry", metrics, "Engine", "TaskRooms", "VideoAnnotations", "ModelRequests", "ModelServers",
                "ModelCalls", "MomentQueries", "Dialogues", "ActionAnticipation", "ActionForecasting",
                "FrameGeneration", "ModelAnswerCache", "Operations", "Shards", "SampleWorld",
                "NeuralNetworks", "Training", "MomentLocalization", "Threads", "StatusServer", "StatusPage", arguments,
                "ActionDescriptions", "FrameEvaluation", "FrameFeatures", "Pictures", "VideoFeatures", "VideoFrames",
                logging,
            ])
        // A program with parts of somebody else's, and the suites for those parts.
        + room("MillraceKit", ["Commands", "TaskRooms", "VideoAnnotations", "Dataflow", "Codecs", "Records"])
        + room(
            "MillraceTesting", ["TaskRooms", "Dataflow", "Codecs", "Records"],
            tests: [
                "Commands", "Captions", "Topologies", "VideoAnnotations", "MomentQueries", "Dialogues",
                "ActionAnticipation", "FrameFeatures",
            ])
        + [
            // Our side of ops/bench/training.
            .executableTarget(
                name: "training-bench",
                dependencies: ["MomentLocalization", "VideoFeatures", "TextEncoders", "NeuralNetworks"],
                path: "Sources/TrainingBenchmark", swiftSettings: settings),
            // Our side of ops/bench/encoders.
            .executableTarget(
                name: "encoder-bench", dependencies: ["ActionForecasting", "NeuralNetworks", "Threads"],
                path: "Sources/EncoderBenchmark", swiftSettings: settings),
            // Our side of ops/bench/replay-stop.
            .executableTarget(
                name: "replay-bench",
                dependencies: [
                    "Commands", "Conversations", "Dataflow", "TaskRooms", "ModelRequests", "ModelAnswerCache",
                    "EmbeddedLog", "RecordLog", "Codecs", "Records",
                ],
                path: "Sources/ReplayBenchmark", swiftSettings: settings),
            .executableTarget(name: "millrace", dependencies: ["Commands"], swiftSettings: settings),
            .testTarget(
                name: "MillraceTests",
                dependencies: [
                    "millrace", "Commands", "Codecs", "Records", "Dataflow", "Topologies", "EmbeddedLog", "Fuzzing",
                    "HostileServers",
                    "KafkaBroker",
                    "KafkaLog", "MomentLocalization", "MomentQueries", "RecordLog", "Shards", "TaskRooms", "Telemetry",
                    "Training", "ToyNetwork", crypto, "RawHTTP", arguments, "StatusServer", "TinyEncoder",
                    "VideoFrames", "Pictures",
                ],
                exclude: ["Frozen", "SlowRename"], swiftSettings: settings),
            // The style of the whole tree.
            .testTarget(name: "TidyTests", swiftSettings: settings),
        ]
        + [
            // The worked example of a task, in a folder of its own: the task, a program that knows it, and its tests.
            .target(
                name: "Captions",
                dependencies: [
                    "TaskRooms", "Conversations", "ModelRequests", "Training", "NeuralNetworks", "Threads", "Shards",
                    "Dataflow", "DurableFiles", "Codecs", "Records", arguments,
                ],
                path: "Tests/Captions/Task", swiftSettings: settings),
            .executableTarget(
                name: "millrace-captions", dependencies: ["Captions", "Commands"], path: "Tests/Captions/Program",
                swiftSettings: settings),
            .testTarget(
                name: "CaptionsTests",
                dependencies: [
                    "Captions", "millrace-captions", "TaskRooms", "Training", "Shards", "EmbeddedLog", "Codecs",
                    "Records", "HostileServers", "KafkaBroker", arguments,
                ],
                path: "Tests/Captions/Tests", swiftSettings: settings),
        ]
        + [
            // The tutorial's package, as this one compiles it.
            .executableTarget(
                name: "millrace-notes", dependencies: ["MillraceKit"], path: "Tests/Tutorial/Sources",
                swiftSettings: settings),
            .testTarget(
                name: "TutorialTests", dependencies: ["millrace-notes", "MillraceKit", "MillraceTesting"],
                path: "Tests/Tutorial/Tests", swiftSettings: settings),
        ]
)
