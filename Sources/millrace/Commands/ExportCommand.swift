// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import DurableFiles
import Foundation
import MomentQueries
import RecordLog
import Records
import Shards

/// `millrace export`
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write samples in another project's format.", subcommands: [NLQ.self])

    struct NLQ: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "nlq",
            abstract: "Write shards as an annotation file that the official preparation script accepts unchanged.",
            discussion: """
                EXAMPLES
                  millrace export nlq --shards nlq --output nlq_train.json
                """)

        @Option(help: "The shard set.")
        var shards: String

        @Option(help: ArgumentHelp("The file to write; it is replaced as a whole.", valueName: "file"))
        var output: String

        @Option(help: "The split that the file says its videos are in.")
        var split = "train"

        @OptionGroup var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let log = try home.openLogToRead()
                defer { log.close() }
                let manifest = try ShardSets.manifest(self.shards, in: log)
                if !OutputFile.isStandardOutput(self.output) {
                    let folder = URL(fileURLWithPath: self.output).deletingLastPathComponent().path
                    try UserFile.reporting { () throws(FileFailure) in try Folder.create(folder, isPrivate: false) }
                }
                // The date is the last commit's, so that the same shards give the same bytes.
                let last = manifest.commits.map(\.time).max() ?? 0
                var options = NLQExport.Options(
                    date: Self.date(last),
                    description: "Natural-language queries generated from narrations: \(self.shards)")
                options.split = self.split
                let report = try NLQExport.run(
                    shards: manifest.commits.map(\.entry.file),
                    in: FileShardStorage(folder: home.shardFolder(self.shards)),
                    to: self.output, options: options)
                let counts =
                    [
                        "\(self.output): \(report.videos) videos, \(report.clips) clips, \(report.annotations) annotations, "
                            + "\(report.queries) queries"
                    ]
                    + report.skipped.sorted { $0.key.rawValue < $1.key.rawValue }.map { reason, count in
                        "left out, \(reason.rawValue): \(count)"
                    }
                try Results.lines(counts, beside: self.output)
            }
        }

        /// Ego4D's form of a date: `yymmdd`.
        private static func date(_ time: Timestamp) -> String {
            let parts = Calendar.utc.dateComponents(
                [.year, .month, .day], from: Date(timeIntervalSince1970: Double(time) / 1000))
            return String(format: "%02d%02d%02d", (parts.year ?? 0) % 100, parts.month ?? 0, parts.day ?? 0)
        }
    }
}

extension Calendar {
    /// The Gregorian calendar in UTC.
    static var utc: Calendar {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }
}
