// SPDX-License-Identifier: Apache-2.0

public import Dataflow
import ModelRequests

/// A judge of records: has a model score them by named criteria, passes on what scores well enough, and rejects the
/// rest. The scores travel with the record, rejected or not.
///
/// A task makes its type `Judgeable` and registers `JudgeStep<Type>`; what the criteria mean is said in the rubric, a
/// prompt file beside the topology.
public struct JudgeStep<Value: Judgeable>: ConversationStep {
    /// The file of the prompt.
    public static var rubric: Field<FileReference> {
        Field(
            "rubric", required: FileReference(path: "prompts/judge.txt", content: ""),
            help:
                "The prompt, a text file beside the topology, which says what each criterion means: a `PromptTemplate`."
        )
    }
    /// The names of what is scored.
    public static var criteria: Field<[String]> {
        Field("criteria", required: ["clear"], help: "The names of what is scored, as the rubric has them.")
    }
    /// The lowest score.
    public static var lowest: Field<Int> {
        Field("lowest", default: 1, in: 0...1_000, help: "The lowest score that may be given.")
    }
    /// The highest score.
    public static var highest: Field<Int> {
        Field("highest", default: 5, in: 1...1_100, help: "The highest score that may be given.")
    }
    /// The way in which several scores become one.
    public static var combine: Field<JudgeRules.Combination> {
        Field(
            "combine", default: .mean,
            help: """
                The score of several samples: `mean` is their arithmetic mean, `majority` the score that most give, the \
                lowest of several such.
                """)
    }
    /// The least score that passes.
    public static var threshold: Field<Double?> {
        Field(
            "threshold", default: nil,
            help: """
                The least score that passes. A record with a lower one, by any criterion, goes to the rejects; where no \
                threshold is given, all records pass, with their scores.
                """)
    }

    /// `judge`
    public static var specification: OperatorSpecification {
        OperatorSpecification(
            name: "judge",
            summary: "Has a model score records by the criteria of a rubric, and rejects what scores low.",
            fields: [
                Self.rubric, Self.criteria, Self.lowest, Self.highest, Self.combine, Self.threshold,
                ModelOptions.model, ModelOptions.temperature, ModelOptions.topP, ModelOptions.maxTokens,
                ModelOptions.seed, ModelOptions.stop, ModelOptions.responseFormat, ModelOptions.repair,
                ModelOptions.samples,
            ] + ModelEndpoint.fields, warnings: ModelOptions.warnings)
    }

    private let rules: JudgeRules
    private let template: PromptTemplate<Value>
    private let form: StructuredAnswer
    private let options: ModelOptions
    private let stage: String

    /// Reads the rubric and the rules.
    public init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.options = try ModelOptions(configuration)
        self.rules = try JudgeRules(
            criteria: configuration[Self.criteria], lowest: configuration[Self.lowest],
            highest: configuration[Self.highest], combination: configuration[Self.combine],
            threshold: configuration[Self.threshold])
        let file = configuration[Self.rubric]
        for name in self.rules.criteria where !file.content.contains(name) {
            throw ConfigurationError(
                "\(file.path) says nothing about `\(name)`, which `criteria` names: say there what it means",
                field: Self.rubric.name)
        }
        let schema = self.rules.schema
        let own: [PromptTemplate<Value>.Placeholder] = [
            .constant("criteria", self.rules.criteria.map { "- \($0)" }.joined(separator: "\n")),
            .constant("lowest", String(self.rules.scale.lowerBound)),
            .constant("highest", String(self.rules.scale.upperBound)), .constant("schema", schema),
        ]
        self.template = try PromptTemplate(
            file, field: Self.rubric.name, Value.rubricPlaceholders + own, required: Value.rubricSubject)
        do {
            self.form = try StructuredAnswer(schema: schema)
        } catch {
            preconditionFailure("names of criteria need no escapes: \(error)")
        }
        self.stage = context.stage
    }

    /// Makes the conversation about a record.
    public func conversation(about value: Value) -> JudgeConversation<Value> {
        guard value.isJudged else { return JudgeConversation(about: value, self.rules, nil, obstacle: nil) }
        if let obstacle = value.obstacle(toShowing: self.template.shown) {
            return JudgeConversation(about: value, self.rules, nil, obstacle: obstacle)
        }
        let messages = self.template.render(value)
        let opinions = Sampled(self.options, of: value.judgeID, in: self.stage) { sampling in
            StructuredTalk(messages, self.form, self.options, sampling)
        }
        return JudgeConversation(about: value, self.rules, opinions, obstacle: nil)
    }
}
