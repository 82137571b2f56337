// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records

/// Chooses among the dialogues of a video, once its end says that no more come: `choose`.
///
/// Of a video for training all that score well enough stay, the best first; of one that the source holds back, the best
/// of each type of user, if all types have one, for `val` or `test` by a hash of its session. The rest are rejects:
/// `low-score`, `not-best`, `missing-user-type`. The original takes the worst first, and copies instead of weights
/// (`Choosing.trainedAsOriginal`); its draw of `val` and `test` is Python's own, which is not repeated. Counted:
/// `videos`, `videos-without-dialogues`, `missing-dialogues`.
struct ChooseOperator: Operator {
    static let trainScore = Field(
        "train-score", default: 3.0, in: -1_000_000...10, help: "The least score of a dialogue for training.")
    static let evaluationScore = Field(
        "evaluation-score", default: 5.0, in: -1_000_000...10, help: "The least score of a dialogue for evaluation.")
    static let ratio = Field(
        "ratio", default: 1.0, in: 0.001...1000,
        help: """
            Below 1: the part of a training video's dialogues of each type of user that stays, the best ones. Above: their \
            weight.
            """)
    static let heldBack = Field(
        "held-back", default: ["val", "test", "validation"],
        help: "The source's splits whose videos are for evaluation; all others are for training.")

    static let specification = OperatorSpecification(
        name: "choose", summary: "Chooses among the dialogues of a video, and says what each is for.",
        fields: [Self.trainScore, Self.evaluationScore, Self.ratio, Self.heldBack, Manner.field], isStateful: true)

    private struct Name: Hashable {
        let dataset: String
        let uid: String
    }

    /// The most dialogues of a video that are held.
    static let dialoguesMax = 1000

    private let configuration: Configuration
    private var videos: [Name: [Element<DialogueEvent>]] = [:]
    private var changes: [Bytes: Bytes?] = [:]

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.configuration = configuration
    }

    var openCount: Int { self.videos.count }

    mutating func process(_ element: Element<DialogueEvent>, into output: inout Collector<DialogueEvent>) {
        switch element.value {
        case .dialogue(let dialogue):
            let name = Name(dataset: dialogue.activity.dataset, uid: dialogue.activity.videoUID)
            guard self.videos[name]?.count ?? 0 < Self.dialoguesMax else {
                return output.fail(
                    element, reason: "too-many-dialogues",
                    message: "video \(name.uid) has \(Self.dialoguesMax) dialogues already, and no end")
            }
            self.videos[name, default: []].append(element)
            self.changes[Self.key(name, dialogue.dialogueID)] = Self.state(of: element)
        case .end(let end):
            let name = Name(dataset: end.dataset, uid: end.videoUID)
            let dialogues = self.videos.removeValue(forKey: name) ?? []
            for dialogue in dialogues.compactMap(\.value.dialogue) {
                self.changes[Self.key(name, dialogue.dialogueID)] = .some(nil)
            }
            output.count("videos")
            if end.wanted > dialogues.count { output.count("missing-dialogues", end.wanted - dialogues.count) }
            self.choose(among: dialogues, into: &output)
        }
    }

    private func choose(among elements: [Element<DialogueEvent>], into output: inout Collector<DialogueEvent>) {
        let dialogues = elements.compactMap(\.value.dialogue)
        let candidates = dialogues.map {
            Choosing.Candidate(userType: $0.userType, score: $0.quality?.total ?? -.infinity)
        }
        guard let activity = dialogues.first?.activity else { return output.count("videos-without-dialogues") }
        var kept: [Int]
        var weight = 1.0
        var split = "train"
        let isHeldBack = activity.split.map(self.configuration[Self.heldBack].contains) ?? false
        let least = self.configuration[isHeldBack ? Self.evaluationScore : Self.trainScore]
        if isHeldBack {
            kept = Choosing.evaluated(candidates, least: least, self.configuration[Manner.field])
            split = Choosing.evaluationSplit(of: activity.session ?? activity.videoUID)
        } else if self.configuration[Manner.field] == .original {
            let copies = Choosing.trainedAsOriginal(
                candidates, least: least, ratio: self.configuration[Self.ratio])
            kept = copies.enumerated().filter { !copies[..<$0.offset].contains($0.element) }.map(\.element)
            weight = Double(copies.count) / Double(max(kept.count, 1))
        } else {
            (kept, weight) = Choosing.trained(candidates, least: least, ratio: self.configuration[Self.ratio])
        }
        for index in kept {
            var dialogue = dialogues[index]
            dialogue.split = split
            dialogue.weight = weight
            dialogue.activity.lines = []
            output.emit(.dialogue(dialogue), from: elements[index])
        }
        for index in elements.indices where !kept.contains(index) {
            let isLow = !(candidates[index].score >= least)
            let reason = isLow ? "low-score" : kept.isEmpty ? "missing-user-type" : "not-best"
            output.reject(
                elements[index].value, from: elements[index], reason: reason,
                message: "its score is \(candidates[index].score); \(least) is the least")
        }
    }

    // MARK: State

    private static func key(_ name: Name, _ dialogue: String) -> Bytes {
        var json = JSONWriter()
        json.beginArray()
        json.value(name.dataset)
        json.value(name.uid)
        json.value(dialogue)
        json.endArray()
        return json.bytes
    }

    /// `{"origin": 7, "key": [118], "dialogue": {…}}`
    private static func state(of element: Element<DialogueEvent>) -> Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("origin", Int(element.origin))
        json.key("key")
        if let key = element.key {
            json.beginArray()
            for byte in key { json.value(Int(byte)) }
            json.endArray()
        } else {
            json.null()
        }
        json.key("dialogue")
        element.value.write(to: &json)
        json.endObject()
        return json.bytes
    }

    mutating func stateChanges() -> [StateChange] {
        let changes = self.changes.map { StateChange(key: $0.key, value: $0.value) }
        self.changes.removeAll()
        return changes.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) {
        for entry in entries {
            let element = try JSONScanner.scan(entry.value) { json throws(JSONError) in try Self.element(&json) }
            guard let dialogue = element.value.dialogue else { continue }
            let name = Name(dataset: dialogue.activity.dataset, uid: dialogue.activity.videoUID)
            self.videos[name, default: []].append(element)
        }
        for name in self.videos.keys { self.videos[name]?.sort { $0.origin < $1.origin } }
    }

    private static func element(_ json: inout JSONScanner) throws(JSONError) -> Element<DialogueEvent> {
        var origin = 0
        var key: Bytes?
        var event: DialogueEvent?
        try json.beginObject()
        while let name = try json.nextKey() {
            if name == "origin" {
                origin = try json.int()
            } else if name == "key" {
                guard try !json.isNull() else { continue }
                var bytes: Bytes = []
                try json.beginArray()
                while try json.nextElement() { bytes.append(UInt8(try json.int(in: 0...255))) }
                key = bytes
            } else if name == "dialogue" {
                event = try DialogueEvent(json: &json)
            } else {
                try json.skip()
            }
        }
        guard let event else { throw JSONError("the state of a video lacks a dialogue", offset: json.offset) }
        return Element(key: key, value: event, origin: Offset(origin))
    }
}
