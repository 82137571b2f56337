// SPDX-License-Identifier: Apache-2.0

import Codecs
import Testing
import VideoAnnotations

@testable import Dialogues

/// Times, frames and the auxiliary sets, beside ProAssist's own functions.
@Suite struct AuxiliaryGoldenTests {
    private static func whole(_ numbers: [Int]) -> JSONValue { .array(numbers.map(JSONValue.int)) }

    // MARK: Times and frames

    @Test func `times become frames, and frames clocks`() throws {
        try GoldenCases.check("time_index") { one, _ in
            let rate = try one.config.number("fps")
            if let frame = one.input["frame"]?.int {
                return .string(
                    FrameTimes.clock(
                        ofFrame: frame, rate: rate, milliseconds: one.config["milliseconds"] == .bool(true)))
            }
            let rounding = try #require(FrameTimes.Rounding(rawValue: try one.config.text("rounding")))
            let clock = one.input["time"]?.string
            guard let seconds = try clock.map({ FrameTimes.seconds(ofClock: $0) }) ?? one.input.number("time")
            else { return nil }
            return FrameTimes.index(of: seconds, rate: rate, rounding).map(JSONValue.int)
        }
    }

    @Test func `the original keeps every so manyth frame`() throws {
        try GoldenCases.check("frame_step") { one, _ in
            let rate = try one.input.number("fps")
            guard let step = FrameTimes.step(ofRate: rate) else { return nil }
            return .members([
                ("step", .int(step)), ("frames_of_1000", .int((1000 + step - 1) / step)),
                ("frames_per_second", .double(rate / Double(step))),
            ])
        }
    }

    @Test func `frames by time are two a second at every rate`() {
        for rate in [23.976, 24.46, 25, 29.97, 30, 50, 59.94] {
            let kept = FrameTimes.frames(at: (0..<Int(rate * 600)).map { Double($0) / rate })
            #expect(kept.count == 1200, "\(rate)")
            #expect(
                kept.enumerated().allSatisfy { abs(Double($0.element) / rate - Double($0.offset) / 2) < 1 / rate },
                "\(rate)")
        }
    }

    @Test func `images are scaled and cut`() throws {
        try GoldenCases.check("resize_crop") { one, _ in
            let crop = SquareCrop(
                width: try one.input.whole("width"), height: try one.input.whole("height"),
                size: try one.config.whole("size"))
            return crop.map {
                .members([
                    ("resized", Self.whole([$0.width, $0.height])),
                    ("crop", Self.whole([$0.left, $0.top, $0.left + $0.size, $0.top + $0.size])),
                ])
            }
        }
    }

    // MARK: Narrations as speech

    @Test func `narrations make a sentence`() throws {
        try GoldenCases.check("narration_text") { one, _ in
            .string(NarrationSpeech.sentence(try one.input.list("narrations").compactMap(\.string)))
        }
    }

    @Test func `narrations are said at frames`() throws {
        // The mended way goes by time, so every case with narrations may differ.
        try GoldenCases.check("narration_frames", mayDepart: { _ in true }) { one, manner in
            let rate = try one.input.number("fps")
            let count = try one.input.whole("frames")
            let narrations = try one.input.list("narrations").map { narration in
                NarrationSpeech.Spoken(
                    frame: try #require(narration.array?.first?.int),
                    text: try #require(narration.array?.last?.string))
            }
            let speech: NarrationSpeech.Speech
            switch manner {
            case .original:
                speech = NarrationSpeech.speech(
                    narrations, frameCount: count, step: try #require(FrameTimes.step(ofExactRate: rate)))
            case .mended:
                speech = NarrationSpeech.speech(
                    narrations.map { (Double($0.frame) / rate, $0.text) }, frameCount: Int(Double(count) / rate * 2),
                    rate: 2)
            }
            if speech.turns.isEmpty { return .object([]) }
            return .members([
                ("conversation", .array(speech.turns.map(\.value))), ("frames_file", .string("frames/v.arrow")),
            ])
        }
    }

    @Test func `held out are the videos that a benchmark holds out`() throws {
        try GoldenCases.check("ego4d_splits") { one, _ in
            var names: [String: [JSONValue]] = [:]
            for video in one.input.array ?? [] {
                for name in Ego4DSplits(video).names { names[name, default: []].append(video["video_uid"] ?? .null) }
            }
            return .members(names.map { ($0.key, .array($0.value)) })
        }
    }

    // MARK: Packers

    @Test func `objects in the middle are listed`() throws {
        try GoldenCases.check("object_lists") { one in
            // A last picture without objects, by which the last file would be lost.
            try Self.pictures(one.input).last.map { ObjectLists.text(of: $0) == nil } ?? false
        } _: { one, manner in
            let lists = ObjectLists(
                try Self.pictures(one.input), perFile: try one.input.whole("images_per_file"), manner)
            return .array(
                lists.files.map { file in
                    .array(
                        file.map {
                            .members([("id", Int($0.id).map(JSONValue.int)), ("narration", .string($0.text))])
                        })
                })
        }
    }

    private static func pictures(_ input: JSONValue) throws -> [ObjectLists.Picture] {
        let file = try #require(input["file"])
        let objects = try Dictionary(grouping: file.list("annotations")) { try $0.whole("image_id") }
        return try file.list("images").map { image in
            let id = try image.whole("id")
            return ObjectLists.Picture(
                id: "\(id)", width: try image.whole("width"), height: try image.whole("height"),
                objects: try (objects[id] ?? []).map { object in
                    let box = try object.list("bbox").compactMap(\.double)
                    try #require(box.count == 4)
                    return ObjectLists.Object(
                        left: box[0], top: box[1], width: box[2], height: box[3], area: try object.number("area"),
                        name: try object.text("category_freeform"))
                })
        }
    }

    /// The prompts of a packer's cases, by how many there were to draw from.
    private static func prompts(_ one: GoldenCases.Case) -> [String] {
        let count = one.value["draws"]?.array?.compactMap { $0["of"]?.int }.first ?? 1
        return (0..<count).map { "Prompt \($0)." }
    }

    private static func packer(_ one: GoldenCases.Case, _ manner: Manner) throws -> AuxiliaryPacker {
        let separator = one.input["separator"] == .bool(true) ? "<|eot_id|>" : ""
        let chat = ChatForm(tokensPerFrame: try one.input.whole("tokens_per_frame"), separator: separator)
        return AuxiliaryPacker(
            limit: try one.input.whole("max_seq_len"), chat: chat, tokenizer: WordTokens(), prompts: Self.prompts(one),
            manner: manner)
    }

    /// A sequence as ProAssist writes it.
    private static func value(
        _ packed: AuxiliaryPacker.Packed, _ one: GoldenCases.Case, dataset: String, uid: String, fps: JSONValue = .null,
        metadata: JSONValue = .null
    ) throws -> JSONValue {
        .members([
            ("dataset", .string(dataset)), ("video_uid", .string(uid)), ("clip_idx", .int(packed.ordinal)),
            ("frames_file", .string("frames/\(uid).arrow")), ("max_seq_len", .int(try one.input.whole("max_seq_len"))),
            ("seq_len", .int(packed.tokens)), ("num_tokens_per_img", .int(try one.input.whole("tokens_per_frame"))),
            ("use_img_sep_token", .bool(one.input["separator"] == .bool(true))),
            ("start_frame_idx", .int(packed.frames.lowerBound)), ("end_frame_idx", .int(packed.frames.upperBound)),
            ("conversation", .array(packed.turns.map(\.value))), ("fps", fps), ("metadata", metadata),
        ])
    }

    /// `caption_train_L4096_I1.jsonl`
    private static func name(_ prefix: String, _ one: GoldenCases.Case) throws -> String {
        let separator = one.input["separator"] == .bool(true) ? "+SEP" : ""
        return "\(prefix)_L\(try one.input.whole("max_seq_len"))_I\(try one.input.whole("tokens_per_frame"))"
            + "\(separator).jsonl"
    }

    private static func files(_ one: GoldenCases.Case) -> [JSONValue.Member] {
        guard case .object(let files)? = one.input["files"] else { return [] }
        return files.sorted { $0.key < $1.key }
    }

    private static func draws(_ one: GoldenCases.Case) -> ScriptedDraws {
        ScriptedDraws(one.value["draws"]?.array ?? [])
    }

    // The last item of a file is packed in the mended way, so every case may differ.

    @Test func `captions are packed`() throws {
        try GoldenCases.check("pack_captions", mayDepart: { _ in true }) { one, manner in
            let packer = try Self.packer(one, manner)
            var draws = Self.draws(one)
            var samples: [JSONValue] = []
            for file in Self.files(one) {
                let items = try file.value.list("captions").enumerated().compactMap { index, caption in
                    AuxiliaryItem.caption(caption.string ?? "").map {
                        AuxiliaryItem(frames: index..<index + 1, text: $0)
                    }
                }
                for packed in packer.pack(items, draws: &draws).sequences {
                    samples.append(try Self.value(packed, one, dataset: "llava", uid: file.key))
                }
            }
            return .members([(try Self.name("caption_train", one), .array(samples))])
        }
    }

    @Test func `lists of objects are packed`() throws {
        try GoldenCases.check("pack_objects", mayDepart: { _ in true }) { one, manner in
            let packer = try Self.packer(one, manner)
            var draws = Self.draws(one)
            var samples: [JSONValue] = []
            for file in Self.files(one) {
                let pictures = try #require(file.value.array)
                let items = pictures.enumerated().map {
                    AuxiliaryItem(frames: $0..<$0 + 1, text: $1["narration"]?.string ?? "")
                }
                for packed in packer.pack(items, draws: &draws).sequences {
                    samples.append(
                        try Self.value(
                            packed, one, dataset: "egoobjects", uid: file.key, metadata: pictures[packed.about]))
                }
            }
            return .members([(try Self.name("detection_train", one), .array(samples))])
        }
    }

    @Test func `labels of clips are packed`() throws {
        try GoldenCases.check("pack_actions", mayDepart: { _ in true }) { one, manner in
            let packer = try Self.packer(one, manner)
            var draws = Self.draws(one)
            let split = try one.input.text("split")
            var samples: [JSONValue] = []
            for file in Self.files(one) where file.value["split"]?.string?.contains(split) ?? false {
                let items = try file.value.list("anns").map { clip in
                    AuxiliaryItem(
                        frames: try clip.whole("frame_start_idx")..<(try clip.whole("frame_end_idx")),
                        text: AuxiliaryItem.label(try clip.text("label")))
                }
                for packed in packer.pack(items, draws: &draws).sequences {
                    samples.append(
                        try Self.value(
                            packed, one, dataset: "sthsthv2", uid: try file.value.text("uid"),
                            fps: file.value["fps"] ?? .null))
                }
            }
            return .members([(try Self.name("narration_\(split)", one), .array(samples))])
        }
    }

    @Test func `speech is packed, and goes to its split`() throws {
        try GoldenCases.check("pack_narrations", mayDepart: Self.isCut) { one, manner in
            let plain = try Self.packer(one, manner)
            let packer = SpeechPacker(
                limit: plain.limit, chat: plain.chat, tokenizer: plain.tokenizer, prompts: plain.prompts,
                context: 2...6, manner: manner)
            var draws = Self.draws(one)
            let frames = Set(try one.input.list("frame_files").compactMap(\.string))
            var samples: [String: [JSONValue]] = [:]
            for file in Self.files(one) {
                let uid = try file.value.text("video_uid")
                guard frames.contains(uid) else { continue }
                let turns = try file.value.list("conversation").map { try $0.sequenceTurn() }
                let packed = packer.pack(turns, draws: &draws).sequences
                guard let split = Self.split(of: uid, one.input) else { continue }
                for sequence in packed {
                    let name = try Self.name("narration_\(split)", one)
                    samples[name, default: []].append(
                        try Self.value(
                            sequence, one, dataset: "ego4d", uid: uid, fps: file.value["sample_fps"] ?? .null))
                }
            }
            return .members(samples.map { ($0.key, .array($0.value)) })
        }
    }

    /// Tells whether a limit is so low that something is cut: then the context begins elsewhere.
    private static func isCut(_ one: GoldenCases.Case) throws -> Bool { try one.input.whole("max_seq_len") < 4096 }

    private static func split(of uid: String, _ input: JSONValue) -> String? {
        guard case .object(let splits)? = input["data_splits"] else { return nil }
        let names = splits.filter { $0.value.array?.contains(.string(uid)) ?? false }.map(\.key)
        return SpeechSplit.split(names: names, own: input["val_test"]?[uid]?.array?.first?.string)
    }
}
