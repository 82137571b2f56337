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

            EXAMPLES
              millrace profile nlq
              millrace profile nlq --json | jq '.measures[] | select(.is_off) | .measure'
              millrace profile --nlq nlq_val.json
              millrace profile --nlq nlq_val.json --topology topologies/nlq.yaml
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

    @Option(help: "Likeness, 0 to 1, from which on texts count as nearly the same.")
    var similarity = 0.85

    @Option(help: "Examples of each kind that are printed.")
    var examples = 3

    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func validate() throws {
        guard (self.shards == nil) != (self.nlq == nil) else {
            throw ValidationError("Name a shard set, or a file with --nlq.")
        }
        if self.topology != nil, self.nlq == nil { throw ValidationError("--topology goes with --nlq.") }
        guard 0.1...1 ~= self.similarity else { throw ValidationError("--similarity wants 0.1 to 1.") }
        guard 0...1000 ~= self.examples else { throw ValidationError("--examples wants 0 to 1000.") }
    }

    func run() throws {
        try CommandFailure.reporting {
            if let nlq {
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
        let manifest = try ShardSets.manifest(name, in: log)
        let reader = try TailingReader(
            name: name, log: log, storage: FileShardStorage(folder: home.shardFolder(name)))
        let progress = ProgressReporter()
        var profile = QueryProfile()
        while let line = try reader.next() {
            if profile.queries == 0, DialogueProfile.isDialogue(line) {
                return try DialogueProfileReport(line, reader).write(asJSON: self.common.json)
            }
            let sample: Sample
            do throws(JSONError) {
                sample = try JSONScanner.scan(line) { json throws(JSONError) in try Sample(json: &json) }
            } catch {
                throw CommandFailure(
                    .failed, "sample \(profile.queries) of `\(name)` is no query with a window: \(error.description)")
            }
            profile.add(
                sample.query, template: sample.template, video: sample.lineage.videoUID, seconds: sample.window.length)
            progress.show { _ in
                "profile: \(ProgressReporter.grouped(profile.queries)) of "
                    + "\(ProgressReporter.grouped(manifest.samples)) samples"
            }
        }
        progress.finish()
        try ProfileReport(
            name: name, profile: profile, similarity: self.similarity, examples: self.examples,
            human: nil, asJSON: self.common.json
        ).write()
    }

    private func profile(file path: String) throws {
        _ = try self.common.makeHome()
        let bytes = try UserFile.contents(path)
        let file: HumanQueryFile
        do throws(JSONError) {
            file = try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in try HumanQueryFile(parsing: buffer) }
        } catch {
            let line = bytes.prefix(error.offset).count { $0 == UInt8(ascii: "\n") } + 1
            throw CommandFailure(
                .failed,
                "\(path):\(line): \(error.message) (byte \(error.offset)); give a file such as nlq_train.json, with "
                    + "`videos`, `clips`, `annotations` and `language_queries`")
        }
        guard file.count > 0 else {
            throw CommandFailure(.usage, "\(path) holds no query to compare; give a file such as nlq_train.json")
        }
        let rejects = FalseRejects(of: file, configuration: try self.validateStep(), examplesMax: self.examples)
        try ProfileReport(
            name: path, profile: file.profile(), similarity: self.similarity, examples: self.examples,
            human: (file, rejects), asJSON: self.common.json
        ).write()
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
