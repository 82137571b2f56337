// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct BalanceTests {
    private static let clip = Clip(clipUID: "c", span: Interval(100, 580))

    /// Queries as a source may have them: short windows, early in the clip, of a few templates mostly.
    private static func queries(_ count: Int, seed: String, without: Set<QueryTemplate> = []) -> [Query] {
        var hash = StableHash("balance", seed)
        let templates = QueryTemplate.allCases.filter { !without.contains($0) }
        return (0..<count).map { index in
            let template = templates[min(hash.below(templates.count), hash.below(templates.count))]
            // Twice as many short ones as people have, and more at the begin.
            let share = hash.below(2) == 0 ? hash.share() : hash.share() / 2
            let length = QueryReference.humanTrain.durations.quantile(share)
            let start = Self.clip.span.start + (480 - length) * hash.share() * (hash.below(3) == 0 ? 0.5 : 1)
            return Query(
                queryID: "q\(index)", videoUID: "v", pass: 1, clip: Self.clip, query: "Where is \(index)?",
                template: template.rawValue, window: Interval(start, start + length), narrationIndices: [index],
                lineage: Lineage(videoUID: "v", pass: 1, narrations: [index], topology: "t"))
        }
    }

    private static func step(leastKept: Double = 0.1) throws -> BalanceOperator {
        var configuration = Configuration()
        configuration.set(BalanceOperator.leastKept, leastKept)
        return try BalanceOperator(configuration, OperatorContext(topologyHash: "t"))
    }

    private static func compare(_ queries: [Query]) -> QueryComparison {
        var set = ComparedQueries(name: "kept")
        for query in queries {
            set.add(query.query, template: query.template, window: query.window, clip: query.clip.span)
        }
        return QueryComparison(set, with: ComparedQueries(aggregates: .humanTrain))
    }

    private static func distance(_ name: String, _ queries: [Query]) -> Double {
        Self.compare(queries).figures.first { $0.name == name }?.distance ?? 1
    }

    @Test("What is kept comes to have people's lengths, places and templates")
    func converges() throws {
        let queries = Self.queries(12_000, seed: "a")
        #expect(Self.distance("duration", queries) > 0.1 && Self.distance("templates", queries) > 0.01)
        var step = try Self.step()
        let output = run(&step, queries)
        let kept = output.elements.map(\.value)
        #expect(kept.count > 1_000 && kept.count < 9_000)
        #expect(Self.distance("duration", kept) <= 0.035)
        #expect(Self.distance("relative-start", kept) <= 0.05 && Self.distance("relative-end", kept) <= 0.05)
        #expect(Self.distance("templates", kept) <= 0.004)
        #expect(output.notes.counts["kept"] == kept.count)
        #expect(output.notes.counts.values.reduce(0, +) == queries.count)
        #expect(output.notes.counts.keys.count { $0.hasPrefix("dropped.") } == 8 && output.notes.counts.count == 9)
    }

    @Test("A template that the source lacks takes nothing from the others")
    func lacking() throws {
        let people: Set<QueryTemplate> = [.whoDidITalkTo, .whoDidIInteractWith, .whenDidIInteract]
        var step = try Self.step()
        let kept = run(&step, Self.queries(12_000, seed: "b", without: people)).elements.map(\.value)
        #expect(kept.count > 1_000)
        #expect(Self.distance("templates", kept) <= 0.004 && Self.compare(kept).lacking.count == 3)
    }

    @Test("At least the wanted share is kept, however far the source is from the reference", arguments: [0.3, 0.6, 1])
    func least(share: Double) throws {
        var step = try Self.step(leastKept: share)
        let kept = run(&step, Self.queries(4_000, seed: "c")).elements.count
        #expect(Double(kept) > share * 4_000 * 0.85 && kept <= 4_000)
    }

    @Test("A stream cut anywhere goes on as if it had not been, and its state is one small entry", arguments: 0..<6)
    func cuts(seed: Int) throws {
        let queries = Self.queries(900, seed: "cut \(seed)")
        var whole = try Self.step()
        let expected = run(&whole, queries).elements.map(\.value)
        var hash = StableHash("cuts", String(seed))
        var state: [Bytes: Bytes] = [:]
        var kept: [Query] = []
        var rest = queries[...]
        while !rest.isEmpty {
            var step = try Self.step()
            try step.restore(state.map { StateEntry(key: $0.key, value: $0.value) })
            let piece = rest.prefix(1 + hash.below(200))
            kept += run(&step, Array(piece)).elements.map(\.value)
            for change in step.stateChanges() { state[change.key] = change.value }
            #expect(step.stateChanges().isEmpty)
            rest = rest.dropFirst(piece.count)
        }
        #expect(kept == expected && state.count == 1)
    }

    @Test("A state of another reference is refused")
    func otherState() throws {
        var step = try Self.step()
        for text in ["[]", "[1,2,3]", "{}", "[-1]"] {
            #expect(throws: JSONError.self) {
                try step.restore([StateEntry(key: Bytes("quota".utf8), value: Bytes(text.utf8))])
            }
        }
    }

    @Test("What has no window passes for `format` to refuse, and counts for nothing")
    func noWindow() throws {
        var query = Self.queries(1, seed: "w")[0]
        query.window = Interval(50, 60)
        var empty = query
        empty.window = Interval(200, 200)
        var step = try Self.step()
        #expect(run(&step, [query, empty]).elements.map(\.value) == [query, empty])
        #expect(step.stateChanges().isEmpty)
    }

    @Test("Quotas give what a rare cell has, and share what it lacks by what is wanted")
    func quotas() {
        var axis = QuotaAxis([1, 1, 2])
        #expect(axis.wanted == [0.25, 0.25, 0.5])
        #expect(axis.quotas(after: 0, keepingAtLeast: 1).shares == [0.25, 0.25, 0.5])
        axis.seen = [0, 30_000, 60_000]
        let (shares, keeps) = axis.quotas(after: 90_000, keepingAtLeast: 0.5)
        #expect(shares[0] < 0.001 && abs(shares[1] * 2 - shares[2]) < 1e-9)
        #expect(abs(shares.reduce(0, +) - 1) < 1e-9 && abs(keeps - 0.5) < 1e-9)
    }
}
