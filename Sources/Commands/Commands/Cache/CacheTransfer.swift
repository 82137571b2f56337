// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ModelAnswerCache

extension CacheCommand {
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write all answers to a file.",
            discussion: """
                JSON Lines with key, model, stored_at (milliseconds since 1970), request and answer, as text. The file
                appears when it is whole. Damaged entries are left out, named, and make the exit code 1.

                EXAMPLES
                  millrace cache export answers.jsonl
                  millrace cache export answers.jsonl.zst
                  zstdcat answers.jsonl.zst | jq -r '.answer | fromjson \\
                      | .choices[0].message.content'
                """)

        @Argument(help: "The file; a name that ends in .zst is compressed with zstd.")
        var file: String

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            try CacheCommand.withCache(self.common, readOnly: true) { cache in
                let report = try CacheCommand.watched("export", "entries") { goesOn in
                    try cache.export(to: self.file, progress: goesOn)
                }
                guard let report else { throw CommandFailure(.failed, "stopped; \(self.file) was not written") }
                for key in report.damaged { Console.warning("left out, its answer is damaged: \(key)") }
                for key in report.damagedRequests { Console.warning("without its request, which is damaged: \(key)") }
                try Results.lines(
                    ["\(self.file): \(ProgressReporter.grouped(report.entries)) entries"], beside: self.file)
                if !report.damaged.isEmpty || !report.damagedRequests.isEmpty {
                    throw CommandFailure(.failed, "the rest is written; see `millrace cache verify`")
                }
            }
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add the answers of a file.",
            discussion: """
                A key that has an answer keeps it. A line that is no entry, or whose key is not the SHA-256 of its request,
                is named and left out; the others are stored, and the exit code is 1. Importing a file again is harmless.

                EXAMPLES
                  millrace cache import answers.jsonl.zst
                  millrace cache import colleague.jsonl --home .millrace
                """)

        @Argument(help: "A file that `millrace cache export` wrote, compressed or not.")
        var file: String

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            try CacheCommand.withCache(self.common, readOnly: false) { cache in
                let shownMax = 20
                var bad = 0
                let report = try CacheCommand.watched("import", "lines") { goesOn in
                    try cache.import(
                        from: self.file,
                        onBadLine: { problem in
                            bad += 1
                            if bad <= shownMax { Console.error(problem) }
                        }, progress: goesOn)
                }
                if bad > shownMax { Console.error("… and \(bad - shownMax) more lines") }
                try Results.line(
                    "\(self.file): \(ProgressReporter.grouped(report.stored)) stored, "
                        + "\(ProgressReporter.grouped(report.present)) there already, \(report.refused) refused")
                if report.wasStopped { throw CommandFailure(.failed, "stopped; run it again to import the rest") }
                if report.refused > 0 {
                    throw CommandFailure(.failed, "mend the lines named above and import the file again")
                }
            }
        }
    }
}
