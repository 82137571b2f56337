// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import RecordLog
import Records
public import TaskRooms
import Topologies
import VideoAnnotations

/// Says where a sample of moment queries came from: the narrations, the block that was shown, what a model was asked
/// and answered, the query as it was generated, and what the validators say of it.
public struct MomentQueryExplainer: SampleExplainer {
    private let found: FoundSample
    private let sample: Sample
    private var lineage: Lineage { self.sample.lineage }

    /// Takes a sample on; `nil` where it is none of a moment query.
    public init?(_ found: FoundSample) {
        let sample = try? JSONScanner.scan(found.line) { json throws(JSONError) in try Sample(json: &json) }
        guard let sample else { return nil }
        self.found = found
        self.sample = sample
    }

    /// Looks everything up that the lineage names; the validators' settings are those of the topology's first
    /// `validate` step.
    public func explanation(in surroundings: ExplanationSurroundings) throws -> Explanation {
        let judge = try LineagePage.judge(surroundings)
        let page = LineagePage(lineage: self.lineage)
        let trail = try LineageSearch(self.lineage, queryID: self.sample.queryID).find(in: surroundings)
        var parts = [
            self.found.part(self.facts), page.narrations(of: trail, isQuery: self.lineage.block == nil),
        ]
        if let block = page.block(of: trail) { parts.append(block) }
        parts += try AnswerTrail(self.lineage).parts(in: surroundings)
        if let queries = page.queries(of: trail) { parts.append(queries) }
        if let block = trail.blocks.last?.block {
            let candidate = Candidate(
                narrationIDs: self.lineage.narrations, template: self.sample.template ?? "", query: self.sample.query)
            parts.append(LineagePage.verdicts(of: judge, on: block, candidate: candidate, in: surroundings))
        }
        return Explanation(headline: self.sample.query, parts: parts, timeline: self.timeline(of: trail))
    }

    /// The narrations that were shown, or those it is about, with the answer's window, in seconds of the video.
    private func timeline(of trail: LineageSearch.Trail) -> SampleTimeline {
        let (clip, window) = (self.sample.clip, self.sample.window)
        let block = trail.blocks.last?.block
        let narrations = block?.narrations ?? trail.narrations.map(\.narration)
        let marks = narrations.map { narration in
            let span = narration.window ?? narration.annotated
            return SampleTimeline.Mark(
                span?.start ?? narration.timestampSec, span?.end, moment: span == nil ? nil : narration.timestampSec,
                text: narration.text,
                isMarked: block != nil && self.lineage.narrations.contains(narration.index))
        }
        return SampleTimeline(
            "Clip \(clip.clipUID)", clip.span.start, clip.span.end,
            windows: [.init(window.start, window.end, text: "answers the query")],
            tracks: [.init(block == nil ? "Narrations it is about" : "Narrations of the block", marks)])
    }

    private var facts: [(name: String, value: String)] {
        let (window, clip) = (self.sample.window, self.sample.clip)
        let inClip = Interval(window.start - clip.span.start, window.end - clip.span.start)
        return [
            ("id", self.sample.queryID), ("template", self.sample.template ?? "none"),
            ("video", "\(self.lineage.videoUID), pass \(self.lineage.pass)"),
            (
                "answer", "\(LineagePage.span(window)) of the video, \(LineagePage.seconds(window.length)) s long"
            ),
            (
                "clip",
                "\(clip.clipUID), \(LineagePage.span(clip.span)) of the video; the answer is \(LineagePage.span(inClip)) of it"
            ),
            ("topology", self.lineage.topology),
        ]
    }

    /// Looks up what a rejected question, or a record on its way to one, names.
    public static func trail(
        of letter: FoundLetter, in surroundings: ExplanationSurroundings
    ) throws -> LineageTrail? {
        guard let subject = RefusedSubject(letter) else { return nil }
        let judge = try LineagePage.judge(surroundings)
        let lineage = subject.lineage
        let page = LineagePage(lineage: lineage)
        let trail = try LineageSearch(lineage, queryID: subject.queryID).find(in: surroundings)
        var parts: [Explanation.Part] = []
        if !lineage.narrations.isEmpty { parts.append(page.narrations(of: trail)) }
        if let block = page.block(of: trail, known: subject.block) { parts.append(block) }
        parts += try AnswerTrail(lineage).parts(in: surroundings)
        if let queries = page.queries(of: trail) { parts.append(queries) }
        if let candidate = subject.candidate, let block = trail.blocks.last?.block ?? subject.block {
            parts.append(LineagePage.verdicts(of: judge, on: block, candidate: candidate, in: surroundings))
        }
        return LineageTrail(parts: parts, names: [lineage.answer, lineage.block].compactMap { $0 })
    }

    /// Looks up the prompt or the answer of a hash in the response cache.
    public static func trail(
        ofHash hash: String, in surroundings: ExplanationSurroundings
    ) throws -> LineageTrail? {
        try AnswerTrail.trail(ofHash: hash, in: surroundings)
    }
}

/// The part of the way that a dead letter or a reject stands on.
private struct RefusedSubject {
    var lineage: Lineage
    var queryID = ""
    var block: Block?
    var candidate: Candidate?

    /// Takes the most that is said: what the step refused says more than the record that it was made of.
    init?(_ letter: FoundLetter) {
        for bytes in [letter.refused, letter.record.value].compactMap({ $0 }) {
            if let answer = Self.read(Answer.self, bytes) {
                self.candidate = answer.candidates.first
                self.block = answer.block
                self.lineage = Self.lineage(of: answer.block, answer.candidates.first?.narrationIDs)
                self.lineage.prompt = answer.promptHash
                self.lineage.answer = answer.answerHash
                return
            } else if let query = Self.read(Query.self, bytes) {
                self.lineage = query.lineage
                self.queryID = query.queryID
                self.candidate = Candidate(
                    narrationIDs: query.narrationIndices, template: query.template ?? "", query: query.query)
                return
            } else if let prompted = Self.read(PromptedBlock.self, bytes) {
                self.block = prompted.block
                self.lineage = Self.lineage(of: prompted.block, nil)
                self.lineage.prompt = prompted.promptHash
                return
            } else if let block = Self.read(Block.self, bytes) {
                self.block = block
                self.lineage = Self.lineage(of: block, nil)
                return
            } else if case .narration(let narration)? = Self.read(NarrationEvent.self, bytes) {
                self.lineage = Lineage(
                    videoUID: narration.videoUID, pass: narration.pass, narrations: [narration.index], topology: "")
                return
            }
        }
        return nil
    }

    private static func lineage(of block: Block, _ indices: [Int]?) -> Lineage {
        Lineage(
            videoUID: block.videoUID, pass: block.pass, narrations: indices ?? block.narrations.map(\.index),
            block: block.blockID, topology: "")
    }

    private static func read<Value: StreamValue>(_ type: Value.Type, _ bytes: Bytes) -> Value? {
        try? JSONScanner.scan(bytes) { json throws(JSONError) in try Value(json: &json) }
    }
}
