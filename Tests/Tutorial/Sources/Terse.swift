// SPDX-License-Identifier: Apache-2.0

import MillraceKit

/// Drops narrations of many words.
struct Terse: Operator {
    static let words = Field("words", default: 12, in: 1...1000, help: "The most words that a narration may have.")
    static let specification = OperatorSpecification(
        name: "terse", summary: "Drops narrations of many words.", fields: [Self.words])
    private let words: Int

    init(_ configuration: Configuration, _ context: OperatorContext) { self.words = configuration[Self.words] }

    func process(_ element: Element<NarrationEvent>, into output: inout Collector<NarrationEvent>) {
        if case .narration(let narration) = element.value, narration.text.split(separator: " ").count > self.words {
            return output.count("wordy")
        }
        output.emit(element)
    }
}
