// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Foundation
import ModelAnswerCache
import Records

/// `millrace cache`
struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract: "Look after the answers of language models, which are kept so that no request is paid for twice.",
        discussion: """
            The answers are in the home's folder `cache`. Nothing is removed from there by itself. All of these commands may
            run while others use the cache, and may be stopped with Ctrl-C at any time.

            EXAMPLES
              millrace cache stats
              millrace cache verify
              millrace cache prune --before 90d --dry-run
              millrace cache export answers.jsonl.zst
              millrace cache import answers.jsonl.zst --home elsewhere
            """,
        subcommands: [Stats.self, Verify.self, Prune.self, Export.self, Import.self])

    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count the answers, by model.",
            discussion: """
                Bytes are those of answers and requests as they came, and as they are stored, compressed.

                EXAMPLES
                  millrace cache stats
                  millrace cache stats --json | jq .entries
                """)

        @OptionGroup var common: CommonOptions

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

    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove answers, so that their requests are made again when they are met.",
            discussion: """
                EXAMPLES
                  millrace cache prune --model old-model --dry-run
                  millrace cache prune --before 2026-01-01
                  millrace cache prune --before 90d --model old-model
                  millrace cache prune --damaged
                """)

        @Option(
            help: ArgumentHelp(
                "Only answers stored before this: 2026-01-01, 2026-01-01T12:00:00Z, or an age such as 90d or 12h.",
                valueName: "time"))
        var before: String?

        @Option(help: ArgumentHelp("Only answers of this model.", valueName: "name"))
        var model: String?

        @Flag(help: "Only damaged answers; damaged requests of sound answers are dropped.")
        var damaged = false

        @Flag(help: "Only say what would be removed.")
        var dryRun = false

        @OptionGroup var common: CommonOptions

        func validate() throws {
            if self.damaged, self.before != nil || self.model != nil {
                throw ValidationError("--damaged goes alone: run it before or after --before and --model.")
            }
            if !self.damaged, self.before == nil, self.model == nil {
                throw ValidationError("Say what to remove: --before TIME, --model NAME, both, or --damaged.")
            }
            if let before { _ = try CacheTime.parse(before) }
        }

        func run() throws {
            let pruning: CachePruning =
                self.damaged
                ? .damaged : .entries(before: try self.before.map { try CacheTime.parse($0) }, model: self.model)
            try CacheCommand.withCache(self.common, readOnly: self.dryRun, mustExist: true) { cache in
                let interrupts = Interrupts("stopping; once more to stop now")
                defer { interrupts.cancel() }
                let progress = ProgressReporter()
                if let model = self.model, try cache.statistics().models[model] == nil {
                    let names = try cache.statistics().models.keys.sorted()
                    Console.warning(
                        "there is no answer of `\(model)`"
                            + (names.isEmpty ? "" : "; there are answers of: \(names.joined(separator: ", "))"))
                }
                let report = try cache.prune(pruning, isDryRun: self.dryRun) { count in
                    progress.show { _ in "prune: \(ProgressReporter.grouped(count)) entries removed" }
                    return !Interrupts.hasCome
                }
                progress.finish()
                if self.common.json {
                    try Results.json(self.json(report))
                } else {
                    try Results.line(self.text(report))
                }
                if report.wasStopped { throw CommandFailure(.failed, "stopped; run it again to remove the rest") }
            }
        }

        private func text(_ report: CachePruningReport) -> String {
            let count = "\(ProgressReporter.grouped(report.entries)) entr\(report.entries == 1 ? "y" : "ies")"
            let bytes = self.damaged ? "" : ", \(ProgressReporter.grouped(report.storedBytes)) stored bytes"
            let requests = report.requests == 0 ? "" : "; requests dropped from \(report.requests) sound entries"
            return "\(self.dryRun ? "would remove" : "removed") \(count)\(bytes)\(requests)"
        }

        private func json(_ report: CachePruningReport) -> Bytes {
            var json = JSONWriter()
            json.beginObject()
            json.field("entries", report.entries)
            json.field("stored_bytes", report.storedBytes)
            json.field("requests", report.requests)
            json.field("dry_run", self.dryRun)
            json.endObject()
            return json.bytes
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write all answers to a file.",
            discussion: """
                JSON Lines with key, model, stored_at (milliseconds since 1970), request and answer, as text. The file
                appears when it is whole. Damaged entries are left out, named, and make the exit code 1.

                EXAMPLES
                  millrace cache export answers.jsonl
                  millrace cache export answers.jsonl.zst
                  zstdcat answers.jsonl.zst | jq -r '.answer | fromjson | .choices[0].message.content'
                """)

        @Argument(help: "The file; a name that ends in .zst is compressed with zstd.")
        var file: String

        @OptionGroup var common: CommonOptions

        func run() throws {
            try CacheCommand.withCache(self.common, readOnly: true) { cache in
                let interrupts = Interrupts("stopping; once more to stop now")
                defer { interrupts.cancel() }
                let progress = ProgressReporter()
                let report = try cache.export(to: self.file) { count in
                    progress.show { _ in "export: \(ProgressReporter.grouped(count)) entries" }
                    return !Interrupts.hasCome
                }
                progress.finish()
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

        @OptionGroup var common: CommonOptions

        func run() throws {
            try CacheCommand.withCache(self.common, readOnly: false) { cache in
                let interrupts = Interrupts("stopping; once more to stop now")
                defer { interrupts.cancel() }
                let progress = ProgressReporter()
                let shownMax = 20
                var bad = 0
                let report = try cache.import(from: self.file) { problem in
                    bad += 1
                    if bad <= shownMax { Console.error(problem) }
                } progress: { count in
                    progress.show { _ in "import: \(ProgressReporter.grouped(count)) lines" }
                    return !Interrupts.hasCome
                }
                progress.finish()
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

    /// Opens the cache of the home, and sorts the errors.
    private static func withCache(
        _ common: CommonOptions, readOnly: Bool, mustExist: Bool = false, _ body: (ResponseCache) throws -> Void
    ) throws {
        let home = try common.makeHome()
        do {
            var options = ResponseCache.Options()
            options.readOnly = readOnly
            options.mustExist = mustExist
            let cache = try ResponseCache(folder: home.cacheFolder, options: options)
            defer { cache.close() }
            try body(cache)
        } catch let error as CacheError {
            let isUsage = error.code == .versionTooNew || error.code == .missing
            throw CommandFailure(isUsage ? .usage : .failed, error.message)
        }
    }
}

/// Points in time as these commands write and read them.
private enum CacheTime {
    /// `2026-01-01T12:00:00Z`
    static func text(_ time: Timestamp) -> String {
        Date(timeIntervalSince1970: Double(time) / 1000).formatted(.iso8601)
    }

    /// Reads a day, a moment, or an age.
    static func parse(_ text: String) throws -> Timestamp {
        let day = text.wholeMatch(of: /\d{4}-\d{2}-\d{2}/) != nil
        if let date = try? Date(day ? text + "T00:00:00Z" : text, strategy: .iso8601) {
            return Timestamp(date.timeIntervalSince1970 * 1000)
        }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        if let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
            (0...1_000_000_000).contains(count)
        {
            return Timestamp(Date().timeIntervalSince1970 * 1000) - count * unit * 1000
        }
        throw ValidationError(
            "“\(text)” is no time: write 2026-01-01, 2026-01-01T12:00:00Z, or an age such as 90d, 12h or 30m.")
    }
}
