// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records

/// Has a model vote on whether a video follows its task, and rejects those that do not: `label`. Rules keep all, and so
/// are those of other data sets than `datasets`, whose videos follow their tasks.
struct LabelStep: ConversationStep {
    static let prompt = Field<FileReference?>(
        "prompt", default: nil, help: "The prompt of a vote, a text file beside the topology; it shows `{{steps}}`.")

    static let datasets = Field(
        "datasets", default: ["ego4d", "epickitchens"],
        help: "The data sets whose videos are voted on; those of others pass. Where the list is empty, all are.")

    static let specification = OperatorSpecification(
        name: "label", summary: "Has a model vote on whether a video follows its task, and rejects those that do not.",
        fields: [Speaker.field, Self.prompt, Self.datasets] + Speaker.modelFields + [ModelOptions.samples]
            + ModelEndpoint.fields,
        warnings: { $0[Speaker.field] == .openai ? ModelOptions.warnings($0) : [] })

    static let withoutServer = Speaker.withoutServer

    private let options: ModelOptions?
    private let template: PromptTemplate<Activity>?
    private let stage: String
    private let datasets: Set<String>

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.stage = context.stage
        self.datasets = Set(configuration[Self.datasets])
        guard configuration[Speaker.field] == .openai else {
            self.options = nil
            self.template = nil
            return
        }
        guard let file = configuration[Self.prompt] else {
            throw ConfigurationError("`provider: openai` needs this prompt", field: Self.prompt.name)
        }
        self.options = try ModelOptions(configuration)
        self.template = try PromptTemplate(
            file, field: Self.prompt.name,
            [
                .about("goal") { $0.goal ?? "" }, .about("steps") { $0.stepDescriptions },
                .about("type") { $0.knowledgeType }, .about("knowledge") { $0.knowledge ?? "" },
                .about("domain") { $0.domain },
            ], required: "steps")
    }

    var asksModel: Bool { self.options != nil }

    func conversation(about activity: Activity) -> LabelConversation {
        guard let options, let template, self.datasets.isEmpty || self.datasets.contains(activity.dataset) else {
            return LabelConversation(about: activity, nil)
        }
        let messages = template.render(activity)
        return LabelConversation(
            about: activity,
            Sampled(
                DialogueSeed.samplings(DialogueSeed.name(of: activity), self.stage, options, part: "vote").map {
                    ReadTalk(
                        .init(messages: messages, schema: LabelConversation.schema, options: options, sampling: $0)
                    ) { LabelConversation.vote($0) }
                }))
    }
}

/// The votes on one video. Counted: `label.N`, the videos that most votes give label N.
struct LabelConversation: Conversation {
    static let schema = """
        {"type":"object","properties":{"analysis":{"type":"string"},"answer":{"type":"integer","enum":[0,1,2]}},\
        "required":["analysis","answer"],"additionalProperties":false}
        """

    private let activity: Activity
    private var talk: Sampled<ReadTalk<Int>>?

    init(about activity: Activity, _ talk: Sampled<ReadTalk<Int>>?) {
        self.activity = activity
        self.talk = talk
    }

    static func vote(_ answer: ChatAnswer) -> Result<(Int, [String: Int]), UnreadableAnswer> {
        let given = AnswerObject.last(in: answer) { $0["answer"]?.int.flatMap { (0...2).contains($0) ? $0 : nil } }
        if let given { return .success((given, [:])) }
        guard let vote = StageAnswers.label(in: AnswerObject.words(of: answer)) else {
            return .failure(UnreadableAnswer(code: "no-vote", sentence: "It held no answer of 0, 1 or 2."))
        }
        return .success((vote, ["free-text": 1]))
    }

    var callsToCome: ClosedRange<Int> { self.talk?.callsToCome ?? 0...0 }
    mutating func begin() -> Turn { self.talk?.begin() ?? .ends }
    mutating func take(_ reply: Reply) -> Turn { self.talk?.take(reply) ?? .ends }

    private var votes: StageAnswers.Votes? {
        self.talk.map { StageAnswers.Votes($0.outcomes.flatMap(\.outputs).map(\.value)) }
    }

    var outcome: Outcome<Activity> {
        var outcome = Outcome<Activity>()
        guard let talk = self.talk, let votes = self.votes else {
            outcome.outputs = [self.activity]
            return outcome
        }
        guard let winner = votes.winner else {
            outcome.failure = talk.outcomes.compactMap(\.failure).first
            return outcome
        }
        var activity = self.activity
        activity.labels = Dictionary(votes.counts.map { ("\($0.choice)", $0.count) }) { first, _ in first }
        if StageAnswers.isUsable(votes, of: talk.outcomes.count) {
            outcome.outputs = [activity]
        } else {
            outcome.rejects = [
                .init(
                    activity, reason: "not-its-task",
                    message: "\(winner.count) of \(talk.outcomes.count) votes are for \(winner.choice)")
            ]
        }
        return outcome
    }

    var counts: [String: Int] {
        var counts = self.talk?.counts ?? [:]
        if let winner = self.votes?.winner { counts["label.\(winner.choice)"] = 1 }
        return counts
    }

    func message(of failure: RequestFailure) -> String {
        "label of video \(self.activity.videoUID): \(failure.message)"
    }
}
