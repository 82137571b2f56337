// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing
import VideoAnnotations

@testable import Dialogues

/// Captions and narrations as they come, and the sequences that are made of them.
@Suite struct PackOperatorTests {
    private static func run(
        _ video: Video, _ texts: [(seconds: Double, text: String)], isAllowed: Bool = false,
        _ configure: (inout Configuration) -> Void
    ) throws -> (sequences: [AuxiliarySequence], counts: [String: Int]) {
        var configuration = Configuration()
        configure(&configuration)
        var step = try PackOperator(
            configuration, OperatorContext(topologyHash: "topology", allowUnguarded: isAllowed))
        var events: [NarrationEvent] = [.video(video)]
        for (index, text) in texts.enumerated() {
            events.append(
                .narration(
                    Narration(
                        videoUID: video.videoUID, index: index, timestampSec: text.seconds, text: text.text)))
        }
        events.append(.end(EndOfVideo(videoUID: video.videoUID, narrations: texts.count)))
        var collector = Collector<AuxiliarySequence>(step: "pack")
        for (offset, event) in events.enumerated() {
            step.process(Element(key: Bytes("v".utf8), value: event, origin: Offset(offset)), into: &collector)
        }
        return (collector.elements.map(\.value), collector.notes.counts)
    }

    private static func captions(_ configuration: inout Configuration) {
        configuration.set(PackOperator.material, .captions)
    }

    @Test func `the last caption of a file is packed, and pictures keep their places`() throws {
        let video = Video(videoUID: "row-00000", source: "llava-pretrain", durationSec: 2)
        let (sequences, counts) = try Self.run(
            video, [(0, "a RED cup"), (0.5, " "), (1.5, "two dogs?")], Self.captions)
        let sequence = try #require(sequences.first)
        #expect(sequences.count == 1 && counts == ["empty-text": 1])
        #expect(
            sequence.prepared.dataset == "llava" && sequence.prepared.frames == 0..<4 && sequence.prepared.rate == nil)
        #expect(sequence.prepared.turns.dropFirst().map(\.content) == ["", "A red cup.", "", "Two dogs?"])
        #expect(sequence.prepared.turns.filter { $0.role == .frames }.map(\.frames) == [0..<1, 3..<4])
        let read = try JSONScanner.scan(sequence.json) { json throws(JSONError) in try AuxiliarySequence(json: &json) }
        #expect(read == sequence)
    }

    @Test func `no sequence reaches the limit, and a caption that cannot fit is counted`() throws {
        let video = Video(videoUID: "row", source: "llava-pretrain", durationSec: 50)
        let long = Array(repeating: "word", count: 60).joined(separator: " ")
        let texts = (0..<100).map { (seconds: Double($0) / 2, text: $0 == 50 ? long : "caption \($0)") }
        let (sequences, counts) = try Self.run(video, texts) {
            Self.captions(&$0)
            $0.set(PackOperator.limit, 60)
        }
        #expect(counts == ["too-long": 1])
        #expect(
            sequences.allSatisfy { $0.prepared.tokens < 60 }
                && sequences.map(\.prepared.clip) == Array(0..<sequences.count))
        #expect(sequences.reduce(0) { $0 + $1.prepared.turns.count { $0.role == .assistant } } == 99)
        #expect(
            zip(sequences, sequences.dropFirst()).allSatisfy {
                $0.prepared.frames.upperBound <= $1.prepared.frames.lowerBound
            })
        #expect(Set(sequences.map(\.sampleID)).count == sequences.count)
    }

    @Test func `narrations are said at the next frame, the last one too`() throws {
        let video = Video(
            videoUID: "v", source: "ego4d", durationSec: 10, details: VideoDetails(sourceSplit: "train"))
        let (sequences, counts) = try Self.run(
            video,
            [
                (1.1, "#C C takes a cup"), (1.2, "#C C looks"), (1.3, "#C C rests"), (4, "#O a man walks"),
                (9.9, "#C C leaves"),
            ]
        ) { _ in }
        let sequence = try #require(sequences.first)
        #expect(counts == ["beyond-two": 1])
        #expect(
            sequence.prepared.turns.dropFirst() == [
                SequenceTurn(frames: 0..<4), SequenceTurn(.assistant, "C takes a cup and looks."),
                SequenceTurn(frames: 4..<20), SequenceTurn(.assistant, "C leaves."),
            ])
        #expect(sequence.split == "train" && sequence.prepared.rate == 2)
    }

    @Test func `what a data set holds out, or says nothing of, is not packed`() throws {
        func counts(_ split: String?, isAllowed: Bool = false, duration: Double? = 9) throws -> [String: Int] {
            let video = Video(
                videoUID: "v", source: "ego4d", durationSec: duration, details: VideoDetails(sourceSplit: split))
            return try Self.run(video, [(1, "#C C looks")], isAllowed: isAllowed) { _ in }.counts
        }
        #expect(try counts("val") == ["held-out": 1])
        #expect(try counts("test") == ["held-out": 1])
        #expect(try counts(nil) == ["unknown-split": 1])
        #expect(try counts(nil, isAllowed: true) == [:])
        #expect(try counts("train", duration: nil) == ["no-frames": 1])
    }

    @Test func `a sentence that fits behind no prompt is given up, not drawn for ever`() throws {
        let video = Video(
            videoUID: "v", source: "ego4d", durationSec: 9, details: VideoDetails(sourceSplit: "train"))
        let (sequences, counts) = try Self.run(video, [(1, "#C C looks")]) { $0.set(PackOperator.limit, 4) }
        #expect(sequences.isEmpty && counts == ["too-long": 1])
    }
}
