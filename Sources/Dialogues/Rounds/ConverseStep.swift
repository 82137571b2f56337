// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records
import VideoAnnotations

/// Has the dialogues that are wanted spoken, by a model or by rules: `converse`.
struct ConverseStep: ConversationStep {
    static let prompt = Field<FileReference?>(
        "prompt", default: nil,
        help: "The prompt of a round, a text file beside the topology; it shows the clip's `{{steps}}`.")
    static let refine = Field(
        "refine", default: false,
        help: """
            Have each round's draft refined and labelled by a second request, as ProAssist does. Without it, the first \
            answer is labelled turns already, at half the calls.
            """)
    static let refinePrompt = Field<FileReference?>(
        "refine-prompt", default: nil,
        help:
            "With `refine`: the prompt of the second request, a text file beside the topology; it shows `{{dialogue}}`."
    )

    static let specification = OperatorSpecification(
        name: "converse", summary: "Has dialogues spoken, clip by clip, by a model or by rules.",
        fields: [Speaker.field, Self.prompt, Self.refine, Self.refinePrompt, Manner.field] + Speaker.modelFields
            + ModelEndpoint.fields)

    static let withoutServer = Speaker.withoutServer

    private let asking: RoundsConversation.Asking?
    private let topology: String

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.topology = context.topologyHash
        guard configuration[Speaker.field] == .openai else {
            self.asking = nil
            return
        }
        let refines = configuration[Self.refine]
        self.asking = RoundsConversation.Asking(
            options: try ModelOptions(configuration),
            draft: try Self.template(configuration, Self.prompt, required: "steps"),
            refine: refines ? try Self.template(configuration, Self.refinePrompt, required: "dialogue") : nil,
            requirements: configuration[Manner.field] == .original ? .original : .standard,
            manner: configuration[Manner.field], stage: context.stage,
            topology: context.topologyHash)
    }

    private static func template(
        _ configuration: Configuration, _ field: Field<FileReference?>, required: String
    ) throws(ConfigurationError) -> PromptTemplate<RoundsConversation.Subject> {
        guard let file = configuration[field] else {
            throw ConfigurationError("`provider: openai` needs this prompt", field: field.name)
        }
        return try Self.template(file, field: field.name, required: required)
    }

    static func template(
        _ file: FileReference, field: String, required: String
    ) throws(ConfigurationError) -> PromptTemplate<RoundsConversation.Subject> {
        try PromptTemplate(
            file, field: field,
            [
                .about("goal") { $0.dialogue.activity.goal ?? "" },
                .about("knowledge") { $0.dialogue.activity.knowledge ?? "" }, .about("steps") { $0.clip.text },
                .about("user") { $0.requirements.user($0.dialogue.userType) },
                .about("more") { $0.requirements.more(for: $0.dialogue.activity) },
                .about("history") { $0.history }, .about("dialogue") { $0.draft },
                .about("from") { ActivityLine.seconds($0.clip.span.start) },
                .about("to") { ActivityLine.seconds($0.clip.span.end) }, .constant("schema", TurnAnswer.schema()),
            ], required: required)
    }

    var asksModel: Bool { self.asking != nil }

    func conversation(about event: DialogueEvent) -> RoundsConversation {
        guard case .dialogue(let wanted) = event else { return RoundsConversation(ended: event) }
        if let asking { return RoundsConversation(about: wanted, asking) }
        var spoken = wanted.withoutClips
        spoken.turns = RuleSpeaker.turns(of: wanted)
        spoken.lineage.model = Speaker.rules.rawValue
        spoken.lineage.topology = self.topology
        return RoundsConversation(ended: .dialogue(spoken), counts: ["turns": spoken.turns.count])
    }
}
