// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import NarrationGrammar
import Records
import VideoAnnotations

@testable import MomentQueries

/// A block of one clip whose narrations have windows of two seconds.
func makeBlock(
    _ texts: [String], id: String = "block", video: String = "video", pass: Int = 1, clip: String = "clip",
    firstIndex: Int = 0
) -> Block {
    let narrations = texts.enumerated().map { position, text in
        let time = 10 + 4 * Double(position)
        return Narration(
            videoUID: video, pass: pass, index: firstIndex + position, timestampSec: time, text: text,
            window: Interval(time - 1, time + 1))
    }
    return Block(
        blockID: id, videoUID: video, pass: pass, clip: Clip(clipUID: clip, span: Interval(0, 480)),
        narrations: narrations, meanGapSec: 4)
}

/// Parses a narration with the grammar.
func parse(_ text: String) -> Clause? { ClauseParser.parse(NarrationText(text)) }

/// A question of a template about a narration, with or without a neighbour before and after it.
func ask(
    _ template: QueryTemplate, _ narration: String, after: String? = nil, before: String? = nil, variant: Int = 0
) -> String? {
    guard let clause = parse(narration) else { return nil }
    let relation = after.flatMap { Relation("after", parse($0)) } ?? before.flatMap { Relation("before", parse($0)) }
    let grounds = Stem.stems(of: NarrationText(narration).words.map(\.text))
    return QuestionWriter(clause: clause, relation: relation, grounds: grounds, variant: variant).question(template)
}

/// An element at some offset.
func element<Value>(_ value: Value, origin: Offset = 7) -> Element<Value> {
    Element(key: Bytes("video".utf8), value: value, origin: origin)
}

/// Runs an operator on some values.
func run<Op: Operator>(_ step: inout Op, _ values: [Op.Input]) -> Collector<Op.Output> {
    var output = Collector<Op.Output>(step: Op.specification.name)
    for value in values { step.process(element(value), into: &output) }
    return output
}

/// A value of any type that has been written and read again.
func roundTrip<Value: StreamValue>(_ value: Value) throws -> Value {
    try JSONScanner.scan(value.json) { json throws(JSONError) in try Value(json: &json) }
}

/// The prompt that is shipped, beside the sources.
func shippedPrompt() throws -> FileReference {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let content = try String(contentsOf: root.appending(path: "topologies/prompts/nlq.txt"), encoding: .utf8)
    return FileReference(path: "prompts/nlq.txt", content: content)
}
