// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records

/// Adds to each assistant's turn a summary of the progress up to it: `progress`.
struct ProgressStep: ConversationStep {
    /// The requests about one dialogue.
    enum Requests: String, Choice {
        /// One for each assistant's turn, with all turns up to it, as ProAssist does: seven eighths of all its calls.
        case turn
        /// One for all turns, whose summaries it numbers.
        case dialogue
    }

    static let requests = Field(
        "requests", default: Requests.dialogue,
        help: """
            `dialogue` asks for all summaries of a dialogue at once, by the numbers of turns; `turn` asks for each by itself, \
            as ProAssist does.
            """)
    static let prompt = Field<FileReference?>(
        "prompt", default: nil, help: "The prompt, a text file beside the topology; it shows the `{{dialogue}}`.")

    static let specification = OperatorSpecification(
        name: "progress", summary: "Adds to each assistant's turn a summary of the progress up to it.",
        fields: [Speaker.field, Self.requests, Self.prompt, Manner.field] + Speaker.modelFields
            + ModelEndpoint.fields)

    static let withoutServer = Speaker.withoutServer

    private let asking: ProgressConversation.Asking?

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        guard configuration[Speaker.field] == .openai else {
            self.asking = nil
            return
        }
        guard let file = configuration[Self.prompt] else {
            throw ConfigurationError("`provider: openai` needs this prompt", field: Self.prompt.name)
        }
        let requests = configuration[Self.requests]
        self.asking = ProgressConversation.Asking(
            options: try ModelOptions(configuration), template: try Self.template(file, requests), requests: requests,
            manner: configuration[Manner.field], stage: context.stage)
    }

    static func template(
        _ file: FileReference, _ requests: Requests
    ) throws(ConfigurationError) -> PromptTemplate<ProgressConversation.Subject> {
        try PromptTemplate(
            file, field: Self.prompt.name,
            [
                .about("goal") { $0.goal }, .about("dialogue") { $0.text },
                .constant("schema", ProgressConversation.schema(requests)),
            ], required: "dialogue")
    }

    var asksModel: Bool { self.asking != nil }

    func conversation(about event: DialogueEvent) -> ProgressConversation {
        guard case .dialogue(var dialogue) = event else { return ProgressConversation(ended: event) }
        if let asking { return ProgressConversation(about: dialogue, asking) }
        RuleSpeaker.addProgress(to: &dialogue)
        return ProgressConversation(ended: .dialogue(dialogue))
    }
}

/// The conversation about the progress of one dialogue. A summary that is missing is that of the assistant's turn
/// before and counted, `no-summary`; a request that cannot be answered ends the dialogue.
struct ProgressConversation: Conversation {
    /// The subject of a prompt.
    struct Subject {
        let goal: String
        /// The turns, a line each; with their numbers in front where one request is for all.
        let text: String
    }

    /// The prompt and options.
    struct Asking {
        let options: ModelOptions
        let template: PromptTemplate<Subject>
        let requests: ProgressStep.Requests
        let manner: Manner
        let stage: String
    }

    static func schema(_ requests: ProgressStep.Requests, of count: Int = 1000) -> String {
        switch requests {
        case .turn:
            """
            {"type":"object","properties":{"summary":{"type":"string"}},"required":["summary"],\
            "additionalProperties":false}
            """
        case .dialogue:
            """
            {"type":"object","properties":{"summaries":{"type":"array","maxItems":\(count),"items":{"type":"object",\
            "properties":{"turn":{"type":"integer"},"summary":{"type":"string"}},"required":["turn","summary"],\
            "additionalProperties":false}}},"required":["summaries"],"additionalProperties":false}
            """
        }
    }

    private var dialogue: Dialogue
    /// The turns that each request is about, by index.
    private let subjects: [[Int]]
    private var talk: Sampled<ReadTalk<[Int: String]>>?
    private let event: DialogueEvent

    /// A conversation that is over as it begins.
    init(ended event: DialogueEvent) {
        self.event = event
        self.dialogue = event.dialogue ?? Dialogue(about: .none, userType: "", ordinal: 0)
        self.subjects = []
        self.talk = nil
    }

    /// A conversation with a model.
    init(about dialogue: Dialogue, _ asking: Asking) {
        self.event = .dialogue(dialogue)
        self.dialogue = dialogue
        let spoken = dialogue.turns.indices.filter { dialogue.turns[$0].role == .assistant }
        self.subjects = asking.requests == .turn ? spoken.map { [$0] } : spoken.isEmpty ? [] : [spoken]
        let goal = dialogue.activity.goal ?? ""
        self.talk = Sampled(
            self.subjects.enumerated().map { number, turns in
                let shown = Array(dialogue.turns[...(turns.last ?? 0)])
                let text = asking.requests == .turn ? shown.printed(asking.manner) : Self.numbered(shown)
                let question = ReadTalk<[Int: String]>.Question(
                    messages: asking.template.render(Subject(goal: goal, text: text)),
                    schema: Self.schema(asking.requests, of: turns.count), options: asking.options,
                    sampling: DialogueSeed.sampling(
                        dialogue.dialogueID, asking.stage, asking.options, part: "\(number)"))
                return ReadTalk(question) { Self.read($0, about: turns, asking) }
            })
    }

    private static func numbered(_ turns: [DialogueTurn]) -> String {
        turns.enumerated().map { "\($0 + 1). " + [$1].printed() }.joined()
    }

    /// The summaries in an answer, by the index of the turn that each is for.
    private static func read(
        _ answer: ChatAnswer, about turns: [Int], _ asking: Asking
    ) -> Result<([Int: String], [String: Int]), UnreadableAnswer> {
        if asking.requests == .turn, let turn = turns.first {
            let json = asking.manner == .mended ? AnswerObject.last(in: answer) { $0["summary"]?.string } : nil
            let words = asking.manner == .mended ? AnswerObject.words(of: answer) : answer.written
            guard let summary = json.map(PythonText.stripped) ?? StageAnswers.summary(in: words, asking.manner),
                !summary.isWordless || asking.manner == .original
            else { return .failure(UnreadableAnswer(code: "no-summary", sentence: "It held no summary.")) }
            return .success(([turn: summary], json == nil ? ["free-text": 1] : [:]))
        }
        let summaries = AnswerObject.last(in: answer) { value -> [Int: String]? in
            guard let list = value["summaries"]?.array else { return nil }
            var summaries: [Int: String] = [:]
            for entry in list {
                guard let turn = entry["turn"]?.int, let summary = entry["summary"]?.string,
                    turns.contains(turn - 1), !summary.isWordless
                else { continue }
                summaries[turn - 1] = PythonText.stripped(summary)
            }
            return summaries
        }
        guard let summaries, let first = turns.first, summaries[first] != nil || !summaries.isEmpty else {
            return .failure(
                UnreadableAnswer(code: "no-summary", sentence: "It held no summary of an assistant's turn."))
        }
        return .success((summaries, [:]))
    }

    var callsToCome: ClosedRange<Int> { self.talk?.callsToCome ?? 0...0 }
    mutating func begin() -> Turn { self.talk?.begin() ?? .ends }
    mutating func take(_ reply: Reply) -> Turn { self.talk?.take(reply) ?? .ends }

    private var summaries: [Int: String] {
        (self.talk?.outcomes.flatMap(\.outputs) ?? []).reduce(into: [:]) {
            $0.merge($1.value) { first, _ in first }
        }
    }

    var outcome: Outcome<DialogueEvent> {
        var outcome = Outcome<DialogueEvent>()
        guard let talk = self.talk else {
            outcome.outputs = [self.event]
            return outcome
        }
        if let failure = talk.outcomes.compactMap(\.failure).first {
            outcome.failure = RequestFailure(reason: failure.reason, message: self.message(of: failure))
            return outcome
        }
        var dialogue = self.dialogue
        let summaries = self.summaries
        var last = ""
        for index in dialogue.turns.indices where dialogue.turns[index].role == .assistant {
            last = summaries[index] ?? last
            dialogue.turns[index].progress = StageAnswers.progress(last, at: dialogue.turns[index].time)
        }
        dialogue.lineage.answers += talk.outcomes.flatMap(\.outputs).map(\.hash)
        outcome.outputs = [.dialogue(dialogue)]
        return outcome
    }

    var counts: [String: Int] {
        var counts = self.talk?.counts ?? [:]
        let missing = self.subjects.joined().count - self.summaries.count
        if self.talk != nil, missing > 0 { counts["no-summary"] = missing }
        return counts
    }

    func message(of failure: RequestFailure) -> String {
        "progress of dialogue \(self.dialogue.dialogueID) of video \(self.dialogue.activity.videoUID): \(failure.message)"
    }
}
