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

        @OptionGroup var common: CommonOptions

        func run() throws {
            try CacheCommand.withCache(self.common, readOnly: true) { cache in
                let interrupts = Interrupts("stopping; once more to stop now")
                defer { interrupts.cancel() }
                let progress = ProgressReporter()
                let verification = try cache.verify { count in
                    progress.show { _ in "verify: \(ProgressReporter.grouped(count)) entries" }
                    return !Interrupts.hasCome
                }
                progress.finish()
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

        private func report(_ verification: CacheVerification) throws {
            if self.common.json {
                var json = JSONWriter()
                json.beginObject()
                json.field("entries", verification.entries)
                for (name, keys) in [
                    ("damaged", verification.damagedAnswers), ("damaged_requests", verification.damagedRequests),
                ] as [(StaticString, [CacheKey])] {
                    json.key(name)
                    json.beginArray()
                    for key in keys { json.value(key.description) }
                    json.endArray()
                }
                json.field("unreadable", verification.unreadable)
                json.key("structure")
                json.beginArray()
                for problem in verification.structure { json.value(problem) }
                json.endArray()
                json.endObject()
                try Results.json(json.bytes)
            } else {
                for key in verification.damagedAnswers { try Results.line("\(key)  answer") }
                for key in verification.damagedRequests { try Results.line("\(key)  request") }
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
