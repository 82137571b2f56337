// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records
import TaskRooms

/// A dialogue, known by its number.
struct Dialogue: StreamValue {
    static let typeName = "kept-dialogue"
    static let schemaVersion = 1
    var number: Int

    init(_ number: Int) { self.number = number }
    init(json: inout JSONScanner) throws(JSONError) { self.number = try json.int() }
    func write(to json: inout JSONWriter) { json.value(self.number) }
}

/// A talk about a dialogue of so many rounds, one call each.
struct KeptTalk: Conversation {
    let stage: String
    let dialogue: Dialogue
    let rounds: Int
    private var round = 0
    private(set) var outcome = Outcome<Dialogue>()
    let counts: [String: Int] = [:]

    init(_ dialogue: Dialogue, stage: String, rounds: Int) {
        self.dialogue = dialogue
        self.stage = stage
        self.rounds = rounds
    }

    var callsToCome: ClosedRange<Int> { self.rounds - self.round...self.rounds - self.round }

    mutating func begin() -> Turn { self.ask() }

    mutating func take(_ reply: Reply) -> Turn { self.ask() }

    private mutating func ask() -> Turn {
        guard self.round < self.rounds,
            let request = try? Self.request(stage: self.stage, dialogue: self.dialogue.number, round: self.round)
        else {
            self.outcome.outputs = [self.dialogue]
            return .ends
        }
        self.round += 1
        return .asks([request])
    }

    /// The request of a round, which the answer is kept under.
    static func request(stage: String, dialogue: Int, round: Int) throws(JSONError) -> ChatRequest {
        try ChatRequest(
            model: "kept", messages: [ChatMessage(role: .user, content: "\(stage): \(dialogue), \(round)")])
    }
}

/// `talk`
struct KeptTalkStep: ConversationStep {
    static let rounds = Field("rounds", default: 100, help: "Calls of a talk.")
    static let specification = OperatorSpecification(
        name: "talk", summary: "Talks of what is kept.", fields: [Self.rounds] + ModelEndpoint.fields)

    private let rounds: Int
    private let stage: String

    init(_ configuration: Configuration, _ context: OperatorContext) {
        self.rounds = configuration[Self.rounds]
        self.stage = context.stage
    }

    func conversation(about dialogue: Dialogue) -> KeptTalk {
        KeptTalk(dialogue, stage: self.stage, rounds: self.rounds)
    }
}

extension TaskRoom {
    /// Talks whose answers are all kept.
    static var keptTalks: TaskRoom {
        TaskRoom("KeptTalks", operators: { $0.register(conversation: KeptTalkStep.self) })
    }
}
