// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Records
import TaskRooms
import Topologies
import VideoAnnotations

/// The parts of an explanation that a lineage of moment queries leads to.
struct LineagePage {
    let lineage: Lineage

    // MARK: Words

    static func seconds(_ time: Double) -> String { String(format: "%.2f", time) }

    static func span(_ span: Interval) -> String { "\(self.seconds(span.start)) to \(self.seconds(span.end)) s" }

    private static func line(of narration: Narration) -> String {
        "\(narration.index)  at \(self.seconds(narration.timestampSec)) s  \(narration.text)"
    }

    // MARK: Where it came from

    func narrations(of trail: LineageSearch.Trail, isQuery: Bool = false) -> Explanation.Part {
        let indices = self.lineage.narrations
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
            part.lines.append("\(list): \(trail.absence)")
        }
        return part
    }

    /// - Parameter known: the block, where it is known without the log.
    func block(of trail: LineageSearch.Trail, known: Block? = nil) -> Explanation.Part? {
        guard let id = self.lineage.block else { return nil }
        var part = Explanation.Part("Block that the question was written about, its narrations marked")
        guard let block = trail.blocks.last?.block ?? known else {
            part.lines = ["\(id): \(trail.absence)"]
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

    func queries(of trail: LineageSearch.Trail) -> Explanation.Part? {
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

    /// The validators of the topology's first `validate` step, or with the defaults of their fields.
    static func judge(_ surroundings: ExplanationSurroundings) throws -> QueryJudge {
        guard let (file, topology) = surroundings.topology else { return QueryJudge() }
        guard let step = topology.stages.flatMap(\.steps).first(where: { $0.name == "validate" }) else {
            throw TaskFailure(.usage, "\(file) has no `validate` step; leave `--topology` out")
        }
        return QueryJudge(step.configuration)
    }

    static func verdicts(
        of judge: QueryJudge, on block: Block, candidate: Candidate, in surroundings: ExplanationSurroundings
    ) -> Explanation.Part {
        let settings = surroundings.topology.map { "as \($0.file) has them" } ?? "with the defaults of their fields"
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
