// SPDX-License-Identifier: Apache-2.0

import Conversations
public import ModelRequests
import Records

/// The one further turn in which a model is told what was wrong with its answer.
public enum AnswerRepair {
    /// The conversation so far with one turn more, or `nil` where nothing would be gained by it: the answer has a
    /// query, or says that there is none (what is missing in it was dropped for a reason, and asking again would cost
    /// as much as the whole block), or the server's filter stopped it.
    public static func messages(
        for prompted: PromptedBlock, answer text: String, parsed: ParsedAnswer
    ) -> [ChatMessage]? {
        self.messages(for: prompted.messages, answer: text, parsed: parsed, ids: prompted.ids)
    }

    static func messages(
        for prompt: [ChatMessage], answer text: String, parsed: ParsedAnswer, ids: Range<Int>
    ) -> [ChatMessage]? {
        if parsed.isUsable || parsed.isRefused || ids.isEmpty { return nil }
        let faults = AnswerProblem.allCases.filter { parsed.problems[$0] != nil }.compactMap { Self.sentence($0, ids) }
        let names = ids.map(String.init).joined(separator: ", ")
        let content = """
            \(RepairTurn.opening(faults))
            Answer again for the same notes, whose ids are \(names). Write JSON alone, without a code fence or any other \
            text, with at most one item for each note, in this shape:
            \(self.shape)
            Where no note yields a good question, answer {"queries":[]}.
            """
        return RepairTurn.messages(after: prompt, answer: text, saying: content)
    }

    /// No JSON on purpose: repeated as it stands, it is no item.
    private static let shape =
        #"{"queries":[{"narration_ids":[<id>],"template":"<name of a template>","query":"<question>"}, …]}"#

    private static func sentence(_ problem: AnswerProblem, _ ids: Range<Int>) -> String? {
        switch problem {
        case .truncated, .tooLarge, .unfinishedLine: "It was too long and was cut off: be brief."
        case .emptyAnswer: "It was empty."
        case .noAnswer, .notAnItem, .tooDeep, .lineIgnored: "It held no item of the shape that was asked for."
        case .schemaEcho: "It repeated the schema instead of following it."
        case .unfinishedJSON, .brokenItem: "Its JSON was not well-formed."
        case .missingID, .lineWithoutID: "It did not say by id which note each question is about."
        case .badID, .repeatedField: "Each item must have `narration_ids` once, a list of whole numbers."
        case .unknownID: "It named ids that no note has: only \(ids.lowerBound) to \(ids.upperBound - 1) exist."
        case .ambiguousID: "It gave several questions for one id."
        case .missingQuery, .badQuery, .lineNotAQuestion:
            "Each item must have `query`, one question that ends in \"?\"."
        case .textTooLong: "A question is one short sentence."
        case .badText: "It held characters that are no text."
        case .refused, .repeatedID, .missingTemplate, .badTemplate, .unknownTemplate, .extraField, .duplicateItem,
            .exampleEcho, .tooManyItems, .supersededAnswer:
            nil
        }
    }
}
