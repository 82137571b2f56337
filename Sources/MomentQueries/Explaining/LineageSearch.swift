// SPDX-License-Identifier: Apache-2.0

import Codecs
import RecordLog
import Records
import TaskRooms
import VideoAnnotations

/// A record with its place in the log.
struct PlacedRecord {
    var partition: TopicPartition
    var offset: Offset
    var value: Bytes

    /// `topic[0] offset 12`
    var place: String { "\(self.partition) offset \(self.offset)" }

    /// Writes place and record into a part of an explanation.
    func write(to part: inout Explanation.Part, as name: String) {
        part.add(name) { json in
            json.field("topic", self.partition.topic)
            json.field("partition", self.partition.partition)
            json.field("offset", Int(self.offset))
            json.key("record")
            json.raw(self.value)
        }
    }
}

/// Finds in a log what a lineage names. Topics are known by the schema of their records, so any topology's will do.
struct LineageSearch {
    /// The records that were found, each with what it says.
    struct Trail {
        /// The narrations that the query is about.
        var narrations: [(record: PlacedRecord, narration: Narration)] = []
        /// The block that the query was written about.
        var blocks: [(record: PlacedRecord, block: Block)] = []
        /// The query as it was generated.
        var queries: [(record: PlacedRecord, query: Query)] = []
        /// Tells whether the time was over before everything had been looked at.
        var isCutShort = false

        /// The words about what was not found.
        var absence: String {
            self.isCutShort
                ? "not found in the time given, which --search-seconds makes longer"
                : "no longer in any topic of this log"
        }
    }

    private let lineage: Lineage
    private let queryID: String

    init(_ lineage: Lineage, queryID: String) {
        self.lineage = lineage
        self.queryID = queryID
    }

    /// Looks in each topic's partition of the video, as long as there is time.
    func find(in surroundings: ExplanationSurroundings) throws -> Trail {
        let log = surroundings.log
        var trail = Trail()
        let key = Bytes(self.lineage.videoUID.utf8)
        for topic in try log.topics() {
            let partition = TopicPartition(topic.name, Partitioner.partition(forKey: key, count: topic.partitions))
            let reader = try log.makeReader(of: partition, from: try log.offsets(of: partition).lowerBound)
            while true {
                if surroundings.isOver {
                    trail.isCutShort = true
                    break
                }
                let batch = try reader.read(recordsMax: 4096, bytesMax: 8 << 20)
                if batch.isEmpty { break }
                for index in 0..<batch.count where batch.records.key(at: index) == key {
                    self.take(batch.records[index], at: partition, batch.offsets[index], into: &trail)
                }
            }
        }
        trail.narrations.sort { $0.narration.index < $1.narration.index }
        return trail
    }

    /// Takes a record of the video, if it is one of the sample's; what cannot be read is not.
    private func take(_ record: Record, at partition: TopicPartition, _ offset: Offset, into trail: inout Trail) {
        guard let schema = record.headers.first(where: { $0.name == "schema" }), let value = record.value else {
            return
        }
        let placed = PlacedRecord(partition: partition, offset: offset, value: value)
        switch String(decoding: schema.value, as: UTF8.self).split(separator: "/").first {
        case "query":
            guard let query = try? JSONScanner.scan(value, { json throws(JSONError) in try Query(json: &json) }),
                query.queryID == self.queryID
            else { return }
            trail.queries.append((placed, query))
        case "block":
            guard let id = self.lineage.block,
                let block = try? JSONScanner.scan(value, { json throws(JSONError) in try Block(json: &json) }),
                block.blockID == id
            else { return }
            trail.blocks.append((placed, block))
        case "narration":
            guard
                let event = try? JSONScanner.scan(value, { json throws(JSONError) in try NarrationEvent(json: &json) }),
                case .narration(let narration) = event, narration.pass == self.lineage.pass,
                self.lineage.narrations.contains(narration.index)
            else { return }
            trail.narrations.append((placed, narration))
        default: return
        }
    }
}
