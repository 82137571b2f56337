// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records

/// Packs dialogues into training sequences: `sequence`. What is in none is counted by reason (`SequencePacker.Drop`); a
/// dialogue of which nothing is packed is a reject.
struct SequenceOperator: Operator {
    static let tokensPerFrame = Field(
        "tokens-per-frame", default: 1, in: 1...4096, help: "The tokens of a frame: 1, 5, 10 or 26.")
    static let limit = Field(
        "limit", default: 4096, in: 0...(1 << 24),
        help: "The most tokens of a sequence; 0 packs whole dialogues, without summaries.")
    static let separator = Field(
        "separator", default: "", help: "A token between the frames of a run, such as `<|eot_id|>`; none where empty.")
    static let knowledge = Field(
        "knowledge", default: false, help: "Give the description of the task to the assistant.")
    static let summary = Field(
        "summary", default: true, help: "End a sequence with a request for the progress, and the summary.")
    static let summaryOnly = Field(
        "summary-only", default: false, help: "Leave the assistant's turns out but for the summary.")
    static let rate = Field("rate", default: 2.0, in: 0.01...1000, help: "Frames a second.")
    static let contextLeast = Field(
        "context-least", default: 5.0, in: 0...86_400,
        help: "The least seconds of video before the first turn of a sequence that goes on with a dialogue.")
    static let contextMost = Field(
        "context-most", default: 20.0, in: 0...86_400,
        help: "The most seconds of video before the first turn of a sequence that goes on with a dialogue.")
    static let tokenizer = Field<FileReference?>(
        "tokenizer", default: nil,
        help: """
            A `tokenizer.json` of byte-level BPE with LLaMA 3's split, beside the topology. Without it tokens are counted as \
            words and signs, which is near enough to try things out, and no more.
            """)

    static let specification = OperatorSpecification(
        name: "sequence", summary: "Packs dialogues into training sequences.",
        fields: [
            Self.tokensPerFrame, Self.limit, Self.separator, Self.knowledge, Self.summary, Self.summaryOnly, Self.rate,
            Self.contextLeast, Self.contextMost, Self.tokenizer, Manner.field,
        ])

    private let packer: SequencePacker

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        let separator = configuration[Self.separator]
        let special = [ChatForm.image, separator]
        var tokenizer: any SequenceTokenizer = WordTokens(special: special)
        if let file = configuration[Self.tokenizer] {
            do throws(TokenizerFault) {
                tokenizer = try BytePairTokenizer(file.content.utf8, adding: special)
            } catch {
                throw ConfigurationError("\(file.path): \(error)", field: Self.tokenizer.name)
            }
        }
        let rate = configuration[Self.rate]
        let (least, most) = (configuration[Self.contextLeast], configuration[Self.contextMost])
        guard least <= most else {
            throw ConfigurationError("it is less than `context-least` (\(least))", field: Self.contextMost.name)
        }
        self.packer = SequencePacker(
            limit: configuration[Self.limit],
            chat: ChatForm(tokensPerFrame: configuration[Self.tokensPerFrame], separator: separator),
            tokenizer: tokenizer, rate: rate, context: Int(least * rate)...Int(most * rate),
            addsKnowledge: configuration[Self.knowledge], addsSummary: configuration[Self.summary],
            summaryOnly: configuration[Self.summaryOnly], prompts: .proassist, manner: configuration[Manner.field])
    }

    /// The frames of a video: those of its length; or, where turns lie beyond it, because the source knows the length
    /// of the annotated part alone, those up to two seconds after the last turn.
    private func frameCount(_ dialogue: Dialogue) -> Int {
        let end = dialogue.turns.map(\.time).max() ?? 0
        let duration = dialogue.activity.durationSec
        return PythonText.floor((duration > end ? duration : end + 2) * self.packer.rate) ?? 0
    }

    mutating func process(_ element: Element<DialogueEvent>, into output: inout Collector<TrainingSequence>) {
        guard case .dialogue(let dialogue) = element.value else { return }
        let activity = dialogue.activity
        var draws = Draws(["sequence", dialogue.dialogueID])
        let (sequences, drops) = self.packer.pack(
            dialogue.turns.map { SequenceTurn($0) }, knowledge: activity.knowledge ?? "",
            frameCount: self.frameCount(dialogue), start: activity.videoStartSec, draws: &draws)
        for (drop, count) in drops { output.count(drop.rawValue, count) }
        guard !sequences.isEmpty else {
            let reasons = drops.keys.map(\.rawValue).sorted().joined(separator: ", ")
            return output.reject(
                element.value, from: element, reason: drops.keys.map(\.rawValue).min() ?? "silent",
                message: "nothing of dialogue \(dialogue.dialogueID) can be packed: \(reasons)")
        }
        output.count("tokens", sequences.reduce(0) { $0 + $1.tokens })
        for sequence in sequences { output.emit(self.line(sequence, dialogue), from: element) }
    }

    private func line(_ sequence: PackedSequence, _ dialogue: Dialogue) -> TrainingSequence {
        let activity = dialogue.activity
        let names = ProAssistNames(video: activity.videoUID, dataset: activity.dataset)
        return TrainingSequence(
            sampleID: self.id(sequence, dialogue), dialogueID: dialogue.dialogueID,
            prepared: PreparedSequence(
                dataset: activity.dataset, videoUID: names.video, clip: sequence.ordinal,
                framesFile: "frames/\(names.frames).arrow", limit: self.packer.limit, tokens: sequence.tokens,
                tokensPerFrame: self.packer.chat.tokensPerFrame, hasSeparator: !self.packer.chat.separator.isEmpty,
                frames: sequence.frames, turns: sequence.turns, rate: self.packer.rate),
            metadata: TrainingSequence.Metadata(
                userType: dialogue.userType, userID: "\(dialogue.userType)_\(dialogue.ordinal)",
                goal: activity.goal ?? "", knowledge: activity.knowledge ?? "", progress: sequence.progress,
                addsKnowledge: self.packer.hasKnowledge, summaryOnly: self.packer.summaryOnly,
                quality: dialogue.quality?.total),
            weight: dialogue.weight, split: dialogue.split, lineage: dialogue.lineage, revision: activity.revision)
    }

    private func id(_ sequence: PackedSequence, _ dialogue: Dialogue) -> String {
        var json = JSONWriter()
        json.beginArray()
        json.value("sequence")
        json.value(dialogue.dialogueID)
        json.value(sequence.ordinal)
        json.value(self.packer.limit)
        json.value(self.packer.chat.tokensPerFrame)
        json.value(self.packer.chat.separator)
        json.value(self.packer.hasKnowledge)
        json.value(self.packer.summaryOnly)
        json.endArray()
        return json.withBytes { ContentHash.uuid5(UnsafeRawBufferPointer($0)) }
    }
}

/// Turns chosen dialogues into lines of a shard: `format` for dialogues.
struct FormatDialogueOperator: Operator {
    /// The schema that `format` writes.
    enum Schema: String, Choice {
        /// One dialogue a line.
        case dialogue
    }

    static let schema = Field("schema", default: Schema.dialogue, help: "Form of the lines; `dialogue`: one each.")

    static let specification = OperatorSpecification(
        name: "format", summary: "Turns dialogues into lines of a shard.", fields: [Self.schema])

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {}

    mutating func process(_ element: Element<DialogueEvent>, into output: inout Collector<DialogueSample>) {
        guard case .dialogue(let dialogue) = element.value else { return }
        output.emit(DialogueSample(dialogue), from: element)
    }
}
