// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import Dialogues
import Foundation
import MomentQueries
import NeuralNetworks
import RecordLog
import Records
import Shards
import TaskRooms
import Topologies
import VideoAnnotations

/// `millrace profile`
struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Compare a set's queries with those of people, or the validators with people's queries.",
        discussion: """
            For a shard set: first words, person, tense, length, templates, repetitions and windows beside the human figures \
            (Ego4D's Natural Language Queries, version 1), the furthest off first; and what the set says twice, or nearly. For             a set of dialogues: turns, words, gaps and kinds of turns beside the figures that ProAssist states.

            With --nlq, for an annotation file that people wrote: the same figures, and for each validator how many of the \
            file's queries it would reject. Missing keys, null templates and odd spelling are counted, not refused.

            With --against, the distances from another set or file instead: of starts, ends and lengths of windows \
            (Kolmogorov-Smirnov; windows without length are left out), of templates (divergence), first words and repetitions, \
            and by how much each is off.

            EXAMPLES
              millrace profile nlq
              millrace profile nlq --json | jq '.measures[] | select(.is_off) | .measure'
              millrace profile --nlq nlq_val.json
              millrace profile --nlq nlq_val.json --topology topologies/nlq.yaml
              millrace profile nlq --against human-train
              millrace profile --nlq theirs.json --against nlq_train.json --json
            """)

    @Argument(help: "The shard set.")
    var shards: String?

    @Option(
        help: ArgumentHelp(
            "An annotation file in the official format, with queries that people wrote.", valueName: "file"))
    var nlq: String?

    @Option(
        help: ArgumentHelp(
            "With --nlq: try the validators as this topology sets them; by default, as they are by default.",
            valueName: "file"))
    var topology: String?

    @Option(
        help: ArgumentHelp(
            """
            What to hold it against: an annotation file in the official format, a file of aggregates, a shard set, or \
            human-train or human-val, which are built in.
            """, valueName: "file or set"))
    var against: String?

    @Option(help: "Likeness, 0 to 1, from which on texts count as nearly the same.")
    var similarity = 0.85

    @Option(help: "Examples of each kind that are printed.")
    var examples = 3

    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func validate() throws {
        guard (self.shards == nil) != (self.nlq == nil) else {
            throw ValidationError("Name a shard set, or a file with --nlq.")
        }
        if self.topology != nil, self.against != nil { throw ValidationError("--against tries no validators.") }
        if self.topology != nil, self.nlq == nil { throw ValidationError("--topology goes with --nlq.") }
        guard 0.1...1 ~= self.similarity else { throw ValidationError("--similarity wants 0.1 to 1.") }
        guard 0...1000 ~= self.examples else { throw ValidationError("--examples wants 0 to 1000.") }
    }

    func run() throws {
        try CommandFailure.reporting {
            if let against {
                try self.compare(with: against)
            } else if let nlq {
                try self.profile(file: nlq)
            } else if let shards {
                try self.profile(set: shards)
            }
        }
    }

    private func profile(set name: String) throws {
        let home = try self.common.makeHome()
        let log = try home.openLogToRead()
        defer { log.close() }
        var profile = QueryProfile()
        let end = try SetSamples(name: name, home: home, log: log).read { sample in
            profile.add(
                sample.query, template: sample.template, video: sample.lineage.videoUID, seconds: sample.window.length)
        }
        if case .dialogues(let line, let reader) = end {
            return try DialogueProfileReport(line, reader).write(asJSON: self.common.json)
        }
        try ProfileReport(
            name: name, profile: profile, similarity: self.similarity, examples: self.examples,
            human: nil, asJSON: self.common.json
        ).write()
    }

    private func profile(file path: String) throws {
        _ = try self.common.makeHome()
        let file = try Self.humanFile(path)
        let rejects = FalseRejects(of: file, configuration: try self.validateStep(), examplesMax: self.examples)
        try ProfileReport(
            name: path, profile: file.profile(), similarity: self.similarity, examples: self.examples,
            human: (file, rejects), asJSON: self.common.json
        ).write()
    }

    private static func humanFile(_ path: String) throws -> HumanQueryFile {
        let bytes = try UserFile.contents(path)
        let file: HumanQueryFile
        do throws(JSONError) {
            file = try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in try HumanQueryFile(parsing: buffer) }
        } catch {
            throw self.failure(error, in: path, of: bytes)
        }
        guard file.count > 0 else {
            throw CommandFailure(.usage, "\(path) holds no query to compare; give a file such as nlq_train.json")
        }
        return file
    }

    private static func failure(_ error: JSONError, in path: String, of bytes: Bytes) -> CommandFailure {
        let line = bytes.prefix(error.offset).count { $0 == UInt8(ascii: "\n") } + 1
        return CommandFailure(
            .failed,
            "\(path):\(line): \(error.message) (byte \(error.offset)); give a file such as nlq_train.json, with "
                + "`videos`, `clips`, `annotations` and `language_queries`")
    }

    // MARK: Two sets

    private func compare(with other: String) throws {
        let home = try self.common.makeHome()
        let own: ComparedQueries
        if let nlq {
            own = ComparedQueries(try Self.humanFile(nlq), name: nlq)
        } else {
            own = try self.compared(set: self.shards ?? "", home)
        }
        let report = AgainstReport(QueryComparison(own, with: try self.compared(other, home)), asJSON: self.common.json)
        try report.write()
    }

    /// A file where there is one of that name, else a set that is built in, else one of the home.
    private func compared(_ name: String, _ home: Home) throws -> ComparedQueries {
        if let human = QueryReference.builtIn.first(where: { $0.name == name }) {
            return ComparedQueries(aggregates: human)
        }
        let isFile = name.contains("/") || FileManager.default.fileExists(atPath: name)
        guard isFile else { return try self.compared(set: name, home) }
        let bytes = try UserFile.contents(name, of: "--against")
        do throws(JSONError) {
            if try !QueryReference.isAnnotationFile(bytes) {
                return ComparedQueries(aggregates: try QueryReference(parsing: bytes, name: name))
            }
        } catch {
            throw Self.failure(error, in: name, of: bytes)
        }
        return ComparedQueries(try Self.humanFile(name), name: name)
    }

    private func compared(set name: String, _ home: Home) throws -> ComparedQueries {
        let log = try home.openLogToRead()
        defer { log.close() }
        var compared = ComparedQueries(name: name)
        let end = try SetSamples(name: name, home: home, log: log).read { sample in
            compared.add(sample.query, template: sample.template, window: sample.window, clip: sample.clip.span)
        }
        guard case .queries(let count) = end else {
            throw CommandFailure(.usage, "`\(name)` is a set of dialogues; --against compares queries")
        }
        guard count > 0 else {
            throw CommandFailure(.usage, "`\(name)` has no query to compare; `millrace run` makes some")
        }
        return compared
    }

    /// The configuration of the topology's `validate` step.
    private func validateStep() throws -> Configuration {
        guard let path = self.topology else { return Configuration() }
        let steps = try Home.loadTopology(path).stages.flatMap(\.steps).filter { $0.name == "validate" }
        guard steps.count == 1 else {
            throw CommandFailure(
                .usage, "\(path) has \(steps.isEmpty ? "no" : "\(steps.count)") `validate` steps; one is wanted")
        }
        return steps[0].configuration
    }
}
