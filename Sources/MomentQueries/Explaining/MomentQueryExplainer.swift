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
        let judge = try Self.judge(surroundings)
        let trail = try LineageSearch(self.lineage, queryID: self.sample.queryID).find(in: surroundings.log)
        var parts = [self.found.part(self.facts), self.narrations(of: trail)]
        if let block = self.block(of: trail) { parts.append(block) }
        parts += try AnswerTrail(self.lineage).parts(inCache: surroundings.cacheFolder)
        if let queries = self.queries(of: trail) { parts.append(queries) }
        if let block = trail.blocks.last?.block {
            let settings = surroundings.topology.map { "as \($0.file) has them" } ?? "with the defaults of their fields"
            parts.append(try self.verdicts(of: judge, on: block, settings: settings))
        }
        return Explanation(headline: self.sample.query, parts: parts)
    }

    // MARK: What it is

    private var facts: [(name: String, value: String)] {
        let (window, clip) = (self.sample.window, self.sample.clip)
        let inClip = Interval(window.start - clip.span.start, window.end - clip.span.start)
        return [
            ("id", self.sample.queryID), ("template", self.sample.template ?? "none"),
            ("video", "\(self.lineage.videoUID), pass \(self.lineage.pass)"),
            ("answer", "\(Self.span(window)) of the video, \(Self.seconds(window.length)) s long"),
            ("clip", "\(clip.clipUID), \(Self.span(clip.span)) of the video; the answer is \(Self.span(inClip)) of it"),
            ("topology", self.lineage.topology),
        ]
    }

    private static func seconds(_ time: Double) -> String { String(format: "%.2f", time) }

    private static func span(_ span: Interval) -> String {
        "\(self.seconds(span.start)) to \(self.seconds(span.end)) s"
    }

    // MARK: Where it came from

    private func narrations(of trail: LineageSearch.Trail) -> Explanation.Part {
        let indices = self.lineage.narrations
        let isQuery = self.lineage.block == nil
        var part = Explanation.Part(
            isQuery
                ? "Narration that is the query"
                : indices.count == 1 ? "Narration it is about" : "Narrations it is about")
        for (record, narration) in trail.narrations {
            part.lines.append("\(Self.line(of: narration))  (\(record.place))")
            record.write(to: &part, as: "narration")
        }
        let missing = indices.filter { index in !trail.narrations.contains { $0.narration.index == index } }
        if !missing.isEmpty {
            let list = missing.map(String.init).joined(separator: ", ")
            part.lines.append("\(list): no longer in any topic of this log")
        }
        return part
    }

    private static func line(of narration: Narration) -> String {
        "\(narration.index)  at \(self.seconds(narration.timestampSec)) s  \(narration.text)"
    }

    private func block(of trail: LineageSearch.Trail) -> Explanation.Part? {
        guard let id = self.lineage.block else { return nil }
        var part = Explanation.Part("Block that the question was written about, its narrations marked")
        guard let (_, block) = trail.blocks.last else {
            part.lines = ["\(id): no longer in any topic of this log"]
            return part
        }
        part.lines = Explanation.pairs(
            [("id", id), ("clip", block.clip.clipUID)] + trail.blocks.map { ("record", $0.record.place) })
        for narration in block.narrations {
            let isMarked = self.lineage.narrations.contains(narration.index)
            part.lines.append("\(isMarked ? ">" : " ") \(Self.line(of: narration))")
        }
        for (record, _) in trail.blocks { record.write(to: &part, as: "block") }
        return part
    }

    private func queries(of trail: LineageSearch.Trail) -> Explanation.Part? {
        if trail.queries.isEmpty { return nil }
        var part = Explanation.Part("Query as it was generated")
        for (record, query) in trail.queries {
            part.lines += Explanation.pairs([
                ("query", query.query), ("template", query.template ?? "none"),
                ("answer", "\(Self.span(query.window)) of the video"), ("record", record.place),
            ])
            record.write(to: &part, as: "query")
        }
        return part
    }

    // MARK: What the validators say

    private static func judge(_ surroundings: ExplanationSurroundings) throws -> QueryJudge {
        guard let (file, topology) = surroundings.topology else { return QueryJudge() }
        guard let step = topology.stages.flatMap(\.steps).first(where: { $0.name == "validate" }) else {
            throw TaskFailure(.usage, "\(file) has no `validate` step; leave `--topology` out")
        }
        return QueryJudge(step.configuration)
    }

    private func verdicts(of judge: QueryJudge, on block: Block, settings: String) throws -> Explanation.Part {
        let candidate = Candidate(
            narrationIDs: self.lineage.narrations, template: self.sample.template ?? "", query: self.sample.query)
        var part = Explanation.Part("Validators, \(settings)")
        let verdicts = judge.verdicts(for: candidate, of: block)
        part.lines = Explanation.pairs(
            verdicts.map { verdict in
                switch verdict.outcome {
                case .passed: (verdict.reason.rawValue, "passed")
                case .rejected(let problem): (verdict.reason.rawValue, "rejected: \(problem)")
                case .notJudged(let cause): (verdict.reason.rawValue, "not judged: \(cause)")
                }
            })
        for verdict in verdicts {
            part.add("verdict") { json in
                json.field("validator", verdict.reason.rawValue)
                switch verdict.outcome {
                case .passed: json.field("outcome", "passed")
                case .rejected(let problem):
                    json.field("outcome", "rejected")
                    json.field("message", problem)
                case .notJudged(let cause):
                    json.field("outcome", "not-judged")
                    json.field("message", cause)
                }
            }
        }
        return part
    }
}
