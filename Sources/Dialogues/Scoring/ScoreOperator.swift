// SPDX-License-Identifier: Apache-2.0

import Dataflow

/// Scores dialogues by how near their turns are to the steps: `score`. One without turns or lines, or whose score is no
/// finite number, is rejected: `no-score`.
///
/// The original takes for a line's time whatever stands in brackets in the printed lines.
struct ScoreOperator: Operator {
    static let specification = OperatorSpecification(
        name: "score", summary: "Scores dialogues by how near their turns are to the steps.", fields: [Manner.field])

    private let manner: Manner

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.manner = configuration[Manner.field]
    }

    mutating func process(_ element: Element<DialogueEvent>, into output: inout Collector<DialogueEvent>) {
        guard case .dialogue(var dialogue) = element.value else { return output.emit(element.value, from: element) }
        guard let times = self.times(of: dialogue.activity.lines), let score = TimeScore(dialogue.turns, against: times)
        else {
            return output.reject(
                element.value, from: element, reason: "no-score",
                message: "dialogue \(dialogue.dialogueID) has no turns, its activity no lines, or no finite score")
        }
        dialogue.quality = score
        output.emit(.dialogue(dialogue), from: element)
    }

    private func times(of lines: [ActivityLine]) -> TimeScore.LineTimes? {
        guard self.manner == .original else { return TimeScore.LineTimes(of: lines) }
        return TimeScore.LineTimes(inBracketsOf: lines.map(\.printed).joined(separator: "\n"))
    }
}
