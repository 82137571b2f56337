// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Fuzzing
import Records
import Testing

@testable import MomentQueries
@testable import VideoAnnotations

/// Broken records and states: what is read is written and read again as the same, and operators take whatever is read.
@Suite("broken records") struct RecordFuzzTests {
    private static let events = [
        #"{"kind":"video","video_uid":"v","pass":1,"source":"x","duration_sec":60.5,"clips":[{"clip_uid":"c","start_sec":0,"#
            + #""end_sec":30}],"splits":["val"],"features":true,"revision":2,"mean_gap_sec":1.5}"#,
        ##"{"kind":"narration","video_uid":"v","pass":1,"index":3,"timestamp_sec":12.25,"text":"#C C opens","##
            + #""start_sec":11,"end_sec":13.5,"window":[11.5,12.75]}"#,
        #"{"kind":"end","video_uid":"v","pass":1,"narrations":4}"#,
    ]

    private static func read<Value: StreamValue>(_ type: Value.Type, _ bytes: Bytes) -> Value? {
        try? JSONScanner.scan(bytes) { json throws(JSONError) in try Value(json: &json) }
    }

    private static func write(_ value: some StreamValue) -> Bytes {
        var json = JSONWriter()
        value.write(to: &json)
        return json.bytes
    }

    private static func check<Value: StreamValue>(_ type: Value.Type, _ input: FuzzInput) throws -> Value? {
        guard let value = Self.read(Value.self, input.bytes) else { return nil }
        // A number that is none is written as null, which may be refused, or be read as a field that is not there.
        let written = Self.read(Value.self, Self.write(value)).map(Self.write)
        if let written, let again = Self.read(Value.self, written) {
            try #require(Self.write(again) == written, "\(input)")
        }
        return value
    }

    @Test("events go through every operator")
    func events() throws {
        for input in Fuzz("event", seeds: Self.events, tokens: .json) {
            guard let event = try Self.check(NarrationEvent.self, input) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            // Between a video's begin and end, and twice.
            let known = try Self.events.map { try #require(Self.read(NarrationEvent.self, Bytes($0.utf8))) }
            let all = elements([known[0], event, known[1], event, known[1], known[2], event, known[2]])
            try Self.runTwice(all, input) { try WindowOperator(Configuration(), context) }
            var both = Configuration()
            both.set(FilterOperator.videos, Configuration())
            both.set(FilterOperator.narrations, Configuration())
            try Self.runTwice(all, input) {
                try FilterOperator(both, OperatorContext(topologyHash: "t", allowUnguarded: true))
            }
            var configuration = Configuration()
            configuration.set(BlockOperator.size, 2)
            configuration.set(BlockOperator.contiguous, true)
            try Self.runTwice(all, input) { try BlockOperator(configuration, context) }
            try Self.runTwice(all, input) { try FormatNarrationOperator(Configuration(), context) }
        }
    }

    /// Runs elements through an operator, and again through another of its kind: it takes them all, says the same both
    /// times, and hands out nothing of a record that it has not seen.
    private static func runTwice<Step: Operator>(
        _ elements: [Element<Step.Input>], _ input: FuzzInput, _ make: () throws -> Step
    ) throws where Step.Output: Hashable {
        var (first, second) = (try make(), try make())
        let outcome = first.run(elements)
        // Numbers that are none are not equal to themselves, so what is written is compared.
        let values = outcome.values.map(Self.write)
        try #require(second.run(elements).values.map(Self.write) == values, "\(input)")
        let origins = Set(elements.map(\.origin))
        try #require(outcome.emitted.allSatisfy { origins.contains($0.origin) }, "\(input)")
        try #require(outcome.letters.allSatisfy { origins.contains($0.origin) }, "\(input)")
    }

    @Test("blocks, queries and samples")
    func values() throws {
        var configuration = Configuration()
        configuration.set(BlockOperator.size, 2)
        var block = try BlockOperator(configuration, context)
        let video = Video(videoUID: "v", pass: 1, source: "x", durationSec: 60, clips: [clip("c", 0, 50)])
        let made = try #require(block.run(stream(video, narrations(at: [1, 2.5], halfWindow: 1))).values.first)
        let seeds =
            [Self.write(made)] + [
                Bytes(
                    #"{"query_id":"q","video_uid":"v","clip_uid":"c","annotation_uid":"a","query":"Where?","template":null,"#
                        .utf8)
                    + Bytes(
                        (#""clip_start_sec":3.5,"clip_end_sec":4.5,"video_start_sec":11.5,"video_end_sec":12.5,"#
                            + #""clip_duration_sec":12.0,"lineage":{"video_uid":"v","pass":1,"narrations":[0],"block":null,"#
                            + #""prompt":null,"answer":null,"topology":"t"}}"#).utf8)
            ]
        for input in Fuzz("value", seeds: seeds, tokens: .json) {
            let block = try Self.check(Block.self, input)
            let sample = try Self.check(Sample.self, input)
            try #require(block != nil || sample != nil || !input.isSeed, "\(input)")
            if let query = try Self.check(Query.self, input) {
                try Self.runTwice([Element(key: nil, value: query, origin: 0)], input) {
                    try FormatQueryOperator(Configuration(), context)
                }
            }
        }
    }

    @Test("states")
    func states() throws {
        var window = try WindowOperator(Configuration(), context)
        let video = Video(videoUID: "v", pass: 1, source: "x", durationSec: 60, clips: [clip("c", 0, 50)])
        _ = window.run(Array(stream(video, narrations(at: [1, 2.5], halfWindow: 1)).dropLast()))
        let pieces = window.stateChanges().compactMap { change in
            change.value.map { StateEntry(key: change.key, value: $0) }
        }
        try #require(pieces.count == 2)
        for input in Fuzz("state", seeds: pieces.map(\.value) + pieces.map(\.key), tokens: .json) {
            for index in pieces.indices {
                for isKey in [false, true] {
                    var entries = pieces
                    if isKey { entries[index].key = input.bytes } else { entries[index].value = input.bytes }
                    var operation = try WindowOperator(Configuration(), context)
                    guard (try? operation.restore(entries)) != nil else {
                        try #require(input.bytes != (isKey ? pieces[index].key : pieces[index].value), "\(input)")
                        continue
                    }
                    // Another that has the same state says the same.
                    var other = try WindowOperator(Configuration(), context)
                    try other.restore(entries)
                    let end = [NarrationEvent.end(EndOfVideo(videoUID: "v", pass: 1, narrations: 2))]
                    let outcome = operation.run(end)
                    try #require(other.run(end).values.map(Self.write) == outcome.values.map(Self.write), "\(input)")
                    if input.isSeed, !isKey, input.bytes == pieces[index].value {
                        try #require(outcome.values.count > 2, "\(input)")
                    }
                }
            }
        }
    }
}
