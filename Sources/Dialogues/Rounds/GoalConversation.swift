// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records

/// The conversation about an activity's goal: drafts, as many as `samples`, then one request that merges them; or votes
/// for a task of a list; or none.
///
/// Counted beside what `ReadTalk` counts: `sample-failed.REASON` of drafts and votes that could not be read.
struct GoalConversation: Conversation {
    /// A goal with the description of its task.
    struct Knowledge: Hashable {
        let goal: String
        let text: String
    }

    /// A draft, or drafts, of an activity.
    struct Subject {
        let activity: Activity
        var drafts: [String] = []
        /// To vote for.
        var tasks: [KnownTask] = []

        /// `a task`, or the task that the source names.
        var named: String {
            activity.goal.map(PythonText.stripped).flatMap { $0.isEmpty ? nil : "the task - \($0)" } ?? "a task"
        }

        /// The words of the original for who works, and for what is to be heeded of the data set.
        var originalWords: (worker: String, note: String) {
            guard self.activity.dataset == "ego4d" else {
                return (
                    "an user",
                    "Note that some actions may not irrelevant to the task or have mistakes, so you have to infer the "
                        + "essential and correct steps based on common sense."
                )
            }
            return (
                "an experienced user",
                "Note that the steps may not belong to the same trial, so you have to infer the correct order of the "
                    + "steps based on common sense, and re-order the steps if necessary."
            )
        }
    }

    /// The prompts and options.
    struct Asking {
        let options: ModelOptions
        let draft: PromptTemplate<Subject>
        let merge: PromptTemplate<Subject>
        let match: PromptTemplate<Subject>?
        let manner: Manner

        init(_ configuration: Configuration, _ tasks: [KnownTask]) throws(ConfigurationError) {
            self.options = try ModelOptions(configuration)
            self.manner = configuration[Manner.field]
            func template(_ field: Field<FileReference?>, _ required: String) throws(ConfigurationError)
                -> PromptTemplate<Subject>
            {
                guard let file = configuration[field] else {
                    throw ConfigurationError("`provider: openai` needs this prompt", field: field.name)
                }
                return try PromptTemplate(
                    file, field: field.name,
                    [
                        .about("goal") { $0.activity.goal ?? "" }, .about("named") { $0.named },
                        .about("worker") { $0.originalWords.worker }, .about("note") { $0.originalWords.note },
                        .about("steps") { $0.activity.stepDescriptions }, .about("type") { $0.activity.knowledgeType },
                        .about("drafts") { StageAnswers.listed($0.drafts, type: $0.activity.knowledgeType) },
                        .about("count") { "\($0.drafts.count)" },
                        .about("tasks") { KnownTask.listed($0.tasks) },
                    ], required: required)
            }
            self.draft = try template(GoalStep.draftPrompt, "steps")
            self.merge = try template(GoalStep.mergePrompt, "drafts")
            self.match =
                configuration[GoalStep.matchPrompt] == nil ? nil : try template(GoalStep.matchPrompt, "steps")
            if !tasks.isEmpty, self.match == nil {
                throw ConfigurationError("`tasks` need this prompt", field: GoalStep.matchPrompt.name)
            }
        }
    }

    private enum Phase {
        case drafts(Sampled<ReadTalk<Knowledge>>)
        case merge(ReadTalk<Knowledge>)
        case votes(Sampled<ReadTalk<Int>>)
        case over
    }

    private var activity: Activity
    private let asking: Asking?
    private let tasks: [KnownTask]
    private let stage: String
    private var phase = Phase.over
    private(set) var outcome = Outcome<Activity>()
    private var earlierCounts: [String: Int] = [:]

    /// A conversation that is over as it begins.
    init(about activity: Activity, found task: KnownTask) {
        self.activity = activity
        self.asking = nil
        self.tasks = []
        self.stage = ""
        self.end(Knowledge(goal: task.name, text: task.knowledge))
    }

    /// A conversation with a model.
    /// - Parameter votes: the tasks to vote for; `nil` asks for drafts.
    init(about activity: Activity, _ asking: Asking, votes tasks: [KnownTask]?, _ stage: String) {
        self.activity = activity
        self.asking = asking
        self.tasks = tasks ?? []
        self.stage = stage
        let subject = Subject(activity: activity, tasks: self.tasks)
        if let tasks, let match = asking.match {
            let messages = match.render(subject)
            self.phase = .votes(
                Sampled(
                    DialogueSeed.samplings(self.record, stage, asking.options, part: "vote").map {
                        ReadTalk(Self.question(messages, Self.voteSchema(tasks.count), asking, $0)) { Self.vote($0) }
                    }))
        } else {
            let messages = asking.draft.render(subject)
            self.phase = .drafts(
                Sampled(
                    DialogueSeed.samplings(self.record, stage, asking.options, part: "draft").map {
                        ReadTalk(Self.question(messages, Self.schema, asking, $0)) { Self.knowledge($0) }
                    }))
        }
    }

    /// The activity's own name: seeds follow from it.
    private var record: String { DialogueSeed.name(of: self.activity) }

    private static func question<Value>(
        _ messages: [ChatMessage], _ schema: String, _ asking: Asking, _ sampling: Sampling?
    ) -> ReadTalk<Value>.Question {
        ReadTalk<Value>.Question(messages: messages, schema: schema, options: asking.options, sampling: sampling)
    }

    // MARK: Answers

    static let schema = """
        {"type":"object","properties":{"name":{"type":"string"},"steps":{"type":"array","maxItems":60,"items":\
        {"type":"string"}}},"required":["name","steps"],"additionalProperties":false}
        """

    private static func voteSchema(_ count: Int) -> String {
        let numbers = (1...max(count, 1)).map(String.init).joined(separator: ",")
        return """
            {"type":"object","properties":{"reason":{"type":"string"},"answer":{"type":"integer","enum":[\(numbers)]}},\
            "required":["reason","answer"],"additionalProperties":false}
            """
    }

    /// A name and numbered steps, as JSON or as text whose first line is the name. Steps without words are left out,
    /// and a name without any is none.
    static func knowledge(_ answer: ChatAnswer) -> Result<(Knowledge, [String: Int]), UnreadableAnswer> {
        let task = AnswerObject.last(in: answer) { value -> KnownTask? in
            guard let name = value["name"]?.string, let steps = value["steps"]?.array else { return nil }
            let said = steps.compactMap(\.string).filter { !$0.isWordless }
            return KnownTask(name: PythonText.stripped(name), steps: said)
        }
        if let task, !task.name.isWordless, !task.steps.isEmpty {
            return .success((Knowledge(goal: task.name, text: task.knowledge), [:]))
        }
        let text = AnswerObject.words(of: answer)
        let goal = StageAnswers.goal(of: text)
        guard task == nil, !text.hasPrefix("{"), !goal.isWordless, text.contains("\n") else {
            return .failure(UnreadableAnswer(code: "no-task", sentence: "It held no name with steps."))
        }
        return .success((Knowledge(goal: goal, text: text), ["free-text": 1]))
    }

    static func vote(_ answer: ChatAnswer) -> Result<(Int, [String: Int]), UnreadableAnswer> {
        if let vote = AnswerObject.last(in: answer, { $0["answer"]?.int }) { return .success((vote, [:])) }
        guard let vote = StageAnswers.task(in: AnswerObject.words(of: answer)) else {
            return .failure(UnreadableAnswer(code: "no-vote", sentence: "It held no number of a task."))
        }
        return .success((vote, ["free-text": 1]))
    }

    // MARK: Talking

    var callsToCome: ClosedRange<Int> {
        switch self.phase {
        case .drafts(let talk):
            let merge = self.asking?.options.repairs == true ? 2 : 1
            return talk.callsToCome.lowerBound + 1...talk.callsToCome.upperBound + merge
        case .merge(let talk): return talk.callsToCome
        case .votes(let talk): return talk.callsToCome
        case .over: return 0...0
        }
    }

    mutating func begin() -> Turn {
        switch self.phase {
        case .drafts(var talk):
            let turn = talk.begin()
            self.phase = .drafts(talk)
            return self.follow(turn)
        case .votes(var talk):
            let turn = talk.begin()
            self.phase = .votes(talk)
            return self.follow(turn)
        case .merge, .over: return .ends
        }
    }

    mutating func take(_ reply: Reply) -> Turn {
        switch self.phase {
        case .drafts(var talk):
            let turn = talk.take(reply)
            self.phase = .drafts(talk)
            return self.follow(turn)
        case .merge(var talk):
            let turn = talk.take(reply)
            self.phase = .merge(talk)
            return self.follow(turn)
        case .votes(var talk):
            let turn = talk.take(reply)
            self.phase = .votes(talk)
            return self.follow(turn)
        case .over: return .ends
        }
    }

    private mutating func follow(_ turn: Turn) -> Turn {
        guard case .ends = turn else { return turn }
        switch self.phase {
        case .drafts(let talk): return self.merge(talk)
        case .merge(let talk):
            self.close(talk.counts)
            if let answer = talk.outcome.outputs.first {
                self.end(answer.value)
            } else {
                self.fail(talk.outcome.failure)
            }
        case .votes(let talk):
            self.close(talk.counts)
            let votes = talk.outcomes.flatMap(\.outputs).map(\.value)
            if let task = KnownTask.elected(by: votes, of: self.tasks, self.asking?.manner ?? .mended) {
                self.end(Knowledge(goal: task.name, text: task.knowledge))
            } else {
                self.fail(
                    talk.outcome.failure
                        ?? RequestFailure(reason: "no-vote", message: "no vote is for a task of the list"))
            }
        case .over: break
        }
        return .ends
    }

    private mutating func merge(_ talk: Sampled<ReadTalk<Knowledge>>) -> Turn {
        self.close(talk.counts)
        let drafts = talk.outcomes.flatMap(\.outputs).map(\.value)
        guard let asking, !drafts.isEmpty else {
            self.fail(talk.outcome.failure)
            return .ends
        }
        self.activity.drafts = drafts.map(\.text)
        let messages = asking.merge.render(Subject(activity: self.activity, drafts: drafts.map(\.text)))
        var merge = ReadTalk<Knowledge>(
            .init(
                messages: messages, schema: Self.schema, options: asking.options,
                sampling: DialogueSeed.sampling(self.record, self.stage, asking.options, part: "merge"))
        ) { Self.knowledge($0) }
        let turn = merge.begin()
        self.phase = .merge(merge)
        return self.follow(turn)
    }

    private mutating func close(_ counts: [String: Int]) {
        self.earlierCounts.merge(counts, uniquingKeysWith: +)
        if case .merge = self.phase { self.phase = .over }
        if case .votes = self.phase { self.phase = .over }
    }

    private mutating func end(_ knowledge: Knowledge) {
        self.phase = .over
        self.activity.goal = knowledge.goal
        self.activity.knowledge = knowledge.text
        self.outcome.outputs = [self.activity]
    }

    private mutating func fail(_ failure: RequestFailure?) {
        self.phase = .over
        let reason = failure ?? RequestFailure(reason: "no-answer", message: "there was no answer")
        self.outcome.failure = RequestFailure(
            reason: reason.reason, message: "goal of video \(self.activity.videoUID): \(reason.message)")
    }

    var counts: [String: Int] { self.earlierCounts }

    func message(of failure: RequestFailure) -> String {
        "goal of video \(self.activity.videoUID): \(failure.message)"
    }
}

/// Seeds of the requests about an activity or a dialogue.
enum DialogueSeed {
    /// The activity's own name, from its content.
    static func name(of activity: Activity) -> String {
        var json = JSONWriter()
        json.beginArray()
        json.value("activity")
        json.value(activity.dataset)
        json.value(activity.videoUID)
        json.value(activity.revision)
        json.endArray()
        return json.withBytes { ContentHash.uuid5(UnsafeRawBufferPointer($0)) }
    }

    /// The origin of the seeds of one series of requests: what they are about, the stage, and the part of the stage's
    /// work; all of it apart from every other series.
    static func sampling(_ record: String, _ stage: String, _ options: ModelOptions, part: String) -> Sampling {
        Sampling(record: "\(record)/\(part)", stage: stage, ordinal: 1, base: options.seed)
    }

    /// The same for as many series side by side as the options want samples.
    static func samplings(_ record: String, _ stage: String, _ options: ModelOptions, part: String) -> [Sampling] {
        (1...options.samples).map {
            Sampling(record: "\(record)/\(part)", stage: stage, ordinal: $0, base: options.seed)
        }
    }
}
