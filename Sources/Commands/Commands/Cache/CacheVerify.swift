// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import ModelAnswerCache

extension CacheCommand {
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare every answer with its checksum.",
            discussion: """
                Prints the keys of damaged entries, one a line, and exits with 1 if there are any. A damaged answer is never
                used: its request is made again, and the new answer takes its place.

                EXAMPLES
                  millrace cache verify
                  millrace cache verify || millrace cache prune --damaged
                """)

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            try CacheCommand.withCache(self.common, readOnly: true) { cache in
                let verification = try CacheCommand.watched("verify", "entries") { try cache.verify(progress: $0) }
                try self.report(verification)
                if Interrupts.hasCome { throw CommandFailure(.failed, "stopped before the end; nothing was changed") }
                if !verification.isSound {
                    let isLocal = verification.structure.isEmpty
                    throw CommandFailure(
                        .failed,
                        isLocal
                            ? "entries are damaged; they are not used. Remove them with `millrace cache prune --damaged`"
                            : "the file is damaged; `millrace cache prune --damaged` removes damaged entries and rebuilds "
                                + "the index. If `verify` still complains: `millrace cache export FILE`, move the folder "
                                + "away, and `millrace cache import FILE`")
                }
            }
        }

        private static func list(_ name: StaticString, _ texts: [String], in json: inout JSONWriter) {
            json.key(name)
            json.beginArray()
            for text in texts { json.value(text) }
            json.endArray()
        }

        private func report(_ verification: CacheVerification) throws {
            let damaged: [(name: StaticString, what: String, keys: [CacheKey])] = [
                ("damaged", "answer", verification.damagedAnswers),
                ("damaged_requests", "request", verification.damagedRequests),
            ]
            if self.common.json {
                var json = JSONWriter()
                json.beginObject()
                json.field("entries", verification.entries)
                for (name, _, keys) in damaged { Self.list(name, keys.map(\.description), in: &json) }
                json.field("unreadable", verification.unreadable)
                Self.list("structure", verification.structure, in: &json)
                json.endObject()
                try Results.json(json.bytes)
            } else {
                for (_, what, keys) in damaged {
                    for key in keys { try Results.line("\(key)  \(what)") }
                }
            }
            try Results.flush()
            for problem in verification.structure { Console.error(problem) }
            let bad =
                verification.damagedAnswers.count + verification.damagedRequests.count + verification.unreadable
            Console.info(
                "\(ProgressReporter.grouped(verification.entries)) entries, "
                    + (verification.isSound ? "sound" : "\(bad) damaged"))
        }
    }
}
