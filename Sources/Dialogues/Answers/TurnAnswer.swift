// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import ModelRequests
import Records
import VideoAnnotations

/// Reads a model's turns: JSON of the schema first, the line grammar where there is none.
enum TurnAnswer {
    /// The form in which an answer was given.
    enum Form: String {
        case json
        case lines
    }

    /// Bytes of an answer that are read.
    static let bytesMax = 1 << 20

    /// Turns of an answer, at most.
    static let turnsMax = 200

    /// The JSON schema of an answer with labelled turns.
    static func schema(most: Int = Self.turnsMax) -> String {
        """
        {"type":"object","properties":{"turns":{"type":"array","maxItems":\(most),"items":\
        {"type":"object","properties":\
        {"time":{"type":"number"},"role":{"type":"string","enum":["user","assistant"]},"text":{"type":"string"},\
        "initiativity":{"type":"string","enum":["initiative","responsive"]},\
        "intents":{"type":"array","maxItems":5,"items":{"type":"string","enum":["instruction","correction",\
        "info_sharing","feedback","other"]}}},\
        "required":["time","role","text"],"additionalProperties":false}}},"required":["turns"],\
        "additionalProperties":false}
        """
    }

    /// Turns that a clip has time for: one every two seconds. In ProAssist's densest set the assistant speaks every
    /// 5 s; without this bound a small model goes on until its tokens are spent.
    static func most(in clip: Interval) -> Int {
        let seconds = clip.end - clip.start
        guard seconds < Double(2 * Self.turnsMax) else { return Self.turnsMax }
        return Int(max(seconds / 2, 4).rounded(.up))
    }

    /// Reads what a model has written.
    /// - Parameter labelled: labels the assistant's turns, by default where the answer does not.
    /// - Returns: `nil` where the answer says nothing that could be read in either form.
    static func read(_ answer: ChatAnswer, labelled: Bool) -> (reading: TurnReading, form: Form)? {
        let text = AnswerText.spoken(Bytes(answer.written.utf8.prefix(Self.bytesMax)))
        guard !text.isEmpty else { return nil }
        if let reading = Self.readJSON(text, labelled: labelled) { return (reading, .json) }
        let reading = TurnLines.readLeniently(String(decoding: text, as: UTF8.self), labelled: labelled)
        return reading.turns.isEmpty ? nil : (reading, .lines)
    }

    /// The last list of turns in a text: a member `turns`, or a list of objects with a role. What is complete of one
    /// that was cut off is kept.
    private static func readJSON(_ text: Bytes, labelled: Bool) -> TurnReading? {
        var json = LenientJSON(text)
        var last: TurnReading?
        while let found = json.next() {
            guard let elements = Self.elements(of: found.value) else { continue }
            var reading = TurnReading()
            for element in elements { Self.add(element, labelled: labelled, to: &reading) }
            last = reading
        }
        return last
    }

    private static func elements(of value: LenientJSON.Value) -> [LenientJSON.Value]? {
        switch value {
        case .object(let members, _):
            guard case .array(let elements, _)? = members.last(where: { $0.key == "turns" })?.value else { return nil }
            return elements
        case .array(let elements, _):
            let isOfTurns = elements.contains {
                if case .object(let members, _) = $0 { members.contains { $0.key == "role" } } else { false }
            }
            return isOfTurns ? elements : nil
        case .null, .bool, .number, .string, .tooDeep: return nil
        }
    }

    private static func add(_ element: LenientJSON.Value, labelled: Bool, to reading: inout TurnReading) {
        guard case .object(let members, isComplete: true) = element else { return reading.count(.notATurn) }
        func member(_ name: String) -> LenientJSON.Value? { members.last { $0.key == name }?.value }
        guard case .string(let speaker)? = member("role"), let role = TurnLines.role(speaker) else {
            return reading.count(.unknownRole)
        }
        let seconds: Double? =
            switch member("time") {
            case .number(let number)?: number
            case .string(let text)?: TurnLines.seconds(text)
            default: nil
            }
        guard let seconds else { return reading.count(.badTime) }
        guard case .string(let text)? = member("text") ?? member("content") else { return reading.count(.emptyText) }
        TurnLines.add(
            role, seconds, text, labels: Self.labels(member("initiativity"), member("intents"), &reading, role),
            labelled: labelled, into: &reading)
    }

    private static func labels(
        _ initiativity: LenientJSON.Value?, _ intents: LenientJSON.Value?, _ reading: inout TurnReading,
        _ role: DialogueTurn.Role
    ) -> TurnLabels? {
        guard role == .assistant, case .string(let text)? = initiativity else { return nil }
        let words: String =
            switch intents {
            case .string(let text)?: text
            case .array(let elements, _)?:
                elements.map { if case .string(let text) = $0 { text } else { "" } }.joined(separator: ",")
            default: ""
            }
        guard let read = Initiativity(lenient: text) else {
            reading.count(.badLabel)
            return .unknown
        }
        return TurnLabels(read, Intent.all(in: words))
    }
}
