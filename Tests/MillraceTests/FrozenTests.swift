// SPDX-License-Identifier: Apache-2.0

import Crypto
import Dataflow
import Foundation
import HostileServers
import Records
import TaskRooms
import Testing
import Topologies

@testable import Commands

/// Names and bytes that existing homes rely on: another spelling anywhere here, and a set cannot go on, a replay is not
/// the same, an answer is paid for again.
///
/// A line that differs is shown as it was (`-`) and as it is (`+`). Lines may be added with a new operator; none may
/// change.
@Suite("Frozen")
struct FrozenTests {
    private static let names = ["naq", "nlq"]

    @Test("Topologies and stages have the hashes that offsets, state and shards were committed under")
    func hashes() throws {
        var lines: [String] = []
        for name in Self.names {
            let topology = try Home.loadTopology(Workbench.topology(name))
            lines.append("\(name) \(topology.hash)")
            lines += topology.stages.map { "\(name).\($0.name) \($0.inputType.name) \($0.outputType.name) \($0.hash)" }
        }
        try Frozen("hashes").expect(lines)
    }

    @Test("Types have the names and the schema headers that records were written with")
    func types() throws {
        let types = Tasks.registered.operators.overloads.flatMap { [$0.input, $0.output] }
        let lines = types.map { type in
            let headers = type.headers.map { "\($0.name)=\(String(decoding: $0.value, as: UTF8.self))" }
            return "\(type.name) \(headers.joined(separator: " "))"
        }
        try Frozen("types").expect(Set(lines).sorted())
    }

    @Test("The sample world gives the same records, samples, shards and export", arguments: Self.names)
    func world(name: String) throws {
        let bench = try Workbench(videos: 12)
        try bench.expect(0, Workbench.ingestWorld + ["--pass", "both"])
        try bench.run(Workbench.topology(name))
        var lines: [String] = []
        for topic in ["narrations", "blocks", "queries", "queries.rejected", "\(name).dead-letters"] {
            guard let records = try bench.recordsByPartition(topic) else { continue }
            lines.append("\(topic) \(records.count) \(Frozen.digest(records.joined(separator: "\n")))")
        }
        // The lines, the bytes, which the version of zstd has a say in, and the manifest's figures. Partitions commit
        // to the manifest in no order of their own, and lines come in the manifest's order.
        let samples = try bench.samples(name).sorted()
        lines.append("samples \(samples.count) \(Frozen.digest(samples.joined(separator: "\n")))")
        for file in try bench.shardFiles(name) {
            let bytes = try Data(contentsOf: bench.shardFolder(name).appendingPathComponent(file))
            lines.append("\(file) \(bytes.count) \(Frozen.digest(bytes))")
        }
        let manifest = try #require(try bench.recordsByPartition("shards.\(name)")).sorted()
        lines.append("manifest \(manifest.count) \(Frozen.digest(manifest.joined(separator: "\n")))")
        try bench.succeed("export", "nlq", "--shards", name, "--output", "train.json")
        // An export bears the date of its set's last commit; the file beside the tests was written on that day.
        let export = try String(contentsOf: bench.folder.file("train.json"), encoding: .utf8)
        let dated = export.replacing(/"date":"[0-9]{6}"/, with: "\"date\":\"261130\"")
        lines.append("export \(Frozen.digest(Data(dated.utf8)))")
        try Frozen(name).expect(lines)
    }

    @Test("Requests to a model, first turns and repairs, have the keys that their answers are kept under")
    func requests() async throws {
        let bench = try Workbench(videos: 8)
        try bench.expect(0, Workbench.ingestWorld)
        // Every third block is answered badly at first, so that it is asked again.
        let model = try await ScriptedModel { call in
            let isRepair = call.body.contains(#""role":"assistant""#)
            let first = QueryModel.notes(in: call.prompt).first?.text.utf8.count ?? 0
            return isRepair || first % 3 != 0 ? QueryModel.reply(to: call) : .chat("I cannot say.")
        }
        let run = try MillraceProcess(
            ["run", Workbench.topology("nlq"), "--until-idle"],
            environment: ["MILLRACE_HOME": bench.home].merging(model.environment()) { $1 }, in: bench.folder.url)
        let result = try await run.finished(seconds: 240)
        #expect(result.code == 0, Comment(rawValue: result.story))
        let repairs = model.questions.count { $0.body.contains(#""role":"assistant""#) }
        #expect(repairs > 10)
        await model.stop()
        try bench.succeed("cache", "export", "answers.jsonl")
        let answers = try String(contentsOf: bench.folder.file("answers.jsonl"), encoding: .utf8).split(separator: "\n")
        let keys = try answers.compactMap { try JSONTree(String($0))["key"].string }.sorted()
        try Frozen("requests").expect(Array(keys.prefix(100)) + ["\(keys.count) \(Frozen.digest(keys.joined()))"])
    }
}

extension Workbench {
    /// A topic's keys, values and headers, one record a line, partition after partition; `nil` where there is no topic.
    func recordsByPartition(_ topic: String) throws -> [String]? {
        let topics = try self.succeed("topics", "list", "--json").outputLines.map { try JSONTree($0)["topic"].string }
        guard topics.contains(topic) else { return nil }
        let lines = try self.succeed("topics", "read", topic, "--json").outputLines
        let placed = try lines.map { line in
            let tree = try JSONTree(line)
            return (partition: tree["partition"].int ?? -1, offset: tree["offset"].int ?? -1, text: line)
        }
        return placed.sorted { ($0.partition, $0.offset) < ($1.partition, $1.offset) }
            .map { $0.text.replacing(/"(offset|timestamp)":[0-9]+,/, with: "") }
    }
}

/// Lines that are written down in a file beside the tests.
struct Frozen {
    private let file: URL

    init(_ name: String) {
        self.file = MillraceProcess.packageFolder.appendingPathComponent("Tests/MillraceTests/Frozen/\(name).txt")
    }

    /// Expects these lines and no others.
    func expect(_ lines: [String], at place: SourceLocation = #_sourceLocation) throws {
        let written = try String(contentsOf: self.file, encoding: .utf8).split(separator: "\n").map(String.init)
        let changes = lines.difference(from: written).map { change in
            switch change {
            case .remove(_, let line, _): "- \(line)"
            case .insert(_, let line, _): "+ \(line)"
            }
        }
        let story = "\(self.file.lastPathComponent):\n\(changes.joined(separator: "\n"))"
        #expect(changes.isEmpty, Comment(rawValue: story), sourceLocation: place)
    }

    static func digest(_ data: some DataProtocol) -> String {
        SHA256.hash(data: data).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    static func digest(_ text: String) -> String { Self.digest(Data(text.utf8)) }
}
