// SPDX-License-Identifier: Apache-2.0

import Dataflow

/// Wants dialogues of an activity: so many of each type of user, and then the end of the video's: `users`.
struct UsersOperator: Operator {
    private static func count(_ name: String, _ number: Int, _ user: String) -> Field<Int> {
        Field(name, default: number, in: 0...100, help: "The dialogues with a user who \(user).")
    }
    static let silent = Self.count("no_talk", 2, "does what the assistant says and never talks")
    static let some = Self.count("talk_some", 4, "asks a few questions")
    static let more = Self.count("talk_more", 4, "talks much, also of other things")

    static let specification = OperatorSpecification(
        name: "users", summary: "Wants dialogues of an activity, so many of each type of user.",
        fields: [Self.silent, Self.some, Self.more])

    private let counts: [(type: String, count: Int)]

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.counts = [Self.silent, Self.some, Self.more].map { ($0.name, configuration[$0]) }
        guard self.counts.contains(where: { $0.count > 0 }) else {
            throw ConfigurationError("all counts are 0: give one of them at least", field: Self.silent.name)
        }
    }

    mutating func process(_ element: Element<Activity>, into output: inout Collector<DialogueEvent>) {
        var ordinal = 0
        for (type, count) in self.counts {
            for _ in 0..<count {
                output.emit(
                    .dialogue(Dialogue(about: element.value, userType: type, ordinal: ordinal)), from: element)
                ordinal += 1
            }
        }
        let end = EndOfDialogues(
            dataset: element.value.dataset, videoUID: element.value.videoUID, wanted: ordinal)
        output.emit(.end(end), from: element)
    }
}
