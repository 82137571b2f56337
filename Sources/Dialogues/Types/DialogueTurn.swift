// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// One utterance of a dialogue.
public struct DialogueTurn: Hashable, Sendable {
    /// The one who speaks.
    public enum Role: String, Hashable, Sendable {
        /// The person in the video.
        case user
        /// The assistant.
        case assistant
    }

    /// The one who speaks.
    public var role: Role
    /// The moment in seconds of the video.
    public var time: Double
    /// The words.
    public var content: String
    /// The labels of an assistant's turn; `nil` for a user's, and where nobody has labelled it.
    public var labels: TurnLabels?
    /// The summary of the progress up to this turn, of an assistant's; `nil` where there is none.
    public var progress: String?

    /// Creates a turn.
    public init(
        _ role: Role, _ time: Double, _ content: String, labels: TurnLabels? = nil, progress: String? = nil
    ) {
        self.role = role
        self.time = time
        self.content = content
        self.labels = labels
        self.progress = progress
    }

    /// Writes the JSON form of the `dialogue` schema.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("role", self.role.rawValue)
        json.field("time", self.time)
        json.field("content", self.content)
        if let labels = self.labels {
            json.field("initiativity", labels.initiativity.rawValue)
            json.key("intents")
            json.beginArray()
            for intent in labels.intents { json.value(intent.rawValue) }
            json.endArray()
        }
        if let progress = self.progress { json.field("progress", progress) }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        var role: Role?
        var time: Double?
        var content: String?
        var initiativity: Initiativity?
        var intents: [Intent] = []
        var progress: String?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "role" {
                role = Role(rawValue: try json.string())
            } else if key == "time" {
                time = try json.double()
            } else if key == "content" {
                content = try json.string()
            } else if key == "initiativity" {
                initiativity = try json.stringOrNull().flatMap(Initiativity.init(rawValue:))
            } else if key == "intents" {
                try json.beginArray()
                while try json.nextElement() {
                    if let intent = Intent(rawValue: try json.string()) { intents.append(intent) }
                }
            } else if key == "progress" {
                progress = try json.stringOrNull()
            } else {
                try json.skip()
            }
        }
        guard let role, let time, let content, time.isFinite else {
            throw JSONError(
                "a turn wants `role` (user, assistant), a finite `time`, and `content`", offset: json.offset)
        }
        self.init(
            role, time, content,
            labels: initiativity.map { TurnLabels($0, intents.isEmpty ? [.other] : intents) }, progress: progress)
    }

    static func list(_ json: inout JSONScanner) throws(JSONError) -> [DialogueTurn] {
        var turns: [DialogueTurn] = []
        try json.beginArray()
        while try json.nextElement() { turns.append(try DialogueTurn(json: &json)) }
        return turns
    }
}

extension [DialogueTurn] {
    /// The turns as a prompt shows them, a line each: `[12.3s] User: text`, with ` [labels]` behind.
    /// - Parameters:
    ///   - showsLabels: adds the labels, where a turn has some.
    ///   - most: shows no more turns than these: their first half, `...`, and their last half; 0 or less shows all.
    ///   - time: prints a turn's time. The original prints floats as Python does.
    func printed(
        labels showsLabels: Bool = false, most: Int = 0,
        time: (DialogueTurn) -> String = { ActivityLine.seconds($0.time) }
    ) -> String {
        let half = most / 2
        let isCut = most > 0 && self.count > most
        let shown = isCut ? Array(self.prefix(half)) + Array(self.suffix(half == 0 ? self.count : half)) : self
        var text = ""
        for (index, turn) in shown.enumerated() {
            text += "[\(time(turn))s] \(turn.role == .user ? "User" : "Assistant"): \(turn.content)"
            if showsLabels, let labels = turn.labels { text += " [\(labels.text)]" }
            text += "\n"
            if isCut, index == half - 1 { text += "...\n" }
        }
        return text
    }

    /// The times as the manner prints them in prompts.
    func printed(_ manner: Manner, labels: Bool = false, most: Int = 0) -> String {
        manner == .original
            ? self.printed(labels: labels, most: most) { PythonText.printed($0.time) }
            : self.printed(labels: labels, most: most)
    }
}
