// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import Foundation
import MomentQueries
import RecordLog
import Records
import Shards
import Topologies

/// `millrace explain`
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say where a sample came from, back to the narrations.",
        discussion: """
            Looks the query up in the shards, and what its lineage names in the topics: the query as it was generated, the block \
            that was shown, the narrations. What a model was asked and what it answered is looked up in the response cache.

            EXAMPLES
              millrace explain 9cbe3595-4f6b-5430-9f89-08eef3eb0663
              millrace explain 9cbe3595-4f6b-5430-9f89-08eef3eb0663 --topology topologies/nlq.yaml
            """)

    @Argument(help: "The query's id.")
    var queryID: String

    @Option(help: "Look in this shard set only.")
    var shards: String?

    @Option(
        help: "Take the validators' settings from the first `validate` step of this topology file, not their defaults.")
    var topology: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let judge = try self.judge()
            let log = try home.openLogToRead()
            defer { log.close() }
            let sets = try self.shards.map { [$0] } ?? ShardSets.names(in: log)
            for set in sets {
                guard let found = try self.find(in: set, home: home, log: log) else { continue }
                let sample = try Sample(parsing: found.line)
                let lineage = sample.lineage
                try Results.line(sample.query)
                try Results.line("  template: \(sample.template ?? "none")")
                try Results.line(
                    "  answer: video \(lineage.videoUID), \(Self.seconds(sample.window.start)) to \(Self.seconds(sample.window.end)) s"
                )
                try Results.line("sample of shards \(set), file \(found.file):")
                try Results.line("  " + String(decoding: found.line, as: UTF8.self))
                let trail = try LineageSearch(lineage, queryID: self.queryID).find(in: log)
                try Results.lines(trail.lines)
                try Results.lines(try AnswerTrail(lineage).lines(in: home))
                try Results.lines(trail.block.map { self.verdicts(of: judge, on: sample, of: $0) } ?? [])
                return
            }
            throw CommandFailure(
                .usage, "no sample has the id `\(self.queryID)` in the shards: \(sets.joined(separator: ", "))")
        }
    }

    private func judge() throws -> QueryJudge {
        guard let topology else { return QueryJudge() }
        let steps = try Home.loadTopology(topology).stages.flatMap(\.steps)
        guard let step = steps.first(where: { $0.name == "validate" }) else {
            throw CommandFailure(.usage, "\(topology) has no `validate` step; leave `--topology` out")
        }
        return QueryJudge(step.configuration)
    }

    /// What the validators say of a sample, a line each. A narration that was its own query has none: no block, no answer.
    private func verdicts(of judge: QueryJudge, on sample: Sample, of block: Block) -> [String] {
        let candidate = Candidate(
            narrationIDs: sample.lineage.narrations, template: sample.template ?? "", query: sample.query)
        let settings = self.topology.map { "as \($0) has them" } ?? "with the defaults of their fields"
        return ["validators, \(settings):"]
            + judge.verdicts(for: candidate, of: block).map { verdict in
                switch verdict.outcome {
                case .passed: "  \(verdict.reason.rawValue): passed"
                case .rejected(let problem): "  \(verdict.reason.rawValue): rejected, \(problem)"
                case .notJudged(let cause): "  \(verdict.reason.rawValue): not judged, \(cause)"
                }
            }
    }

    private static func seconds(_ time: Double) -> String { String(format: "%.2f", time) }

    private func find(in set: String, home: Home, log: any RecordLog) throws -> (line: Bytes, file: String)? {
        let needle = "\"query_id\":\"\(self.queryID)\""
        let storage = FileShardStorage(folder: home.shardFolder(set))
        let (manifest, unreadable) = try ShardSets.readable(set, in: log)
        for problem in unreadable { Console.warning("\(problem); it is passed over") }
        for commit in manifest.commits {
            let reader = try ShardReader(commit.entry.file, in: storage)
            var samples = try reader.samples()
            while let line = try samples.next() {
                if String(decoding: line, as: UTF8.self).contains(needle) { return (line, commit.entry.file) }
            }
        }
        return nil
    }
}

extension Sample {
    fileprivate init(parsing line: Bytes) throws {
        self = try JSONScanner.scan(line) { json throws(JSONError) in try Sample(json: &json) }
    }
}

/// Finds in a log what a lineage names. Topics are known by the schema of their records, so any topology's will do.
struct LineageSearch {
    private let lineage: Lineage
    private let queryID: String

    init(_ lineage: Lineage, queryID: String) {
        self.lineage = lineage
        self.queryID = queryID
    }

    /// What was found.
    struct Trail {
        /// The records, as lines of text.
        var lines: [String] = []
        /// The block that the query was written about.
        var block: Block?
    }

    func find(in log: any RecordLog) throws -> Trail {
        var trail = Trail()
        let key = Bytes(self.lineage.videoUID.utf8)
        for topic in try log.topics() {
            let partition = TopicPartition(topic.name, Partitioner.partition(forKey: key, count: topic.partitions))
            let reader = try log.makeReader(of: partition, from: try log.offsets(of: partition).lowerBound)
            while true {
                let batch = try reader.read(recordsMax: 4096, bytesMax: 8 << 20)
                if batch.isEmpty { break }
                for index in 0..<batch.count where batch.records.key(at: index) == key {
                    guard let value = batch.records.value(at: index), let kind = self.match(batch.records[index]) else {
                        continue
                    }
                    trail.lines.append("\(kind) (\(partition) offset \(batch.offsets[index])):")
                    trail.lines.append("  " + String(decoding: value, as: UTF8.self))
                    if kind == "block" { trail.block = try Self.block(value) }
                }
            }
        }
        return trail
    }

    private static func block(_ value: Bytes) throws -> Block {
        try JSONScanner.scan(value) { json throws(JSONError) in try Block(json: &json) }
    }

    /// What a record is to the sample, if anything.
    private func match(_ record: Record) -> String? {
        guard let schema = record.headers.first(where: { $0.name == "schema" }), let value = record.value,
            let json = try? JSONValue(parsing: value)
        else { return nil }
        switch String(decoding: schema.value, as: UTF8.self).split(separator: "/").first {
        case "query": return json["query_id"]?.string == self.queryID ? "query" : nil
        case "block":
            return self.lineage.block != nil && json["block_id"]?.string == self.lineage.block ? "block" : nil
        case "narration":
            let isIt =
                json["kind"]?.string == "narration" && json["pass"]?.int == self.lineage.pass
                && json["index"]?.int.map(self.lineage.narrations.contains) == true
            guard isIt, let index = json["index"]?.int, let text = json["text"]?.string else { return nil }
            return "narration \(index) at \(json["timestamp_sec"]?.double ?? 0) s, \"\(text)\""
        default: return nil
        }
    }
}
