// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import ModelAnswerCache

extension CacheCommand {
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

        @OptionGroup(title: "Options of every command") var common: CommonOptions

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
                if let model = self.model, try cache.statistics().models[model] == nil {
                    let names = try cache.statistics().models.keys.sorted()
                    Console.warning(
                        "there is no answer of `\(model)`"
                            + (names.isEmpty ? "" : "; there are answers of: \(names.joined(separator: ", "))"))
                }
                let report = try CacheCommand.watched("prune", "entries removed") { goesOn in
                    try cache.prune(pruning, isDryRun: self.dryRun, progress: goesOn)
                }
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
}
