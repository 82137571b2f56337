// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import Foundation
import RecordLog
import Records
import Shards
import TaskRooms
import ToyNetwork
import Training

/// A shot of a roll of film: `{"roll":"r1","kind":"shot","name":"a door"}`.
struct Shot: StreamValue, Hashable {
    static var typeName: String { "shot" }
    static var schemaVersion: Int { 1 }

    var roll: String
    var kind: String
    var name: String

    init(roll: String, kind: String, name: String) {
        self.roll = roll
        self.kind = kind
        self.name = name
    }

    init(json: inout JSONScanner) throws(JSONError) {
        var members: [String: String] = [:]
        try json.beginObject()
        while let key = try json.nextKey() {
            let name = key.text
            members[name] = try json.string()
        }
        self.init(roll: members["roll"] ?? "", kind: members["kind"] ?? "", name: members["name"] ?? "")
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("roll", self.roll)
        json.field("kind", self.kind)
        json.field("name", self.name)
        json.endObject()
    }
}

/// A roll with its shots.
struct Roll: RecordGroup {
    static let words = GroupWords(groups: "rolls", wholeGroups: "rolls", records: "shots")

    var name: String
    var shots: [String]

    var key: String { self.name }
    var count: Int { self.shots.count }

    func first(revision: Int) -> Shot { Shot(roll: self.name, kind: "roll", name: "\(revision)") }
    func forEach(_ body: (Shot) -> Void) {
        for shot in self.shots { body(Shot(roll: self.name, kind: "shot", name: shot)) }
    }
    var end: Shot { Shot(roll: self.name, kind: "end", name: "\(self.shots.count)") }
}

/// Rolls, one a line: `r1: a door, a window`.
struct RollAdapter: SourceAdapter {
    static let topic = "film"
    static let name = "rolls"
    let text: String

    func read(progress: ProgressHandler?, _ body: (SourceItem<Roll>) throws -> Void) throws {
        for line in self.text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else {
                let problem = SourceProblem(
                    reason: "no-colon", message: "a roll without shots", key: nil, raw: Bytes(line.utf8))
                try body(.problem(problem))
                continue
            }
            let shots = parts[1].split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            try body(.group(Roll(name: String(parts[0]), shots: shots)))
        }
    }
}

struct RollArguments: SourceArguments {
    static let abstract = "Rolls of film."
    static let discussion = ""

    @Option var file: String

    func makeAdapter() throws -> RollAdapter {
        guard let data = FileManager.default.contents(atPath: self.file) else {
            throw TaskFailure(.usage, "there is no \(self.file)")
        }
        return RollAdapter(text: String(decoding: data, as: UTF8.self))
    }
}

/// Passes shots on.
struct Develop: Operator {
    static let specification = OperatorSpecification(name: "develop", summary: "Develops shots.", fields: [])

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {}

    mutating func process(_ element: Element<Shot>, into output: inout Collector<Shot>) {
        output.emit(element.value, from: element)
    }
}

extension LineSchema {
    /// Shots, known by roll and name.
    static let shot = LineSchema(streamType: "shot") { line in
        let json = try? JSONValue(parsing: line)
        return LineIdentity(["last_roll": .init(json?["roll"]?.string), "last_name": .init(json?["name"]?.string)])
    }
}

/// The names of shots, one a line.
struct RollExport: SampleExport {
    static let name = "shot-list"
    static let abstract = "The names of the shots."
    static let discussion = ""

    @Option var before = "- "

    func write(_ set: ShardSet, to output: String) throws -> [String] {
        var names: [String] = []
        for file in set.files {
            var lines = try ShardReader(file, in: set.storage).samples()
            while let line = try lines.next() {
                names.append(self.before + (try JSONValue(parsing: line)["name"]?.string ?? ""))
            }
        }
        try Data(names.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: output))
        return ["\(names.count) shots of \(set.name)"]
    }
}

struct RollExplainer: SampleExplainer {
    private let found: FoundSample
    private let name: String

    init?(_ found: FoundSample) {
        guard let json = try? JSONValue(parsing: found.line), json["roll"] != nil, let name = json["name"]?.string
        else {
            return nil
        }
        self.found = found
        self.name = name
    }

    func explanation(in surroundings: ExplanationSurroundings) throws -> Explanation {
        Explanation(headline: "The shot \(self.name).", parts: [self.found.part([("name", self.name)])])
    }
}

/// Reads shots for the toy network, roll by roll.
struct ShotReader: SampleReading {
    typealias Counts = SampleTally

    private func shot(_ line: Bytes) -> Shot? {
        try? JSONScanner.scan(line) { json throws(JSONError) in try Shot(json: &json) }
    }

    func sample(_ line: Bytes) -> ToyNetwork.Sample? {
        self.shot(line).map { ToyNetwork.Sample(id: $0.name, x: Float($0.name.count) / 10, y: 0.5) }
    }

    func place(_ line: Bytes) -> SequencePlace? { self.shot(line).map { SequencePlace($0.roll, isLast: false) } }
}

/// Teaches the toy network the length of names.
struct RollTraining: SampleTraining {
    static let name = "shots"
    static let abstract = "Trains the toy network on shots."
    static let discussion = ""
    static let defaults: TrainingOptions = {
        var options = TrainingOptions(source: "shots", steps: 1)
        options.batchSize = 3
        options.learningRate = 0.01
        return options
    }()

    func subject(
        _ options: TrainingOptions, set: (String) throws -> ShardSet
    ) throws -> TrainingSubject<ToyNetwork, ShotReader> {
        TrainingSubject(ToyNetwork(), reader: ShotReader(), validation: [.init(id: "held", x: 0.5, y: 0.5)])
    }
}

extension TaskRoom {
    /// A small task that no room of the program knows.
    static let rolls = TaskRoom(
        "Rolls", operators: { $0.register(Develop.self) }, sources: [RollArguments.self], schemas: [.shot],
        exports: [RollExport.self], explainers: [RollExplainer.self], trainings: [RollTraining.self])
}
