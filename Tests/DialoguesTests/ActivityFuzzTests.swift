// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Fuzzing
import Records
import Testing
import VideoAnnotations

@testable import Dialogues

/// Broken records: operators take whatever is read, and what they make is written and read again as the same.
@Suite struct ActivityFuzzTests {
    private static let sources = [
        "goalstep", "holoassist", "egoexolearn", "epic-kitchens", "wtag", "assembly101", "llava-pretrain", "other",
    ]

    /// The records of a small video of a source.
    private static func records(_ source: String) -> [String] {
        [
            #"{"kind":"video","video_uid":"v","source":"\#(source)","duration_sec":60.5,"goal":"assemble toy","#
                + #""source_split":"train","scene":"lab","summary":"all","fps":29.97,"annotated_start_sec":1.5}"#,
            #"{"kind":"narration","video_uid":"v","index":0,"timestamp_sec":3,"text":"Start","start_sec":1,"end_sec":5,"#
                + #""level":"step","relevance":"essential","verb":"attach","correction":true,"order":1}"#,
            ##"{"kind":"narration","video_uid":"v","index":1,"timestamp_sec":7.5,"text":"#C C screws a: to b","##
                + #""start_sec":6,"end_sec":9,"level":"step","relevance":"essential","mistake":true,"order":0}"#,
            #"{"kind":"narration","video_uid":"v","index":2,"timestamp_sec":8,"text":"screw","start_sec":7,"end_sec":9,"#
                + #""level":"substep","parent":1,"relevance":"essential","mistake":true,"mistake_note":"x","verb":"screw"}"#,
            #"{"kind":"narration","video_uid":"v","index":3,"timestamp_sec":8.5,"text":"Now?","start_sec":8,"end_sec":9,"#
                + #""level":"substep","role":"user"}"#,
            #"{"kind":"end","video_uid":"v","narrations":4}"#,
        ]
    }

    private static func read<Value: StreamValue>(_ type: Value.Type, _ bytes: Bytes) -> Value? {
        try? JSONScanner.scan(bytes) { json throws(JSONError) in try Value(json: &json) }
    }

    private static func check<Step: Operator>(
        _ type: Step.Type, _ events: [NarrationEvent], _ configuration: Configuration, _ input: FuzzInput
    ) throws where Step.Input == NarrationEvent, Step.Output: Hashable {
        var step = try Step(configuration, OperatorContext(topologyHash: "t", allowUnguarded: true))
        var collector = Collector<Step.Output>(step: "step")
        for (offset, event) in events.enumerated() {
            step.process(Element(key: nil, value: event, origin: Offset(offset)), into: &collector)
        }
        for element in collector.elements {
            try #require(Self.read(Step.Output.self, element.value.json) == element.value, "\(input)")
        }
    }

    @Test func `whatever is read makes an activity, sequences, or a count`() throws {
        let seeds = Self.sources.flatMap { Self.records($0) }
        for input in Fuzz("activity", seeds: seeds, tokens: .json, seconds: 2) {
            guard let event = Self.read(NarrationEvent.self, input.bytes) else { continue }
            let source = Self.sources[input.number % Self.sources.count]
            let known = try Self.records(source).map { try #require(Self.read(NarrationEvent.self, Bytes($0.utf8))) }
            let events = [known[0], event] + known[1...4] + [event, known[5]]
            for manner in Manner.allCases {
                var activity = Configuration()
                activity.set(Manner.field, manner)
                activity.set(ActivityOperator.leastAnnotated, 0)
                try Self.check(ActivityOperator.self, events, activity, input)
                for material in PackOperator.Material.allCases {
                    var pack = Configuration()
                    pack.set(Manner.field, manner)
                    pack.set(PackOperator.material, material)
                    pack.set(PackOperator.limit, 64)
                    try Self.check(PackOperator.self, events, pack, input)
                }
            }
        }
    }
}
