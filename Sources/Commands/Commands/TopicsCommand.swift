// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Foundation
import RecordLog
import Records

/// `millrace topics`
struct TopicsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "List topics, read one, or delete some.",
        subcommands: [List.self, Read.self, Delete.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the topics with their sizes.",
            discussion: """
                EXAMPLES
                  millrace topics list
                  millrace topics list --json | jq .records
                """)

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let log = try home.openLogToRead()
                defer { log.close() }
                var table = TextTable(["topic", "partitions", "records", "first", "end"])
                for topic in try log.topics() {
                    let ranges = try (0..<topic.partitions).map { try log.offsets(of: TopicPartition(topic.name, $0)) }
                    let count = ranges.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) }
                    if self.common.json {
                        try Results.json(Self.json(topic, ranges, count))
                    } else {
                        let first = ranges.map { String($0.lowerBound) }.joined(separator: ",")
                        let end = ranges.map { String($0.upperBound) }.joined(separator: ",")
                        table.add([topic.name, String(topic.partitions), ProgressReporter.grouped(count), first, end])
                    }
                }
                if !self.common.json { try Results.lines(table.lines) }
            }
        }

        private static func json(_ topic: TopicSpecification, _ ranges: [Range<Offset>], _ count: Int) -> Bytes {
            var json = JSONWriter()
            json.beginObject()
            json.field("topic", topic.name)
            json.field("partitions", topic.partitions)
            json.field("records", count)
            json.key("offsets")
            json.beginArray()
            for range in ranges {
                json.beginArray()
                json.value(Int(range.lowerBound))
                json.value(Int(range.upperBound))
                json.endArray()
            }
            json.endArray()
            json.endObject()
            return json.bytes
        }
    }

    struct Read: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a topic's records.",
            discussion: """
                EXAMPLES
                  millrace topics read narrations | head
                  millrace topics read queries --json --partition 0 --from 100 | jq .value.query
                  millrace topics read nlq.dead-letters --json --follow
                """)

        @Argument(help: "The topic.")
        var topic: String

        @Option(help: "Only this partition.")
        var partition: Int?

        @Option(
            help: ArgumentHelp(
                "Begin: earliest, latest, an offset, or time:2026-11-01T00:00:00Z.", valueName: "position"))
        var from = "earliest"

        @Option(help: "Print at most this many records.")
        var limit: Int?

        @Flag(help: "Go on with new records until Ctrl-C.")
        var follow = false

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func validate() throws {
            if let limit, limit < 0 { throw ValidationError("--limit wants 0 or more.") }
        }

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let log = try home.openLogToRead()
                defer { log.close() }
                let position = try StartPosition(parsing: self.from)
                let readers = try self.partitions(in: log).map { partition in
                    try log.makeReader(of: partition, from: try position.offset(of: partition, in: log))
                }
                var left = self.limit ?? .max
                while left > 0 {
                    var found = false
                    for reader in readers where left > 0 {
                        let batch = try reader.read(recordsMax: min(left, 1000), bytesMax: 4 << 20)
                        for index in 0..<batch.count { try Results.json(self.line(batch, index)) }
                        left -= batch.count
                        found = found || !batch.isEmpty
                    }
                    if found { continue }
                    try Results.flush()
                    guard self.follow else { return }
                    log.awaitAppend(timeoutMilliseconds: 500)
                }
            }
        }

        private func partitions(in log: any RecordLog) throws -> [TopicPartition] {
            let topics = try log.topics()
            guard let topic = topics.first(where: { $0.name == self.topic }) else {
                let names = topics.map(\.name).joined(separator: ", ")
                throw CommandFailure(.usage, "there is no topic `\(self.topic)`; there are: \(names)")
            }
            guard let partition else { return (0..<topic.partitions).map { TopicPartition(topic.name, $0) } }
            guard (0..<topic.partitions).contains(partition) else {
                throw CommandFailure(
                    .usage, "`\(self.topic)` has the partitions 0 to \(topic.partitions - 1), not \(partition)")
            }
            return [TopicPartition(topic.name, partition)]
        }

        private func line(_ batch: FetchedBatch, _ index: Int) -> Bytes {
            let record = batch.records[index]
            if self.common.json { return RecordJSON.object(record, batch, index) }
            let key = record.key.map { VisibleText.text(String(decoding: $0, as: UTF8.self)) } ?? "-"
            return Bytes("\(key)\t".utf8) + (record.value ?? Bytes("(tombstone)".utf8))
        }
    }
}

/// A record as one JSON object: `topic, partition, offset, timestamp, key, headers, value`.
enum RecordJSON {
    static func object(_ record: Record, _ batch: FetchedBatch, _ index: Int) -> Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("topic", batch.partition.topic)
        json.field("partition", batch.partition.partition)
        json.field("offset", Int(batch.offsets[index]))
        json.field("timestamp", Int(batch.timestamps[index]))
        json.key("key")
        Self.text(record.key, to: &json)
        json.key("headers")
        json.beginArray()
        for header in record.headers {
            json.beginObject()
            json.field("name", header.name)
            json.key("value")
            Self.text(header.value, to: &json)
            json.endObject()
        }
        json.endArray()
        json.key("value")
        if let value = record.value, let tree = try? JSONValue(parsing: value) {
            tree.write(to: &json)
        } else {
            Self.text(record.value, to: &json)
        }
        json.endObject()
        return json.bytes
    }

    /// Bytes as text where they are text, else in base 64; nothing as null.
    private static func text(_ bytes: Bytes?, to json: inout JSONWriter) {
        guard let bytes else { return json.null() }
        if let text = String(validating: bytes, as: UTF8.self) {
            json.value(text)
        } else {
            json.value("base64:" + Data(bytes).base64EncodedString())
        }
    }
}

/// A place in a topic as it is written on the command line.
enum StartPosition {
    case earliest
    case latest
    case offsets([Int: Offset])
    case offset(Offset)
    case time(Timestamp)

    init(parsing text: String) throws {
        if text == "earliest" {
            self = .earliest
        } else if text == "latest" {
            self = .latest
        } else if text.hasPrefix("time:") {
            self = .time(try Self.time(String(text.dropFirst(5))))
        } else if text.hasPrefix("offset:") {
            self = .offsets(try Self.offsets(String(text.dropFirst(7))))
        } else if let offset = Offset(text), offset >= 0 {
            self = .offset(offset)
        } else {
            throw CommandFailure(
                .usage,
                "`\(text)` is no position: use earliest, latest, an offset, offset:0=100,1=90 or time:2026-11-01T00:00:00Z"
            )
        }
    }

    private static func time(_ text: String) throws -> Timestamp {
        guard let date = try? Date(text, strategy: .iso8601) else {
            throw CommandFailure(.usage, "`\(text)` is no time: write it like 2026-11-01T00:00:00Z")
        }
        return Timestamp(date.timeIntervalSince1970 * 1000)
    }

    private static func offsets(_ text: String) throws -> [Int: Offset] {
        var offsets: [Int: Offset] = [:]
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "=")
            guard sides.count == 2, let partition = Int(sides[0]), let offset = Offset(sides[1]), partition >= 0,
                offset >= 0
            else { throw CommandFailure(.usage, "`\(part)` is no offset: write partition=offset, like 0=100") }
            offsets[partition] = offset
        }
        return offsets
    }

    /// The offset of a partition that this position means.
    func offset(of partition: TopicPartition, in log: any RecordLog) throws -> Offset {
        let range = try log.offsets(of: partition)
        return switch self {
        case .earliest: range.lowerBound
        case .latest: range.upperBound
        case .offset(let offset): max(offset, range.lowerBound)
        case .offsets(let offsets): max(offsets[partition.partition] ?? range.lowerBound, range.lowerBound)
        case .time(let time): try log.offset(of: partition, notBefore: time)
        }
    }
}
