// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Fuzzing
import Records
import Testing
import VideoAnnotations

@testable import MomentQueries

/// Broken answers, human query files, templates and states.
@Suite struct AnswerFuzzTests {
    private static let answers = [
        #"{"queries":[{"narration_ids":[1],"template":"Objects: Where is X?","query":"Where is the cup?"}]}"#,
        "```json\n[{\"id\": \"[2, 3]\", \"question\": \"What did I put in the box?\"}]\n```\nThat is all.",
        "<think>First, {\"a\": [1]}</think>\n1. (Place: Where did I put X?) Where did I put the knife?\n2) How many?\n",
    ]

    @Test func answersAreReadOrCounted() throws {
        for input in Fuzz("answer", seeds: Self.answers, tokens: .http + .text) {
            for reason in ["stop", "length", nil] {
                let parsed = AnswerParser.parse(input.bytes, finishReason: reason, ids: 1..<6)
                let ids = Set(parsed.candidates.flatMap(\.ids) + parsed.gaps.map(\.id))
                let isSound = parsed.candidates.allSatisfy { item in
                    !item.ids.isEmpty && !item.query.isEmpty && item.query.utf8.count <= AnswerParser.textBytesMax
                }
                try #require(ids == Set(1..<6), "\(input)")
                try #require(isSound, "\(input)")
            }
        }
    }

    @Test func humanQueryFiles() throws {
        let seed = #"""
            {"version":"1","videos":[{"video_uid":"v","split":"train","clips":[{"clip_uid":"c","video_start_sec":0,
            "video_end_sec":480.5,"annotations":[{"language_queries":[{"clip_start_sec":1.5,"clip_end_sec":3.25,
            "query":"Where is the cup?","template":"Objects: Where is object X?"}],"annotation_uid":"a"}]}]}]}
            """#
        for input in Fuzz("human", seeds: [seed], tokens: .json) {
            let file = input.bytes.withUnsafeBufferPointer { try? HumanQueryFile(parsing: $0) }
            guard let file else {
                try #require(input.number != 0, "\(input)")
                continue
            }
            try #require(file.profile().queries <= file.queries.count, "\(input)")
        }
    }

    @Test func promptTemplates() throws {
        let seed = "[system]\nYou write {{count}} queries.\n[user]\n{{narrations}}\n[assistant]\nx\n"
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../topologies/prompts")
        let files = try FileManager.default.contentsOfDirectory(atPath: path.path).filter { $0.hasPrefix("nlq") }
            .sorted().map {
                try String(contentsOf: path.appendingPathComponent($0), encoding: .utf8)
            }
        for input in Fuzz("template", seeds: files + [seed], tokens: .text, seconds: 1) {
            let content = String(decoding: input.bytes, as: UTF8.self)
            let file = FileReference(path: "template", content: content)
            // One of the files asks for what is drawn.
            let prompt = (try? QueryPrompt(file)) ?? (try? QueryPrompt(file, wishes: QueryWishes(.humanTrain)))
            try #require(prompt != nil || input.number >= files.count, "\(input)")
        }
    }

    @Test func statesAndRecords() throws {
        let key = Bytes(#"["video",1]"#.utf8)
        let seeds = [
            #"{"last_seen":3,"clips":["c"],"asked":[[0,"0123456789abcdef",1.5,2.5,"where put knife"]]}"#,
            #"{"block":{"block_id":"b","video_uid":"v","pass":1,"clip":{"clip_uid":"c","start_sec":0,"end_sec":9},"#
                + #""narrations":[{"index":0,"timestamp_sec":1,"text":"a","window":[0,2]}]},"prompt":"p","answer":"h","#
                + #""candidates":[{"narration_ids":[1],"template":"t","query":"q"}],"gaps":[{"narration_id":1,"reason":"r"}]}"#,
        ]
        for input in Fuzz("query-memory", seeds: seeds, tokens: .json) {
            var validate = try ValidateOperator(Configuration(), OperatorContext(topologyHash: "t"))
            let restored: Void? = try? validate.restore([StateEntry(key: key, value: input.bytes)])
            try #require(restored != nil || input.number != 0, "\(input)")
            try? validate.restore([StateEntry(key: input.bytes, value: Bytes(seeds[0].utf8))])
            // State that was restored is not new: nothing is to be written of it.
            try #require(validate.stateChanges().isEmpty, "\(input)")
            if let answer = try? JSONScanner.scan(input.bytes, { json throws(JSONError) in try Answer(json: &json) }) {
                var output = Collector<Query>(step: "validate")
                validate.process(Element(key: key, value: answer, origin: 0), into: &output)
            }
            let read = try? JSONScanner.scan(input.bytes) { json throws(JSONError) in try PromptedBlock(json: &json) }
            if let read {
                var json = JSONWriter()
                read.write(to: &json)
                let again = try JSONScanner.scan(json.bytes) { json throws(JSONError) in try PromptedBlock(json: &json)
                }
                try #require(again == read, "\(input)")
            }
        }
    }
}
