// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A sample world, the topologies of these tests, and a home into which the world has been ingested undisturbed.
///
/// Made once a size and shared: tests work on copies of its home.
final class SampleHome: Sendable {
    /// More than 50,000 narrations.
    static let large = Result { try SampleHome(videos: 212) }

    /// Enough for a few dozen shards.
    static let small = Result { try SampleHome(videos: 60) }

    let folder: String
    /// The narrations that the ingest reported.
    let narrations: Int
    let ingestArguments: [String]

    private init(videos: Int) throws {
        let folder = try TestFolder(untilExit: true)
        self.folder = folder.path
        let world = folder.file("world").path
        try Self.succeed("sample", "--videos", String(videos), "--no-features", "--output", world)
        try Self.spoil(folder.file("world/narration.json"))
        self.ingestArguments = [
            "ingest", "ego4d", "--narrations", "\(world)/narration.json", "--metadata", "\(world)/ego4d.json",
            "--exclude", "\(world)/nlq_val.json", "--exclude", "\(world)/nlq_test_unannotated.json", "--pass", "both",
        ]
        let home = TestHome(folder.file("home"))
        let ingested = try home.start(self.ingestArguments + ["--json"]).wait()
        guard ingested.code == 0 else { throw ProcessFailure(description: ingested.story) }
        let report = try JSONSerialization.jsonObject(with: ingested.output) as? [String: Any]
        self.narrations = report?["narrations"] as? Int ?? 0
    }

    /// The home with everything ingested; not to be written to.
    var ingested: TestHome { TestHome(URL(fileURLWithPath: self.folder + "/home")) }

    /// A copy of the home in a folder.
    func copy(into folder: TestFolder, as name: String = "home") throws -> TestHome {
        let home = TestHome(folder.file(name))
        try FileManager.default.copyItem(at: self.ingested.url, to: home.url)
        return home
    }

    /// Makes some narrations unusable, so that there are dead letters to be kept exactly once.
    private static func spoil(_ file: URL) throws {
        let parts = String(decoding: try Data(contentsOf: file), as: UTF8.self)
            .split(separator: "\"timestamp_sec\":", omittingEmptySubsequences: false)
        guard parts.count > 2000 else { throw ProcessFailure(description: "narration.json is written another way") }
        var text = String(parts[0])
        for (index, part) in parts.dropFirst().enumerated() {
            text += "\"timestamp_sec\":" + (index % 701 == 700 ? "-" : "") + part
        }
        try Data(text.utf8).write(to: file)
    }

    private static func succeed(_ arguments: String...) throws {
        let result = try MillraceProcess(arguments).wait()
        guard result.code == 0 else { throw ProcessFailure(description: result.story) }
    }
}

/// The topologies of these tests: those of the package with other rotation.
enum TestTopology {
    /// Writes the package's topologies and prompts into a folder, with limits of rotation in the stages that land.
    /// - Returns: the path of `name.yaml`.
    static func write(_ name: String, rotate: String, into folder: TestFolder) throws -> String {
        let source = MillraceProcess.packageFolder.appendingPathComponent("topologies")
        let prompts = folder.file("topologies/prompts")
        let text = try String(contentsOf: source.appendingPathComponent("\(name).yaml"), encoding: .utf8)
        let rotating =
            text
            .replacingOccurrences(of: "compression: zstd }", with: "compression: zstd, rotate: \(rotate) }")
            .replacingOccurrences(of: "    from:", with: "    commit: { seconds: 0.2 }\n    from:")
        guard rotating != text else { throw ProcessFailure(description: "\(name).yaml lands in no shards") }
        let path = try folder.write(rotating, to: "topologies/\(name).yaml")
        if !FileManager.default.fileExists(atPath: prompts.path) {
            try FileManager.default.copyItem(at: source.appendingPathComponent("prompts"), to: prompts)
        }
        return path
    }
}

/// A home and what can be read from it: the folder itself, and what the command line says of it.
struct TestHome: Sendable {
    /// One shard's place in its set; the epoch in its name differs from run to run.
    struct ShardPlace: Hashable, Comparable, Sendable {
        var partition: Int
        var sequence: Int

        static func < (left: ShardPlace, right: ShardPlace) -> Bool {
            (left.partition, left.sequence) < (right.partition, right.sequence)
        }
    }

    let url: URL

    init(_ url: URL) { self.url = url }

    /// Starts `millrace` on this home.
    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> MillraceProcess {
        try MillraceProcess(arguments + ["--home", self.url.path], environment: environment)
    }

    /// Runs `millrace` on this home and leaves the thread to others meanwhile.
    func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> ProcessResult {
        try await self.start(arguments, environment: environment).finished(seconds: 240)
    }

    /// Runs `millrace` on this home and returns its standard output, if all is well.
    func output(_ arguments: String...) async throws -> ProcessResult {
        let result = try await self.start(arguments).finished(seconds: 240)
        guard result.code == 0 else { throw ProcessFailure(description: result.story) }
        return result
    }

    /// All files in the folder of a set, committed or not, open ones too, without the lists of those that are.
    func files(of set: String) -> Set<String> {
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: self.url.appendingPathComponent("shards/\(set)").path)
        return Set(names ?? []).filter { !ManifestFiles.isOne($0) }
    }

    /// The published files of a set, committed or not.
    func published(of set: String) -> Set<String> { self.files(of: set).filter { !$0.hasPrefix(".") } }

    /// The files that the lists beside a set's shards name, partition after partition.
    func listedBeside(_ set: String) throws -> [String] {
        try ManifestFiles.listed(in: self.url.appendingPathComponent("shards/\(set)"))
    }

    /// The files that the manifest of a set lists.
    func listed(in set: String) async throws -> [String] {
        let result = try await self.run("shards", "list", set, "--json")
        // Before the first run there is no such set.
        if result.code == 2, result.errorText.contains("there is no shard set") { return [] }
        guard result.code == 0 else { throw ProcessFailure(description: result.story) }
        return try result.outputLines.map { line in
            let entry = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            guard let file = entry?["file"] as? String else { throw ProcessFailure(description: "no file in \(line)") }
            return file
        }
    }

    /// The report of `status` on a group.
    func group(_ name: String) async throws -> GroupStatus {
        try GroupStatus(named: name, in: try await self.output("status", "--json", "--interval", "0"))
    }

    /// The bytes of the committed shards by their place.
    func shards(of set: String) async throws -> [ShardPlace: Data] {
        var shards: [ShardPlace: Data] = [:]
        for file in try await self.listed(in: set) {
            let parts = file.dropLast(".jsonl.zst".count).split(separator: "-").suffix(3)
            guard parts.count == 3, let partition = Int(parts[parts.startIndex]),
                let sequence = Int(parts[parts.startIndex + 1])
            else { throw ProcessFailure(description: "\(file) is no shard's name") }
            let data = try Data(contentsOf: self.url.appendingPathComponent("shards/\(set)/\(file)"))
            let place = ShardPlace(partition: partition, sequence: sequence)
            guard shards.updateValue(data, forKey: place) == nil else {
                throw ProcessFailure(description: "two shards at \(place)")
            }
        }
        return shards
    }

    /// A topic's records, a list a partition: keys, headers and values as JSON, without offsets and times of writing.
    func records(of topic: String) async throws -> [[String]] {
        var partitions: [[String]] = Array(repeating: [], count: 4)
        for line in try await self.output("topics", "read", topic, "--json").outputLines {
            guard let key = line.firstRange(of: "\"key\":"), let number = line.firstRange(of: "\"partition\":"),
                let partition = line[number.upperBound...].first?.wholeNumberValue, partitions.indices ~= partition
            else { throw ProcessFailure(description: "no record: \(line)") }
            partitions[partition].append(String(line[key.lowerBound...]))
        }
        return partitions
    }
}
