// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import VideoAnnotations

/// Packs captions of pictures, or narrations as speech, into training sequences; the last one of a file is closed at
/// its `end` record, so that nothing of it is lost.
///
/// Narrations of a video that its data set holds out for validation or test are not packed, counted `held-out`, nor are
/// those of one of which no part is known (`ingest ego4d --parts` says it), counted `unknown-split`, unless the user
/// has allowed them (`--allow-unguarded`). Pictures have no parts: they are for training.
///
/// Counted beside: `AuxiliaryPacker.Drop`; `beyond-two`, narrations that are in no sentence because two others came
/// before them in the same half second; `no-frames`, videos without a length; `superseded`, `no-video-record` and
/// `end-without-video` as in `window`.
struct PackOperator: Operator {
    /// The material.
    enum Material: String, Choice {
        /// A caption a picture: LLaVA-Pretrain.
        case captions
        /// Narrations, each at the frame where it is over.
        case speech
    }

    static let material = Field(
        "material", default: Material.speech,
        help: "`captions`: a caption a picture; `speech`: what is narrated, said at the next frame.")
    static let tokensPerFrame = Field(
        "tokens-per-frame", default: 1, in: 1...4096, help: "The tokens of a frame: 1, 5, 10 or 26.")
    static let limit = Field("limit", default: 4096, in: 1...(1 << 24), help: "The most tokens of a sequence.")
    static let separator = Field(
        "separator", default: "",
        help: "A token between the frames of a run, such as `<|eot_id|>`; none where empty, and none between pictures.")
    static let rate = Field("rate", default: 2.0, in: 0.01...1000, help: "Frames a second.")
    static let contextSeconds = Field<[Double]>(
        "context-seconds", default: [1, 3],
        help: "The seconds of video before the first words of a sequence that goes on: least and most.",
        check: Self.problem(withContext:))
    static let tokenizer = Field<FileReference?>(
        "tokenizer", default: nil,
        help: "A `tokenizer.json`, as for `sequence`; without it tokens are counted as words and signs.")

    static let specification = OperatorSpecification(
        name: "pack", summary: "Packs captions, or narrations as speech, into training sequences.",
        fields: [
            Self.material, Self.tokensPerFrame, Self.limit, Self.separator, Self.rate, Self.contextSeconds,
            Self.tokenizer, Manner.field,
        ], isStateful: true)

    private static func problem(withContext seconds: [Double]) -> String? {
        guard seconds.count == 2, seconds[0] >= 0, seconds[0] <= seconds[1], seconds[1] <= 86_400 else {
            return "give two numbers, the least first"
        }
        return nil
    }

    private let material: Material
    private let rate: Double
    private let captions: AuxiliaryPacker
    private let speech: SpeechPacker
    private let allowsUnguarded: Bool
    private var open = OpenVideos<HeldVideo>()

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        let separator = configuration[Self.separator]
        var tokenizer: any SequenceTokenizer = WordTokens(special: [ChatForm.image, separator])
        if let file = configuration[Self.tokenizer] {
            do throws(TokenizerFault) {
                tokenizer = try BytePairTokenizer(file.content.utf8, adding: [ChatForm.image, separator])
            } catch {
                throw ConfigurationError("\(file.path): \(error)", field: Self.tokenizer.name)
            }
        }
        self.material = configuration[Self.material]
        self.rate = configuration[Self.rate]
        self.allowsUnguarded = context.allowUnguarded
        let (limit, perFrame) = (configuration[Self.limit], configuration[Self.tokensPerFrame])
        let manner = configuration[Manner.field]
        self.captions = AuxiliaryPacker(
            limit: limit, chat: ChatForm(tokensPerFrame: perFrame), tokenizer: tokenizer,
            prompts: AuxiliaryPrompts.captions, manner: manner)
        let seconds = configuration[Self.contextSeconds]
        self.speech = SpeechPacker(
            limit: limit, chat: ChatForm(tokensPerFrame: perFrame, separator: separator), tokenizer: tokenizer,
            prompts: AuxiliaryPrompts.narrations, context: Int(seconds[0] * self.rate)...Int(seconds[1] * self.rate),
            manner: manner)
    }

    mutating func process(_ element: Element<NarrationEvent>, into output: inout Collector<AuxiliarySequence>) {
        guard let held = self.open.hold(element, into: &output) else { return }
        var draws = Draws(["pack", held.video.videoUID, "\(held.video.pass)"])
        switch self.material {
        case .captions: self.packCaptions(held, &draws, into: &output)
        case .speech: self.packSpeech(held, &draws, into: &output)
        }
    }

    private func packCaptions(_ held: HeldVideo, _ draws: inout Draws, into output: inout Collector<AuxiliarySequence>)
    {
        var items: [AuxiliaryItem] = []
        for entry in held.entries {
            let place = FrameTimes.index(of: entry.narration.timestampSec, rate: self.rate, .round)
            guard let place, place >= 0, let text = AuxiliaryItem.caption(PythonText.stripped(entry.narration.text))
            else {
                output.count(AuxiliaryPacker.Drop.emptyText.rawValue)
                continue
            }
            items.append(AuxiliaryItem(frames: place..<place + 1, text: text))
        }
        let (sequences, drops) = self.captions.pack(items, draws: &draws)
        for (drop, count) in drops { output.count(drop.rawValue, count) }
        for sequence in sequences { self.emit(sequence, held, self.captions.chat, rate: nil, "train", into: &output) }
    }

    private func packSpeech(_ held: HeldVideo, _ draws: inout Draws, into output: inout Collector<AuxiliarySequence>) {
        let split = held.video.details.sourceSplit
        guard split == nil || split == "train" else { return output.count("held-out") }
        guard split != nil || self.allowsUnguarded else { return output.count("unknown-split") }
        guard let frames = PythonText.floor((held.video.durationSec ?? 0) * self.rate), frames > 0 else {
            return output.count("no-frames")
        }
        let speech = NarrationSpeech.speech(
            held.entries.map { (seconds: $0.narration.timestampSec, text: $0.narration.text) }, frameCount: frames,
            rate: self.rate)
        if speech.beyondTwo > 0 { output.count("beyond-two", speech.beyondTwo) }
        let (sequences, givenUp) = self.speech.pack(speech.turns, draws: &draws)
        if givenUp > 0 { output.count(AuxiliaryPacker.Drop.tooLong.rawValue, givenUp) }
        for sequence in sequences {
            self.emit(sequence, held, self.speech.chat, rate: self.rate, "train", into: &output)
        }
    }

    private func emit(
        _ packed: AuxiliaryPacker.Packed, _ held: HeldVideo, _ chat: ChatForm, rate: Double?, _ split: String,
        into output: inout Collector<AuxiliarySequence>
    ) {
        let video = held.video
        let dataset = video.source == LLaVAPretrainAdapter.name ? "llava" : video.source
        var json = JSONWriter()
        json.beginArray()
        json.value("auxiliary")
        json.value(video.videoUID)
        json.value(video.pass)
        json.value(packed.ordinal)
        json.value(self.speech.limit)
        json.value(chat.tokensPerFrame)
        json.value(chat.separator)
        json.endArray()
        let sequence = AuxiliarySequence(
            sampleID: DerivedID.uuid(json),
            prepared: PreparedSequence(
                dataset: dataset, videoUID: video.videoUID, clip: packed.ordinal,
                framesFile: "frames/\(video.videoUID).arrow", limit: self.speech.limit, tokens: packed.tokens,
                tokensPerFrame: chat.tokensPerFrame, hasSeparator: !chat.separator.isEmpty, frames: packed.frames,
                turns: packed.turns, rate: rate),
            pass: video.pass, split: split, revision: video.revision)
        output.emit(Element(key: held.key, value: sequence, origin: held.origin))
    }

    var openCount: Int { self.open.count }

    mutating func stateChanges() -> [StateChange] { self.open.stateChanges() }

    mutating func restore(_ entries: [StateEntry]) throws(JSONError) { try self.open.restore(entries) }
}
