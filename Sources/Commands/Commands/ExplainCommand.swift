// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Foundation
import Operations
import RecordLog
import Records
import Shards
import TaskRooms
import Topologies

/// `millrace explain`
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say where a sample, a reject or a dead letter came from, back to the narrations.",
        discussion: """
            Finds the sample in the shards, and looks up what its lineage names, in the order in which it came about: the \
            narrations and the block that was shown in the topics, what a model was asked and what it answered in the response \
            cache, the query as it was generated, and what the validators say of it. Of samples that are no moment queries it \
            shows what they hold. With --json it prints the records themselves, one object a line.

            Takes the name of a reject or a dead letter, too, and the SHA-256 of a prompt, an answer or a request: then it \
            looks through the newest shards and letters for what came of it, for so long as --search-seconds says, and \
            tells how far it came.

            EXAMPLES
              millrace explain 9cbe3595-4f6b-5430-9f89-08eef3eb0663
              millrace explain 9cbe3595-4f6b-5430-9f89-08eef3eb0663 \\
                  --topology topologies/nlq.yaml
              millrace explain 9cbe3595-4f6b-5430-9f89-08eef3eb0663 --json | jq .part
              millrace explain queries.rejected/2/5
              millrace explain nlq/0/17
            """)

    @Argument(
        help: ArgumentHelp(
            "A sample's id: the value of its member `id`, or of one whose name ends in `_id`; or a letter, NAME/PARTITION/OFFSET; "
                + "or the SHA-256 of a prompt, an answer or a request."))
    var id: String

    @Option(help: "Look in this shard set only.")
    var shards: String?

    @Option(
        help: "Take the validators' settings from the first `validate` step of this topology file, not their defaults.")
    var topology: String?

    @Option(help: ArgumentHelp("Seconds to look for what letters and hashes lead to.", valueName: "seconds"))
    var searchSeconds = 30

    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func validate() throws {
        if !(1...86_400).contains(self.searchSeconds) {
            throw ValidationError("--search-seconds wants 1 to 86400, and not \(self.searchSeconds).")
        }
    }

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let log = try home.openLogToRead()
            defer { log.close() }
            let sets = try self.shards.map { [$0] } ?? ShardSets.names(in: log)
            var surroundings = ExplanationSurroundings(log: log, cacheFolder: home.cacheFolder)
            surroundings.topology = try self.topology.map { (file: $0, topology: try Home.loadTopology($0)) }
            let explanation: Explanation
            // A sample's id may look like a letter's name, or have slashes of its own.
            if let found = try self.find(in: sets, home: home, log: log) {
                explanation = try Self.explanation(of: found, in: surroundings, by: Tasks.registered)
            } else if self.id.contains("/") {
                surroundings.deadline = .now + .seconds(self.searchSeconds)
                explanation = try OriginSearch(home: home, sets: sets, in: surroundings)
                    .explanation(of: try DeadLetterTopics.letter(self.id, in: log))
            } else {
                surroundings.deadline = .now + .seconds(self.searchSeconds)
                var search = OriginSearch(home: home, sets: sets, in: surroundings)
                guard let found = try search.explanation(ofName: self.id) else {
                    throw CommandFailure(
                        .usage,
                        "no sample has the id `\(self.id)` in the shards: \(sets.joined(separator: ", ")); "
                            + search.account.joined(separator: "; "))
                }
                explanation = found
            }
            try explanation.write(asJSON: self.common.json)
        }
    }

    /// Finds the sample in the first set that has it.
    private func find(in sets: [String], home: Home, log: any RecordLog) throws -> FoundSample? {
        for set in sets {
            let (manifest, unreadable) = try ShardSets.readable(set, in: log)
            for problem in unreadable { Console.warning("\(problem); it is passed over") }
            let search = LineSearch(
                in: FileShardStorage(folder: home.shardFolder(set)),
                threads: ProcessInfo.processInfo.activeProcessorCount)
            guard let hit = try search.first(id: self.id, in: manifest) else { continue }
            return FoundSample(set: set, file: hit.file, line: hit.line)
        }
        return nil
    }

    /// The explanation by the first task that takes the sample on; by the sample itself, where none does.
    static func explanation(
        of found: FoundSample, in surroundings: ExplanationSurroundings, by tasks: TaskRegistry
    ) throws -> Explanation {
        for explainer in tasks.explainers {
            if let explainer = explainer.init(found) { return try explainer.explanation(in: surroundings) }
        }
        return try found.explained()
    }
}

extension Explanation {
    /// Writes the page, or one JSON object a line.
    func write(asJSON: Bool) throws {
        if asJSON {
            for record in self.parts.flatMap(\.records) { try Results.json(record) }
            return
        }
        try Results.line(self.headline)
        for part in self.parts {
            try Results.line("")
            try Results.line(part.heading)
            for line in part.lines { try Results.lines(Self.lines(of: line).map { "  " + $0 }) }
        }
    }

    private static func lines(of line: Line) -> [String] {
        switch line {
        case .text(let text): return [text]
        case .pairs(let pairs):
            let width = pairs.map { VisibleText.text($0.name).count }.max() ?? 0
            return pairs.map { pair in
                let name = VisibleText.text(pair.name)
                return name + String(repeating: " ", count: width - name.count + 2) + pair.value
            }
        }
    }
}
