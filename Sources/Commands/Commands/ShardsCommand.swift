// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Foundation
import RecordLog
import Records
import Shards

/// `millrace shards`
struct ShardsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shards", abstract: "List shards, verify them, print their samples, or drop them.",
        subcommands: [List.self, Verify.self, Cat.self, Drop.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the shard sets, or the shards of one.",
            discussion: """
                EXAMPLES
                  millrace shards list
                  millrace shards list nlq --json | jq .file
                """)

        @Argument(help: "A set; all sets by default.")
        var name: String?

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let log = try home.openLogToRead()
                defer { log.close() }
                let unreadable = if let name { try self.shards(of: name, in: log) } else { try self.sets(in: log) }
                try Unreadable.report(unreadable)
            }
        }

        /// - Returns: what could not be read.
        private func sets(in log: any RecordLog) throws -> [String] {
            var problems: [String] = []
            var table = TextTable(["set", "shards", "samples", "bytes", "uncompressed"])
            for (manifest, unreadable) in try ShardSets.all(in: log) {
                let name = manifest.name
                problems += unreadable
                let size = SetSize(name, manifest)
                let content = manifest.commits.reduce(0) { $0 + $1.entry.uncompressedBytes }
                if self.common.json {
                    var json = JSONWriter()
                    json.beginObject()
                    size.write(to: &json)
                    json.field("uncompressed_bytes", content)
                    json.endObject()
                    try Results.json(json.bytes)
                } else {
                    table.add(
                        [name]
                            + [size.shards, size.samples, size.bytes, content].map(ProgressReporter.grouped))
                }
            }
            if !self.common.json { try Results.lines(table.lines) }
            return problems
        }

        private func shards(of name: String, in log: any RecordLog) throws -> [String] {
            let (manifest, unreadable) = try ShardSets.readable(name, in: log)
            var table = TextTable(["file", "samples", "bytes", "closed by", "sha256"])
            for commit in manifest.commits {
                let entry = commit.entry
                if self.common.json {
                    try Results.json(entry.json)
                } else {
                    table.add([
                        entry.file, ProgressReporter.grouped(entry.samples), ProgressReporter.grouped(entry.bytes),
                        entry.reason.rawValue, String(entry.sha256.prefix(12)),
                    ])
                }
            }
            if !self.common.json { try Results.lines(table.lines) }
            return unreadable
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check every byte of a set's shards against the manifest.",
            discussion: """
                EXAMPLES
                  millrace shards verify nlq
                """)

        @Argument(help: "The set.")
        var name: String

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let log = try home.openLogToRead()
                defer { log.close() }
                let (manifest, unreadable) = try ShardSets.readable(self.name, in: log)
                let storage = FileShardStorage(folder: home.shardFolder(self.name))
                let progress = ProgressReporter()
                var problems = unreadable + manifest.problems()
                var samples = 0
                var unread = 0
                for (index, commit) in manifest.commits.enumerated() {
                    let verification = ShardVerification(of: commit.entry, in: storage)
                    samples += verification.samples
                    problems += verification.problems.map { "\(commit.entry.file): \($0)" }
                    unread += verification.problems.count(where: \.isUnread)
                    progress.show { _ in "verify: \(index + 1) of \(manifest.commits.count) shards" }
                }
                progress.finish()
                for problem in problems { Console.error(problem) }
                let verdict = problems.isEmpty ? "sound" : "\(problems.count) problem\(problems.count == 1 ? "" : "s")"
                try Results.line("\(self.name): \(manifest.commits.count) shards, \(samples) samples, \(verdict)")
                if !problems.isEmpty, unread == problems.count {
                    throw CommandFailure(
                        .failed, "shards could not be read, so nothing is known of them; mend what is said above")
                }
                if !problems.isEmpty {
                    throw CommandFailure(
                        .failed,
                        "shards are damaged; regenerate them with `millrace replay … --from earliest --into NAME`")
                }
            }
        }
    }

    struct Cat: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a set's samples, one JSON object a line.",
            discussion: """
                EXAMPLES
                  millrace shards cat nlq | jq .query | head
                  millrace shards cat nlq --from 10000 --limit 5
                """)

        @Argument(help: "The set.")
        var name: String

        @Option(help: "Begin at this sample, counted from 0 over all shards in commit order.")
        var from = 0

        @Option(help: "Print at most this many samples.")
        var limit: Int?

        @OptionGroup(title: "Options of every command") var common: CommonOptions

        func validate() throws {
            if self.from < 0 { throw ValidationError("--from counts from 0.") }
            if let limit, limit < 0 { throw ValidationError("--limit wants 0 or more.") }
        }

        func run() throws {
            let home = try self.common.makeHome()
            try CommandFailure.reporting {
                let log = try home.openLogToRead()
                defer { log.close() }
                let manifest = try ShardSets.manifest(self.name, in: log)
                let reader = try TailingReader(
                    name: self.name, log: log, storage: FileShardStorage(folder: home.shardFolder(self.name)),
                    from: manifest.position(ofSample: self.from))
                var left = self.limit ?? .max
                while left > 0, let run = try reader.nextLines(max: left) {
                    try Results.json(lines: run.lines)
                    left -= run.count
                }
            }
        }
    }
}

/// Records of manifests that cannot be read.
enum Unreadable {
    /// Names them, after everything else has been shown.
    static func report(_ problems: [String]) throws {
        for problem in problems { Console.warning("\(problem); it is left out here") }
        if problems.isEmpty { return }
        throw CommandFailure(
            .failed,
            "what cannot be read in manifests is missing above. Runs, training and exports refuse those sets: make them anew "
                + "with `millrace replay FILE --from earliest`")
    }
}
