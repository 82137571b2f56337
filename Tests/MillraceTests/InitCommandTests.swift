// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `init`: projects whose README can be followed word by word.
@Suite("Init", .timeLimit(.minutes(5)))
struct InitCommandTests {
    private static let tasks = ["nlq", "naq", "dialogues"]

    /// The shell blocks of a project's README, as one script.
    private static func script(_ bench: Workbench, _ folder: String) throws -> String {
        let text = try String(contentsOf: bench.folder.file("\(folder)/README.md"), encoding: .utf8)
        let blocks = text.components(separatedBy: "```sh\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
        #expect(blocks.count == 2)
        for line in blocks.joined().split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        return blocks.joined()
    }

    @Test("Every command of a new project's README works as it stands", arguments: tasks)
    func readme(task: String) throws {
        let bench = try Workbench()
        try bench.succeed("init", "project", "--task", task).prints("project/README.md", "next: ")
        let script = try Self.script(bench, "project")
        for command in ["lint", "test", "preview", "ingest", "run", "shards cat"] {
            #expect(script.contains("millrace \(command) "), "\(script)")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-euxc", "millrace() { \"$PROGRAM\" \"$@\"; }\n" + script]
        process.currentDirectoryURL = bench.folder.file("project")
        process.environment = ["PROGRAM": MillraceProcess.binary.path, "PATH": "/usr/bin:/bin"]
        let output = bench.folder.file("said")
        try Data().write(to: output)
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = process.standardOutput
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let said = try String(contentsOf: output, encoding: .utf8)
        #expect(process.terminationStatus == 0, "\(said)")
        #expect(said.contains(" passed, 0 failed") && said.contains("nothing was written"), "\(said)")
        // A sample is the last thing that it prints.
        let last = said.split(separator: "\n").last.map(String.init) ?? ""
        #expect(try JSONTree(last)["lineage"].keys.isEmpty == false || JSONTree(last).keys.count > 2, "\(last)")
    }

    @Test("The files of a project are those of the package")
    func files() throws {
        let bench = try Workbench()
        for task in Self.tasks { try bench.succeed("init", task, "--task", task) }
        let source = MillraceProcess.packageFolder.appendingPathComponent("topologies")
        var count = 0
        for task in Self.tasks {
            for path in try FileManager.default.subpathsOfDirectory(atPath: bench.folder.file(task).path) {
                let shipped = source.appendingPathComponent(path)
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: shipped.path, isDirectory: &isFolder), !isFolder.boolValue
                else { continue }
                #expect(
                    try Data(contentsOf: shipped) == Data(contentsOf: bench.folder.file("\(task)/\(path)")), "\(path)")
                count += 1
            }
        }
        #expect(count >= 15)
    }

    @Test("Nothing that is there is overwritten, and then nothing at all is written")
    func refusal() throws {
        let bench = try Workbench()
        try bench.folder.write("mine\n", to: "project/nlq.test.yaml")
        try bench.fail(2, "init", "project").says("project/nlq.test.yaml", "nothing was written")
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder.file("project").path).count == 1)
        // A link that leads nowhere is something, too.
        try FileManager.default.createDirectory(
            atPath: bench.folder.file("other").path, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: bench.folder.file("other/README.md").path, withDestinationPath: "/nowhere/at-all")
        try bench.fail(2, "init", "other").says("other/README.md")
        try bench.fail(2, "init", "third", "--task", "poems").says("no task `poems`", "nlq")
        #expect(!FileManager.default.fileExists(atPath: bench.folder.file("third").path))
        try bench.succeed("init", "fourth/below")
        try bench.fail(2, "init", "fourth/below").says("already")
    }
}
