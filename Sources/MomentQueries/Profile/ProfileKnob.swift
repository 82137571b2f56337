// SPDX-License-Identifier: Apache-2.0

/// The settings of a topology that move a figure of a profile.
public struct ProfileKnob: Hashable, Sendable {
    /// A field of a step.
    public struct Setting: Hashable, Sendable {
        /// The step's name: `validate`.
        public var step: String
        /// The field's: `minimum-words`.
        public var field: String
    }

    /// The settings, the nearest first.
    public var settings: [Setting]
    /// More that moves it, in words; empty where the settings do.
    public var more: String

    /// `validate: minimum-words, maximum-words; prompt: template (its rule on length)`
    public var text: String {
        var steps: [String] = []
        for setting in self.settings where !steps.contains(setting.step) { steps.append(setting.step) }
        let parts = steps.map { step in
            "`\(step)`: " + self.settings.filter { $0.step == step }.map(\.field).joined(separator: ", ")
        }
        return parts.joined(separator: "; ") + (self.more.isEmpty ? "" : " (\(self.more))")
    }

    private init(
        _ step: String, _ fields: String..., and other: (step: String, field: String)? = nil, more: String = ""
    ) {
        self.settings = fields.map { Setting(step: step, field: $0) }
        if let other { self.settings.append(Setting(step: other.step, field: other.field)) }
        self.more = more
    }

    /// The knob of a measure.
    /// - Parameter name: the measure's; `duplicates` for texts that are said again.
    /// - Returns: `nil` for a name that no measure has.
    public static func of(_ name: String) -> ProfileKnob? { self.all[name] }

    /// The names that have one.
    public static var names: [String] { self.all.keys.sorted() }

    private static let all: [String: ProfileKnob] = {
        let prompt = (step: "prompt", field: "template")
        let repeats = ProfileKnob("validate", "duplicate-in-clip", "near-duplicate", "repeats-in-video", and: prompt)
        let windows = ProfileKnob("window", "alpha", "minimum-seconds", "method")
        let person = ProfileKnob("prompt", "template", more: "its rules and examples: first person, past tense")
        return [
            "first-words": ProfileKnob(
                "prompt", "template", and: ("validate", "first-word"), more: "the first words of the prompt's examples"),
            "templates": ProfileKnob(
                "prompt", "template", and: ("validate", "unknown-template"),
                more: "the templates of the prompt's examples"),
            "says-i": person,
            "first-person": person,
            "past": person,
            "present-only": person,
            "question-mark": ProfileKnob(
                "prompt", "template", and: ("llm", "query-form"), more: "`query-form: question` asks for one"),
            "distinct": repeats,
            "distinct-normalized": repeats,
            "duplicates": repeats,
            "words-mean": ProfileKnob("prompt", "template", more: "its rule on the number of words"),
            "words-p1": ProfileKnob("validate", "minimum-words", and: prompt),
            "words-median": ProfileKnob("prompt", "template", more: "its rule on the number of words"),
            "words-p99": ProfileKnob("validate", "maximum-words", and: prompt),
            "words-max": ProfileKnob("validate", "maximum-words"),
            "window-mean": windows,
            "window-median": windows,
            "window-p90": windows,
            "window-max": ProfileKnob("validate", "maximum-seconds", and: ("window", "alpha")),
            "window-zero": ProfileKnob("validate", "minimum-seconds", and: ("window", "minimum-seconds")),
        ]
    }()
}
