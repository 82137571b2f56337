// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import EmbeddedLog
import Foundation
import RecordLog
import Records
import Shards
import TaskRooms
import Testing
import Topologies

@testable import Commands

/// A task that is registered beside the program's own: by one value, and known to every command.
@Suite("Task registry")
struct TaskRegistryTests {
    private let bench: Workbench
    private let tasks: TaskRegistry

    init() throws {
        self.bench = try Workbench()
        self.tasks = try TaskRegistry(Tasks.registered.rooms + [.rolls])
    }

    private func command(_ name: String, of commands: [any ParsableCommand.Type]) throws -> any ParsableCommand.Type {
        try #require(commands.first { $0.configuration.commandName == name })
    }

    private func run(_ command: any ParsableCommand.Type, _ arguments: String...) throws {
        try self.run(command, arguments)
    }

    private func run(_ command: any ParsableCommand.Type, _ arguments: [String]) throws {
        var command = try command.parseAsRoot(arguments + ["--home", self.bench.home, "--log-level", "error"])
        try command.run()
    }

    /// The records of a topic by key, in order.
    private func records(_ topic: String) throws -> [String: [Record]] {
        let log = try EmbeddedLog(path: self.bench.home + "/log.db")
        defer { log.close() }
        var records: [String: [Record]] = [:]
        for number in 0..<4 {
            let reader = try log.makeReader(of: TopicPartition(topic, number), from: 0)
            let batch = try reader.read(recordsMax: 1000, bytesMax: 1 << 20)
            for index in 0..<batch.count {
                let record = batch.records[index]
                records[String(decoding: record.key ?? [], as: UTF8.self), default: []].append(record)
            }
        }
        return records
    }

    @Test("Its source is ingested once, each group with its end")
    func source() throws {
        let sources = IngestCommand.sources(of: self.tasks)
        #expect(sources.map { $0.configuration.commandName ?? "" }.suffix(2) == ["videos", "rolls"])
        let ingest = try self.command("rolls", of: sources)
        let file = self.bench.folder.file("rolls.txt").path
        try self.bench.folder.write("r1: a door, a window\nnothing\nr2: a cup\n", to: "rolls.txt")
        try self.run(ingest, "--file", file)
        let stored = try self.records("film")
        let text = stored.mapValues { $0.map { String(decoding: $0.value ?? [], as: UTF8.self) } }
        #expect(
            text["r1"] == [
                #"{"roll":"r1","kind":"roll","name":"1"}"#, #"{"roll":"r1","kind":"shot","name":"a door"}"#,
                #"{"roll":"r1","kind":"shot","name":"a window"}"#, #"{"roll":"r1","kind":"end","name":"2"}"#,
            ])
        #expect(text["r2"]?.count == 3)
        #expect(stored["r1"]?.allSatisfy { $0.headers == Shot.headers } == true)
        #expect(try self.records("film.dead-letters").values.joined().count == 1)

        // Again: nothing more. Changed: refused, and a revision more with --replace.
        try self.run(ingest, "--file", file, "--topic", "film")
        #expect(try self.records("film") == stored)
        try self.bench.folder.write("r1: a door, a window\nr2: a glass\n", to: "rolls.txt")
        let refusal = #expect(throws: CommandFailure.self) {
            try self.run(ingest, "--file", file, "--topic", "film")
        }
        #expect(refusal?.message.hasPrefix("1 rolls have changed since they were ingested") == true)
        #expect(try self.records("film") == stored)
        try self.run(ingest, "--file", file, "--topic", "film", "--replace")
        let replaced = try self.records("film")
        #expect(replaced["r1"] == stored["r1"])
        let second = try #require(replaced["r2"]?.dropFirst(3).map { String(decoding: $0.value ?? [], as: UTF8.self) })
        #expect(second.first == #"{"roll":"r2","kind":"roll","name":"2"}"# && second.count == 3)

        let missing = #expect(throws: CommandFailure.self) { try self.run(ingest, "--file", "gone.txt") }
        #expect(missing?.code == .usage && missing?.message == "there is no gone.txt")
    }

    @Test("Each source names the topic that it writes to, in its help too")
    func topics() throws {
        let pattern = /--topic <topic>\s+The topic that the records are written to. \(default:\s(\S+)\)/
        func topic<Source: SourceArguments>(of _: Source.Type) -> String { Source.Adapter.topic }
        for (source, command) in zip(self.tasks.sources, IngestCommand.sources(of: self.tasks)) {
            let shown = try #require(try pattern.firstMatch(in: command.helpMessage(columns: 120))).1
            #expect(String(shown) == topic(of: source))
        }
        #expect(self.tasks.sources.last.map { topic(of: $0) } == "film")
    }

    /// Writes two shots into a set.
    private func publish() throws {
        let log = try EmbeddedLog(path: self.bench.home + "/log.db")
        defer { log.close() }
        let storage = FileShardStorage(folder: self.bench.shardFolder("shots").path)
        try storage.createFolder()
        try log.createTopic(Manifest.topicSpecification("shots"))
        let sink = try ShardSink(
            storage: storage,
            options: ShardSinkOptions(
                name: "shots", partition: 0, epoch: 1, nextSequence: 0, limits: RotationLimits(seconds: nil),
                topologyHash: "t", schema: .shot))
        let writer = try log.makeWriter(id: "film.land.0")
        defer { writer.close() }
        let lines = ["a door", "a window"].map { Shot(roll: "r1", kind: "shot", name: $0).json }
        try sink.append(RecordBatch(lines.map { Record(key: nil, value: $0) }), origin: 0)
        var transaction = Transaction()
        transaction.outputs = try sink.prepare(.idle)
        try writer.commit(transaction)
        sink.committed()
    }

    @Test("Its samples are exported, explained and trained on, and their shards know them by its schema")
    func samples() throws {
        try self.publish()
        let log = try EmbeddedLog(path: self.bench.home + "/log.db")
        defer { log.close() }
        let manifest = try Manifest(reading: "shots", from: log)
        let last = manifest.commits.last?.entry.last
        #expect(last == LineIdentity(["last_roll": .text("r1"), "last_name": .text("a window")]))

        let forms = ExportCommand.forms(of: self.tasks)
        #expect(forms.map { $0.configuration.commandName ?? "" } == ["nlq", "proassist", "anticipation", "shot-list"])
        let output = self.bench.folder.file("list.txt").path
        try self.run(
            try self.command("shot-list", of: forms), "--shards", "shots", "--output", output, "--before", "* ")
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "* a door\n* a window")

        let trainings = self.tasks.trainingCommands
        let own = ["train", "train-anticipation", "train-anticipation-pixels"]
        #expect(trainings.map { $0.configuration.commandName ?? "" } == own + ["train-shots"])
        #expect(Tasks.registered.trainingCommands.map { $0.configuration.commandName ?? "" } == own)
        let trained = self.bench.folder.file("trained")
        let arguments = ["--output", trained.path, "--steps", "4", "--validate-every", "2", "--log-every", "1"]
        try self.run(try self.command("train-shots", of: trainings), arguments)
        let files = try FileManager.default.contentsOfDirectory(atPath: trained.path)
        #expect(files.contains { $0.hasPrefix("events.out.tfevents.") })
        #expect(
            Set(["best.safetensors", "plan.jsonl", "samples.index", "step-000000004.safetensors"]).isSubset(of: files))
        let metrics = try String(contentsOf: trained.appending(path: "metrics.jsonl"), encoding: .utf8)
        let events = try metrics.split(separator: "\n").map { try JSONValue(parsing: $0.utf8)["event"]?.string ?? "" }
        #expect(
            events == ["shard", "segment", "step", "step", "validation", "step", "step", "validation"], "\(metrics)")
        #expect(metrics.contains(#""square_loss":"#) && metrics.contains(#""error":"#))
        let missing = #expect(throws: CommandFailure.self) {
            try self.run(try self.command("train-shots", of: trainings), ["--shards", "none"] + arguments)
        }
        #expect(missing?.message.contains("there is no shard set `none`") == true)

        let found = FoundSample(set: "shots", file: "f", line: Shot(roll: "r1", kind: "shot", name: "a door").json)
        let surroundings = ExplanationSurroundings(log: log, cacheFolder: self.bench.home + "/cache")
        let explained = try ExplainCommand.explanation(of: found, in: surroundings, by: self.tasks)
        #expect(explained.headline == "The shot a door.")
        let unknown = try ExplainCommand.explanation(of: found, in: surroundings, by: Tasks.registered)
        #expect(unknown.headline.contains("no task here"))
    }

    @Test("Its operators are in the list, and topologies name them; its samples' schema goes with the type")
    func operators() throws {
        let help = OperatorHelp.lines(self.tasks.operators)
        #expect(help.contains("develop   (shot → shot)"))
        #expect(!OperatorHelp.lines(Tasks.registered.operators).contains { $0.hasPrefix("develop") })
        try self.bench.folder.write(
            "name: film\nstages:\n  land:\n    from: film\n    steps: [{ develop: {} }]\n    to: { shards: shots }\n",
            to: "film.yaml")
        let (topology, _) = try Topology.load(
            path: self.bench.folder.file("film.yaml").path, registry: self.tasks.operators, environment: [:])
        #expect(self.tasks.schemas(of: topology)["shots"]?.streamType == "shot")
        #expect(Tasks.registered.schemas(of: topology).isEmpty)
    }

    private static let conflicts: [(room: TaskRoom, words: [String])] = [
        (TaskRoom("Reels", sources: [RollArguments.self]), ["two sources are called `rolls`", "Rolls", "Reels"]),
        (TaskRoom("Reels", exports: [RollExport.self]), ["two exports are called `shot-list`", "Rolls", "Reels"]),
        (TaskRoom("Reels", trainings: [RollTraining.self]), ["two trainings are called `shots`", "Rolls", "Reels"]),
        (TaskRoom("Reels", schemas: [.shot]), ["two schemas are called `shot`", "Rolls", "Reels"]),
        (
            TaskRoom("Reels", operators: { $0.register(Develop.self) }),
            ["two operators called `develop` take `shot`", "Rolls", "Reels"]
        ),
        (TaskRoom("Rolls"), ["two rooms are called `Rolls`"]),
        (TaskRoom("Twice", schemas: [.nut, .nut]), ["two schemas are called `nut`", "the room Twice exports both"]),
    ]

    @Test("Two rooms that export the same name are refused, and both are named", arguments: conflicts.indices)
    func conflict(number: Int) throws {
        let (room, words) = Self.conflicts[number]
        let conflict = #expect(throws: TaskConflict.self) { try TaskRegistry([.rolls, room]) }
        for word in words { #expect(conflict?.message.contains(word) == true, "\(conflict?.message ?? "")") }
        #expect(conflict?.message.contains("rename one of them") == true)
    }

    @Test("The program's own rooms go together, and their names are those of the documentation")
    func own() throws {
        try Tasks.check()
        let sources = Tasks.registered.sources.map(TaskRegistry.name)
        #expect(
            sources == [
                "ego4d", "goalstep", "epic-kitchens", "captaincook4d", "egoclip", "holoassist", "egoexolearn", "wtag",
                "assembly101", "llava-pretrain", "jsonl", "lta", "videos",
            ])
        // No option of a source is one of those that all have: the parser would find out at the user's.
        for source in IngestCommand.sources(of: self.tasks) + ExportCommand.forms(of: self.tasks) {
            #expect(source.helpMessage().contains("--home"))
        }
    }
}

extension LineSchema {
    fileprivate static let nut = LineSchema(streamType: "nut") { _ in LineIdentity() }
}
