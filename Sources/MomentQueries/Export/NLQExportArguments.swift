// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import DurableFiles
import Foundation
import Records
import Shards
public import TaskRooms

/// The command line of `millrace export nlq`.
public struct NLQExportArguments: SampleExport {
    /// The name on the command line.
    public static let name = "nlq"
    /// A line about the form.
    public static let abstract =
        "Write shards as an annotation file that the official preparation script accepts unchanged."
    /// An example of its use.
    public static let discussion = """
        EXAMPLES
          millrace export nlq --shards nlq --output nlq_train.json
        """

    @Option(help: "The split that the file says its videos are in.")
    var split = "train"

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Writes the annotation file.
    public func write(_ set: ShardSet, to output: String) throws -> [String] {
        var options = NLQExport.Options(
            date: Self.date(set.lastCommit),
            description: "Natural-language queries generated from narrations: \(set.name)")
        options.split = self.split
        let report = try NLQExport.run(shards: set.files, in: set.storage, to: output, options: options)
        let written =
            "\(output): \(report.videos) videos, \(report.clips) clips, \(report.annotations) annotations, "
            + "\(report.queries) queries"
        return [written]
            + report.skipped.sorted { $0.key.rawValue < $1.key.rawValue }.map { reason, count in
                "left out, \(reason.rawValue): \(count)"
            }
    }

    /// Ego4D's form of a date: `yymmdd`.
    private static func date(_ time: Timestamp) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents(
            [.year, .month, .day], from: Date(timeIntervalSince1970: Double(time) / 1000))
        return String(format: "%02d%02d%02d", (parts.year ?? 0) % 100, parts.month ?? 0, parts.day ?? 0)
    }
}
