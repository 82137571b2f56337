// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import Conversations
import ModelRequests
import Records

/// The conversation about one window: as many samples as candidates are wanted, each a list of verbs and nouns of the
/// length of the future.
///
/// Counted, beside what the samples count: `label.exact`, `label.nearest` and `label.none`, the words that the taxonomy
/// has, that were taken for the nearest entry, or for the label of what was seen last; `candidate-repeated`, candidates
/// that stand for samples without an answer.
struct ForecastConversation: Conversation {
    private let window: ActionWindow
    private let labels: ForecastLabels
    private var talk: Sampled<StructuredTalk>?
    private var failure: RequestFailure?
    /// The forecast where no model is asked.
    private var repeated: [Action]?

    /// A conversation with a model.
    init(
        about window: ActionWindow, _ labels: ForecastLabels,
        talk: (StructuredAnswer) -> Sampled<StructuredTalk>
    ) {
        self.init(of: window, labels)
        if self.failure == nil, window.clip.taxonomy.digest != labels.summary.digest {
            self.failure = RequestFailure(
                reason: "other-taxonomy",
                message:
                    "the labels of \(window.key) are places in another taxonomy than the step's; give `taxonomy` of the "
                    + "annotations' version")
        }
        guard self.failure == nil else { return }
        do throws(JSONError) {
            self.talk = talk(try StructuredAnswer(schema: Self.schema(steps: window.futures.count)))
        } catch {
            self.failure = RequestFailure(reason: "bad-request", message: "the schema is not JSON: \(error)")
        }
    }

    /// A conversation that is over as it begins: the last action is repeated.
    init(repeating window: ActionWindow, _ labels: ForecastLabels) {
        self.init(of: window, labels)
        guard self.failure == nil, let last = window.inputs.last?.action else { return }
        self.repeated = Array(repeating: last, count: window.futures.count)
    }

    private init(of window: ActionWindow, _ labels: ForecastLabels) {
        self.window = window
        self.labels = labels
        if window.futures.isEmpty || window.inputs.contains(where: { $0.action == nil }) {
            self.failure = RequestFailure(
                reason: "unlabelled",
                message:
                    "nobody tells what was seen in \(window.key), so that no words can be made of it; a test split needs "
                    + "labels that were recognized before")
        }
    }

    /// The form of an answer: so many pairs of verb and noun.
    static func schema(steps: Int) -> String {
        """
        {"type":"object","properties":{"actions":{"type":"array","minItems":\(steps),"maxItems":\(steps),"items":\
        {"type":"object","properties":{"verb":{"type":"string","maxLength":64},"noun":{"type":"string","maxLength":64}},\
        "required":["verb","noun"],"additionalProperties":false}}},"required":["actions"],"additionalProperties":false}
        """
    }

    var callsToCome: ClosedRange<Int> { self.talk?.callsToCome ?? 0...0 }
    mutating func begin() -> Turn { self.talk?.begin() ?? .ends }
    mutating func take(_ reply: Reply) -> Turn { self.talk?.take(reply) ?? .ends }

    /// The candidates of the samples that have an answer, and the matches of their words.
    private var reading: (candidates: [[Action]], counts: [String: Int]) {
        var candidates: [[Action]] = []
        var counts: [String: Int] = [:]
        for answer in self.talk?.outcomes.flatMap(\.outputs) ?? [] {
            var last = self.window.inputs.last?.action ?? Action(verb: 0, noun: 0)
            candidates.append(
                (answer["actions"]?.array ?? []).map { pair in
                    let verb = self.labels.verb(pair["verb"]?.string ?? "")
                    let noun = self.labels.noun(pair["noun"]?.string ?? "")
                    for match in [verb.match, noun.match] { counts["label.\(match.rawValue)", default: 0] += 1 }
                    last = Action(verb: verb.place ?? last.verb, noun: noun.place ?? last.noun)
                    return last
                })
        }
        return (candidates, counts)
    }

    var outcome: Outcome<ActionForecast> {
        var outcome = Outcome<ActionForecast>()
        guard let talk = self.talk else {
            outcome.failure = self.failure
            if let repeated {
                outcome.outputs = [
                    ActionForecast(key: self.window.key, clipUID: self.window.clip.clipUID, candidates: [repeated])
                ]
            }
            return outcome
        }
        let candidates = self.reading.candidates
        guard !candidates.isEmpty else {
            outcome.failure =
                talk.outcomes.compactMap(\.failure).first
                ?? RequestFailure(reason: "no-answer", message: "the model answered nothing about \(self.window.key)")
            return outcome
        }
        // The challenge wants as many candidates of every window.
        let all = (0..<talk.outcomes.count).map { candidates[$0 % candidates.count] }
        outcome.outputs = [
            ActionForecast(key: self.window.key, clipUID: self.window.clip.clipUID, candidates: all)
        ]
        return outcome
    }

    var counts: [String: Int] {
        guard let talk = self.talk else { return [:] }
        let (candidates, labels) = self.reading
        var counts = talk.counts.merging(labels, uniquingKeysWith: +)
        let missing = talk.outcomes.count - candidates.count
        if missing > 0, !candidates.isEmpty { counts["candidate-repeated"] = missing }
        return counts
    }

    func message(of failure: RequestFailure) -> String {
        "forecast of \(self.window.key): \(self.talk?.message(of: failure) ?? failure.message)"
    }
}
