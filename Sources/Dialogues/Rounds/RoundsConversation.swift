// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records
import VideoAnnotations

/// All rounds of one dialogue: clip by clip a draft, cut to the clip, and, where it is asked for, a second request that
/// refines and labels it; each request shows the turns so far. It is a fold over the answers: after a kill the kept
/// ones come back at once. At the end the turns are put apart in time.
///
/// A round whose answer cannot be read ends the dialogue: a dead letter with the round, the reason and the turns so
/// far. Counted: `turns`; `dropped.REASON` of what is no turn; `reordered`, turns that were written behind a later one;
/// `free-text`, answers in lines instead of JSON; and what `ReadTalk` counts.
struct RoundsConversation: Conversation {
    /// The subject of a prompt.
    struct Subject {
        let dialogue: Dialogue
        let clip: ActivityClip
        let history: String
        let requirements: Requirements
        /// The draft to refine; empty in a first request.
        var draft = ""
    }

    /// The prompts and options.
    struct Asking {
        let options: ModelOptions
        let draft: PromptTemplate<Subject>
        /// `nil`: drafts are labelled turns already.
        let refine: PromptTemplate<Subject>?
        let requirements: Requirements
        let manner: Manner
        let stage: String
        let topology: String
    }

    private enum Phase {
        case draft
        case refine
        case over
    }

    /// Turns of the history that a prompt shows.
    private static let historyMax = 20

    private var dialogue: Dialogue
    private let clips: [ActivityClip]
    private let asking: Asking?
    private var talk: ReadTalk<TurnReading>?
    private var phase = Phase.draft
    private var round = 0
    private var requests = 0
    private(set) var outcome = Outcome<DialogueEvent>()
    private(set) var counts: [String: Int] = [:]

    /// A conversation that is over as it begins: of rules, or about an end.
    init(ended event: DialogueEvent, counts: [String: Int] = [:]) {
        self.dialogue = event.dialogue ?? Dialogue(about: .none, userType: "", ordinal: 0)
        self.clips = []
        self.asking = nil
        self.phase = .over
        self.outcome.outputs = [event]
        self.counts = counts
    }

    /// A conversation with a model.
    init(about dialogue: Dialogue, _ asking: Asking) {
        self.dialogue = dialogue
        self.clips = dialogue.activity.clips
        self.asking = asking
        self.dialogue.lineage.model = asking.options.model
        self.dialogue.lineage.topology = asking.topology
    }

    // MARK: Asking

    /// A draft of each clip to come at least; at most also its refinement, and a repair of each.
    var callsToCome: ClosedRange<Int> {
        guard let asking, self.phase != .over else { return 0...0 }
        let drafts = max(self.clips.count - self.round - 1, 0)
        let refinements = asking.refine == nil ? 0 : drafts + (self.phase == .draft ? 1 : 0)
        let most = (drafts + refinements) * (asking.options.repairs ? 2 : 1)
        return drafts...most + (self.talk?.callsToCome.upperBound ?? 0)
    }

    mutating func begin() -> Turn {
        guard self.phase != .over else { return .ends }
        guard !self.clips.isEmpty else {
            return self.fail(RequestFailure(reason: "no-clips", message: "its activity has no clips"))
        }
        return self.askDraft()
    }

    private mutating func askDraft() -> Turn {
        guard let asking, self.round < self.clips.count else { return self.end() }
        let clip = self.clips[self.round]
        self.phase = .draft
        let messages = asking.draft.render(self.subject(clip))
        if self.round == 0 { self.note(prompt: messages) }
        return self.ask(messages, labelled: asking.refine == nil)
    }

    private mutating func askRefinement(of draft: TurnReading, _ template: PromptTemplate<Subject>) -> Turn {
        guard let asking else { return .ends }
        self.phase = .refine
        var subject = self.subject(self.clips[self.round])
        subject.draft = draft.turns.printed(asking.manner)
        let messages = template.render(subject)
        if self.round == 0 { self.note(prompt: messages) }
        return self.ask(messages, labelled: true)
    }

    private func subject(_ clip: ActivityClip) -> Subject {
        let requirements = self.asking?.requirements ?? .standard
        let history = self.dialogue.turns.printed(
            self.asking?.manner ?? .mended, labels: true, most: Self.historyMax)
        return Subject(
            dialogue: self.dialogue, clip: clip, history: history.isEmpty ? "" : requirements.before + history,
            requirements: requirements)
    }

    private mutating func note(prompt messages: [ChatMessage]) {
        let text = messages.map { "\($0.role.rawValue)\n\($0.content)" }.joined(separator: "\n")
        self.dialogue.lineage.prompts.append(ContentHash.sha256(Bytes(text.utf8)))
    }

    private mutating func ask(_ messages: [ChatMessage], labelled: Bool) -> Turn {
        guard let asking else { return .ends }
        let manner = asking.manner
        let most = TurnAnswer.most(in: self.clips[self.round].span)
        var talk = ReadTalk<TurnReading>(
            .init(
                messages: messages, schema: TurnAnswer.schema(most: most), options: asking.options,
                sampling: DialogueSeed.sampling(
                    self.dialogue.dialogueID, asking.stage, asking.options, part: "\(self.round)"),
                round: self.phase == .draft ? 0 : 2)
        ) { Self.read($0, labelled: labelled, manner) }
        let turn = talk.begin()
        self.talk = talk
        return self.follow(turn)
    }

    private static func read(
        _ answer: ChatAnswer, labelled: Bool, _ manner: Manner
    ) -> Result<(TurnReading, [String: Int]), UnreadableAnswer> {
        if manner == .original {
            do throws(TurnLines.LabelFault) {
                return .success((try TurnLines.readAsOriginal(answer.written, labelled: labelled), [:]))
            } catch {
                return .failure(UnreadableAnswer(code: "bad-label", sentence: "`\(error.text)` is no label."))
            }
        }
        guard let (reading, form) = TurnAnswer.read(answer, labelled: labelled) else {
            let code = answer.isTruncated ? "truncated" : "no-turns"
            return .failure(UnreadableAnswer(code: code, sentence: "It held no turns of a dialogue."))
        }
        return .success((reading, form == .lines ? ["free-text": 1] : [:]))
    }

    // MARK: Hearing

    mutating func take(_ reply: Reply) -> Turn {
        guard var talk = self.talk else { return .ends }
        let turn = talk.take(reply)
        self.talk = talk
        return self.follow(turn)
    }

    private mutating func follow(_ turn: Turn) -> Turn {
        guard case .ends = turn, let talk = self.talk else { return turn }
        self.talk = nil
        self.counts.merge(talk.counts, uniquingKeysWith: +)
        guard let answer = talk.outcome.outputs.first else {
            return self.fail(
                talk.outcome.failure ?? RequestFailure(reason: "no-answer", message: "there was no answer"))
        }
        self.dialogue.lineage.answers.append(answer.hash)
        return self.go(on: answer.value)
    }

    private mutating func go(on answer: TurnReading) -> Turn {
        var reading = answer
        let isOriginal = self.asking?.manner == .original
        let span = self.clips[self.round].span
        // The original shows a turn that was written too late at a moment that is over.
        let moved = isOriginal ? 0 : reading.order()
        if moved > 0 { self.counts["reordered", default: 0] += moved }
        // The original lets a refinement run past its clip.
        if self.phase == .draft || !isOriginal { reading.cut(from: isOriginal ? nil : span.start, to: span.end) }
        for (defect, count) in reading.defects { self.counts["dropped.\(defect.rawValue)", default: 0] += count }
        if self.phase == .draft, let template = self.asking?.refine {
            // The original has a model refine an empty draft, which then invents turns.
            if isOriginal || !reading.turns.isEmpty { return self.askRefinement(of: reading, template) }
        }
        self.dialogue.turns += reading.turns
        self.round += 1
        return self.askDraft()
    }

    // MARK: Ending

    private mutating func end() -> Turn {
        self.phase = .over
        guard !self.dialogue.turns.isEmpty || self.asking?.manner == .original else {
            return self.fail(RequestFailure(reason: "no-turns", message: "nobody says anything in it"))
        }
        self.dialogue.turns = Spacing.adjusted(self.dialogue.turns)
        self.counts["turns", default: 0] += self.dialogue.turns.count
        self.outcome.outputs = [.dialogue(self.dialogue.withoutClips)]
        return .ends
    }

    private mutating func fail(_ failure: RequestFailure) -> Turn {
        self.phase = .over
        self.outcome.failure = RequestFailure(reason: failure.reason, message: self.wording(failure))
        return .ends
    }

    private func wording(_ failure: RequestFailure) -> String {
        let turns = self.dialogue.turns.printed(labels: true, most: Self.historyMax)
        return """
            dialogue \(self.dialogue.dialogueID) of video \(self.dialogue.activity.videoUID), round \(self.round + 1) of \
            \(self.clips.count): \(failure.message); the turns so far:\(turns.isEmpty ? " none" : "\n" + turns)
            """
    }

    func message(of failure: RequestFailure) -> String { self.wording(failure) }
}

extension Dialogue {
    /// The dialogue without what only its making needs.
    var withoutClips: Dialogue {
        var dialogue = self
        dialogue.activity.clips = []
        dialogue.activity.stepDescriptions = ""
        dialogue.activity.drafts = nil
        return dialogue
    }
}

extension Activity {
    /// An activity of nothing, for a conversation about an end.
    static let none = Activity(
        dataset: "", domain: "", knowledgeType: "", videoUID: "", stepDescriptions: "", lines: [], clips: [],
        durationSec: 0, annotatedShare: 0, stepCount: 0, substepCount: 0)
}
