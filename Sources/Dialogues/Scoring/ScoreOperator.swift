// SPDX-License-Identifier: Apache-2.0

import Dataflow

/// Scores dialogues by how near their turns are to the steps: `score`. One without turns or lines, or whose score is no
/// finite number, is rejected: `no-score`.
struct ScoreOperator: Operator {
    static let specification = OperatorSpecification(
        name: "score", summary: "Scores dialogues by how near their turns are to the steps.", fields: [])

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {}

    mutating func process(_ element: Element<DialogueEvent>, into output: inout Collector<DialogueEvent>) {
        guard case .dialogue(var dialogue) = element.value else { return output.emit(element.value, from: element) }
        guard let score = TimeScore(dialogue.turns, against: TimeScore.LineTimes(of: dialogue.activity.lines)) else {
            return output.reject(
                element.value, from: element, reason: "no-score",
                message: "dialogue \(dialogue.dialogueID) has no turns, its activity no lines, or no finite score")
        }
        dialogue.quality = score
        output.emit(.dialogue(dialogue), from: element)
    }
}
