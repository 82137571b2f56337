// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Foundation
import Records
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct QueryJudgeTests {
    private let block = makeBlock(["#C C puts the knife in the drawer", "#C C takes a red cup"], firstIndex: 20)

    private func candidate(_ query: String, ids: [Int] = [20]) -> Candidate {
        Candidate(narrationIDs: ids, template: QueryTemplate.whereDidIPut.rawValue, query: query)
    }

    @Test func everyValidatorSaysItsVerdict() {
        let verdicts = QueryJudge().verdicts(for: self.candidate("Where did I put the knife?"), of: self.block)
        #expect(Set(verdicts.map(\.reason)) == Set(RejectReason.allCases))
        #expect(verdicts.count == RejectReason.allCases.count)
        for verdict in verdicts {
            switch verdict.outcome {
            case .passed: #expect(!verdict.reason.dependsOnHistory)
            case .notJudged: #expect(verdict.reason.dependsOnHistory)
            case .rejected(let message): Issue.record("\(verdict.reason): \(message)")
            }
        }
    }

    /// All faults are named, not the first alone.
    @Test func everythingThatIsWrongIsSaid() {
        let verdicts = QueryJudge().verdicts(
            for: self.candidate("* Knife of C in the drawer? Or where?", ids: [20, 9]), of: self.block)
        let rejected = verdicts.filter { $0.problem != nil }.map(\.reason)
        #expect(rejected == [.unknownNarration, .severalQuestions, .markup, .marker, .firstWord, .answerLeak])
    }

    /// The step's verdict is the first of these; a configuration changes both alike.
    @Test(arguments: [3, 6])
    func theStepSaysTheSame(minimumWords: Int) throws {
        var configuration = Configuration()
        configuration.set(ValidateOperator.minimumWords, minimumWords)
        let judge = QueryJudge(configuration)
        let texts = [
            "Where did I put the knife?", "Put it", "Where did C put the knife?", "Where was the lamp?",
            "Where did I put the knife in the drawer?", "Where did I put the red cup?",
        ]
        var step = try ValidateOperator(configuration, OperatorContext(topologyHash: "t"))
        for text in texts {
            let candidate = self.candidate(text)
            let answer = Answer(block: self.block, promptHash: "p", answerHash: "a", candidates: [candidate])
            let letter = run(&step, [answer]).notes.letters.first
            let first = judge.verdicts(for: candidate, of: self.block).first { $0.problem != nil }
            #expect(letter?.reason == first?.reason.rawValue && letter?.message == first?.problem, "\(text)")
        }
    }

    /// Rules that are switched off say nothing.
    @Test func switchedOff() {
        var configuration = Configuration()
        configuration.set(ValidateOperator.marker, false)
        configuration.set(ValidateOperator.firstWord, .off)
        let reasons = QueryJudge(configuration).verdicts(for: self.candidate("C?"), of: self.block).map(\.reason)
        #expect(!reasons.contains(.marker) && !reasons.contains(.firstWord) && reasons.contains(.markup))
    }

    /// The table for the users has every reason and every field that sets one.
    @Test func theDocumentationHasEveryReason() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "ops/validators.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }
        for reason in RejectReason.allCases {
            #expect(rows.count { $0.hasPrefix("| `\(reason.rawValue)` |") } == 1, "\(reason.rawValue)")
        }
        for field in ValidateOperator.specification.fields {
            #expect(text.contains("`\(field.name)") && !field.help.isEmpty, "\(field.name)")
        }
    }
}
