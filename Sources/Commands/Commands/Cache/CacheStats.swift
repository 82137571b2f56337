// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import ModelAnswerCache
import Records

extension CacheCommand {
    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count the answers, by model.",
            discussion: """
                Bytes are those of answers and requests as they came, and as they are stored, compressed.

                EXAMPLES
                  millrace cache stats
                  millrace cache stats --json | jq .entries
                """)

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            try CacheCommand.withCache(self.common, readOnly: true) { cache in
                let statistics = try cache.statistics()
                if self.common.json {
                    try Results.json(Self.json(statistics, path: cache.path))
                } else {
                    try Results.lines(Self.table(statistics).lines)
                    try Results.line("\(ProgressReporter.grouped(statistics.fileBytes)) bytes on disk in \(cache.path)")
                }
            }
        }

        private static func models(_ statistics: CacheStatistics) -> [(String, CacheStatistics.Group)] {
            statistics.models.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }

        private static func table(_ statistics: CacheStatistics) -> TextTable {
            var table = TextTable(["model", "entries", "answer bytes", "request bytes", "stored", "oldest", "newest"])
            for (name, group) in self.models(statistics) + [("all", statistics.total)] {
                table.add(
                    [name]
                        + [group.entries, group.answerBytes, group.requestBytes, group.storedBytes].map(
                            ProgressReporter.grouped)
                        + [group.oldest, group.newest].map { $0.map(CacheTime.text) ?? "-" })
            }
            return table
        }

        private static func json(_ statistics: CacheStatistics, path: String) -> Bytes {
            var json = JSONWriter()
            json.beginObject()
            self.write(statistics.total, to: &json)
            json.field("file_bytes", statistics.fileBytes)
            json.field("file", path)
            json.key("models")
            json.beginArray()
            for (name, group) in self.models(statistics) {
                json.beginObject()
                json.field("model", name)
                self.write(group, to: &json)
                json.endObject()
            }
            json.endArray()
            json.endObject()
            return json.bytes
        }

        private static func write(_ group: CacheStatistics.Group, to json: inout JSONWriter) {
            json.field("entries", group.entries)
            json.field("answer_bytes", group.answerBytes)
            json.field("request_bytes", group.requestBytes)
            json.field("stored_bytes", group.storedBytes)
            for (name, time) in [("oldest", group.oldest), ("newest", group.newest)] as [(StaticString, Timestamp?)] {
                json.key(name)
                if let time { json.value(CacheTime.text(time)) } else { json.null() }
            }
        }
    }
}
