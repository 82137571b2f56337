// SPDX-License-Identifier: Apache-2.0

import Codecs
import Testing

@testable import Dialogues

/// The numbers that a case was computed with, in order.
struct ScriptedDraws: PackingDraws {
    private var numbers: [Int]
    /// Counts what was asked for beyond them.
    private(set) var missing = 0

    init(_ draws: [JSONValue]) { self.numbers = draws.compactMap { $0["index"]?.int ?? $0["value"]?.int } }

    private mutating func next(_ otherwise: Int) -> Int {
        guard !self.numbers.isEmpty else {
            self.missing += 1
            return otherwise
        }
        return self.numbers.removeFirst()
    }

    mutating func choice(of count: Int) -> Int { min(self.next(0), count - 1) }
    mutating func integer(in range: ClosedRange<Int>) -> Int { self.next(range.lowerBound) }
    var isSpent: Bool { self.numbers.isEmpty && self.missing == 0 }
}

@Suite struct PackingGoldenTests {
    static let prompts = PackingPrompts(
        assistant: (0..<6).map { "Assist \($0)." }, tracking: "Track.", summary: "Sum up.")

    @Test func framesComeBetweenTurns() throws {
        try GoldenCases.check("turns_to_frames") { one, _ in
            let turns = try one.input.list("turns").map { try $0.sequenceTurn() }
            let framed = FramedDialogue.turns(
                turns, rate: try one.input.number("fps"), frameCount: try one.input.whole("frames"),
                start: one.input["start"]?.double ?? 0, knowledge: one.input["knowledge"]?.string ?? "")
            return .array(
                framed.map { turn in
                    var plain = turn
                    plain.time = nil
                    plain.labels = nil
                    return plain.value
                })
        }
    }

    @Test func dialoguesAreCut() throws {
        try GoldenCases.check("cut", mayDepart: Self.mayReachBack) { one, manner in
            let separator = one.input["separator"]?.string ?? ""
            let form = ChatForm(tokensPerFrame: try one.input.whole("tokens_per_frame"), separator: separator)
            let costs = Cut.Costs(tokenizer: WordTokens(special: [separator]), chat: form)
            let keep = one.input["keep"]?.array?.compactMap(\.int)
            let cut = Cut(
                limit: try one.input.whole("max"), context: keep.map { $0[0] * 2...$0[1] * 2 }, costs: costs,
                reachesBack: manner == .original)
            let turns = try one.input.list("conversation").enumerated().map {
                Cut.Costed(try $1.sequenceTurn(), costs, isFirst: $0 == 0)
            }
            var draws = ScriptedDraws(one.value["draws"]?.array ?? [])
            let (first, rest) = cut.first(of: turns, behind: 0) { draws.integer(in: $0) }
            #expect(draws.isSpent, "\(one)")
            return .members([
                ("first", .array(first.map(\.turn.value))), ("rest", .array(rest.map(\.turn.value))),
            ])
        }
    }

    /// The context begins before the frames between the two parts.
    private static func mayReachBack(_ one: GoldenCases.Case) throws -> Bool {
        guard let draw = one.value["draws"]?.array?.first?["value"]?.int,
            one.output?["first"]?.array?.isEmpty == false,
            let end = try one.output?["rest"]?.array?.first?.sequenceTurn().frames.upperBound
        else { return false }
        let turns = try one.input.list("conversation").map { try $0.sequenceTurn() }
        let whole = try #require(turns.first { $0.role == .frames && $0.frames.upperBound == end })
        return max(0, end - draw) < whole.frames.lowerBound
    }

    @Test func dialoguesArePacked() throws {
        try GoldenCases.check("prepare_dialogs", mayDepart: Self.mayPackOtherwise) { one, manner in
            var draws = ScriptedDraws(one.value["draws"]?.array ?? [])
            let (name, samples) = try GoldenPreparation(one.input).prepare(manner, &draws)
            if manner == .original, one.output != nil { #expect(draws.isSpent, "\(one)") }
            return .object([JSONValue.Member(name, .array(samples))])
        }
    }

    /// A sequence that begins before the end of the one before it, without its frame of the summary.
    private static func mayPackOtherwise(_ one: GoldenCases.Case) throws -> Bool {
        guard case .object(let files)? = one.output else { return false }
        return try files.contains { file in
            let samples = try #require(file.value.array)
            return try zip(samples, samples.dropFirst()).contains { first, second in
                guard first["metadata"]?["user_id"] == second["metadata"]?["user_id"] else { return false }
                let hasSummary = first["metadata"]?["has_summary"] == .bool(true)
                return try second.whole("start_frame_idx") < first.whole("end_frame_idx") - (hasSummary ? 1 : 0)
            }
        }
    }

    @Test func sequencesAreTextAndTargets() throws {
        try GoldenCases.check("chat") { one, _ in
            let separator = try one.input.text("separator")
            let form = ChatForm(tokensPerFrame: try one.input.whole("tokens_per_frame"), separator: separator)
            let turns = try one.input.list("conversation").map { try $0.sequenceTurn() }
            var permutations = (one.value["permutations"]?.array ?? []).compactMap { $0.array?.compactMap(\.int) }
            let ranges = form.learnt(of: turns, silentShare: try one.input.number("negative_rate")) { count in
                permutations.isEmpty ? Array(0..<count) : permutations.removeFirst()
            }
            let text = form.text(of: turns)
            let bytes = Array(text.utf8)
            // Numbers for all tokens, so that targets can be told.
            let found = WordTokens(special: [separator]).tokens(of: text)
            let words = found.map { String(decoding: bytes[$0.range], as: UTF8.self) }
            let numbers = Dictionary(uniqueKeysWithValues: Set(words).sorted().enumerated().map { ($1, $0) })
            let tokens = zip(found, words).map { SequenceToken(id: numbers[$1] ?? -1, range: $0.range) }
            let targets = form.targets(
                tokens, learnt: ranges, image: numbers[ChatForm.image], endOfTurn: numbers[ChatForm.endOfTurn])
            let names = Dictionary(uniqueKeysWithValues: numbers.map { ($1, $0) })
            return .members([
                ("text", .string(text)), ("tokens", .array(words.map(JSONValue.string))),
                ("ranges", .array(ranges.map { .array([.int($0.lowerBound), .int($0.upperBound)]) })),
                ("labels", .array(targets.map { $0.flatMap { names[$0] }.map(JSONValue.string) ?? .null })),
            ])
        }
    }
}

/// One run of the original's preparation: videos to the lines of one file.
struct GoldenPreparation {
    private let input: JSONValue
    private let packer: (Manner) -> SequencePacker
    private let form: ChatForm

    init(_ input: JSONValue) throws {
        self.input = input
        let separator = input["separator"] == .bool(true) ? ChatForm.endOfTurn : ""
        let form = ChatForm(tokensPerFrame: try input.whole("tokens_per_frame"), separator: separator)
        self.form = form
        let limit = try input.whole("max_seq_len")
        let summaryOnly = input["summary_only"] == .bool(true)
        let knowledge = input["add_knowledge"] == .bool(true)
        self.packer = { manner in
            SequencePacker(
                limit: limit, chat: form, tokenizer: WordTokens(special: [separator]), rate: 2, context: 10...40,
                addsKnowledge: knowledge, addsSummary: input["add_summary"] != .bool(false), summaryOnly: summaryOnly,
                prompts: PackingGoldenTests.prompts, manner: manner)
        }
    }

    func prepare(_ manner: Manner, _ draws: inout ScriptedDraws) throws -> (name: String, samples: [JSONValue]) {
        let packer = self.packer(manner)
        var samples: [JSONValue] = []
        for video in try self.input.list("data") {
            guard let uid = video["video_uid"]?.string else { continue }
            let names = ProAssistNames(video: uid, dataset: try self.input.text("dataset"))
            let frameCount = self.input["frame_files"]?[names.frames]?.int
            guard let frameCount else { continue }
            var seen: Set<String> = []
            for (index, dialogue) in try video.list("conversations").enumerated() {
                let userType = try dialogue.text("user_type")
                if packer.summaryOnly, seen.contains(userType) { continue }
                let turns = try dialogue.list("conversation").map { try $0.sequenceTurn() }
                let (sequences, _) = packer.pack(
                    turns, knowledge: try video.text("inferred_knowledge"), frameCount: frameCount,
                    start: video["parsed_video_anns"]?["video_start_time"]?.double ?? 0, draws: &draws)
                if !sequences.isEmpty { seen.insert(userType) }
                samples += try sequences.map {
                    try self.line($0, packer, video, names, dialogue, user: "\(userType)_\(index)")
                }
            }
        }
        return (ProAssistNames.file(packer, split: try self.input.text("split")), samples)
    }

    private func line(
        _ sequence: PackedSequence, _ packer: SequencePacker, _ video: JSONValue, _ names: ProAssistNames,
        _ dialogue: JSONValue, user: String
    ) throws -> JSONValue {
        .members([
            ("dataset", video["parsed_video_anns"]?["dataset"]), ("video_uid", .string(names.video)),
            ("clip_idx", .int(sequence.ordinal)), ("frames_file", .string("frames/\(names.frames).arrow")),
            ("max_seq_len", .int(packer.limit)), ("seq_len", .int(sequence.tokens)),
            ("num_tokens_per_img", .int(self.form.tokensPerFrame)),
            ("use_img_sep_token", .bool(!self.form.separator.isEmpty)),
            ("start_frame_idx", .int(sequence.frames.lowerBound)), ("end_frame_idx", .int(sequence.frames.upperBound)),
            ("conversation", .array(sequence.turns.map(\.value))), ("fps", .int(2)),
            (
                "metadata",
                .members([
                    ("user_type", dialogue["user_type"]), ("user_id", .string(user)),
                    ("task_goal", video["inferred_goal"]), ("knowledge", video["inferred_knowledge"]),
                    ("progress", sequence.progress.map(JSONValue.string) ?? .null),
                    ("add_knowledge", .bool(packer.hasKnowledge)), ("has_summary", .bool(sequence.progress != nil)),
                    ("summary_only", .bool(packer.summaryOnly)),
                    ("quality", dialogue["auto_quality_eval"]?["final_score"]),
                ])
            ),
        ])
    }
}
