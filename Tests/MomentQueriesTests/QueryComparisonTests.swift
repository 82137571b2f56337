// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct QueryComparisonTests {
    private func figure(_ name: String, _ comparison: QueryComparison) throws -> QueryComparison.Figure {
        try #require(comparison.figures.first { $0.name == name })
    }

    private func set(_ name: String, _ queries: [(String, QueryTemplate)]) -> ComparedQueries {
        var set = ComparedQueries(name: name)
        for (text, template) in queries {
            set.add(text, template: template.rawValue, window: Interval(10, 12), clip: Interval(0, 100))
        }
        return set
    }

    @Test("A set has no distance from itself")
    func itself() {
        let set = self.set("a", [("Where is it?", .whereIsObject), ("What is it?", .whatIs), ("What is it", .whatIs)])
        let comparison = QueryComparison(set, with: set)
        #expect(comparison.figures.count == 7 && comparison.figures.allSatisfy { $0.distance == 0 && !$0.isOff })
        #expect(comparison.draw == 3 && comparison.lacking.isEmpty)
    }

    @Test("The human train split against the validation split is what is known")
    func human() throws {
        let train = ComparedQueries(aggregates: .humanTrain)
        let comparison = QueryComparison(train, with: ComparedQueries(aggregates: .humanValidation))
        #expect(abs(try self.figure("duration", comparison).distance - 0.04) < 0.002)
        #expect(try self.figure("duration", comparison).isOff)
        #expect(try self.figure("templates", comparison).distance < 0.006)
        #expect(try self.figure("first-words", comparison).distance < 0.03)
    }

    @Test("Templates and first words are compared among those that the set has; the others are named")
    func lacking() throws {
        let there = self.set(
            "b",
            [
                ("Where is it?", .whereIsObject), ("Where was it?", .whereIsObject), ("What is it?", .whatIs),
                ("Who was it?", .whoDidITalkTo),
            ])
        let here = self.set("a", [("Where is it?", .whereIsObject), ("What is it?", .whatIs)])
        let comparison = QueryComparison(here, with: there)
        #expect(comparison.lacking.map(\.name) == [QueryTemplate.whoDidITalkTo.rawValue])
        // 1/2 ln((1/2)/(2/3)) + 1/2 ln((1/2)/(1/3))
        let divergence = 0.5 * log(0.75) + 0.5 * log(1.5)
        #expect(abs(try self.figure("templates", comparison).distance - divergence) < 1e-12)
        #expect(abs(try self.figure("first-words", comparison).distance - (2.0 / 3 - 0.5)) < 1e-12)
        let who = comparison.firstWords.first { $0.name == "who" }
        #expect(who == nil)
    }

    @Test("Of aggregates the first words of templates that are not here are taken off")
    func aggregates() {
        let human = ComparedQueries(aggregates: .humanTrain)
        let all = human.firstWordShares(among: Set(QueryTemplate.allCases))
        #expect(abs((all["where"] ?? 0) - 5312.0 / 11_279) < 0.001)
        let people: Set<QueryTemplate> = [.whoDidITalkTo, .whoDidIInteractWith, .whenDidIInteract]
        let some = human.firstWordShares(among: Set(QueryTemplate.allCases).subtracting(people))
        #expect(some["who"] ?? 0 < 0.01 && (some["where"] ?? 0) > (all["where"] ?? 0))
        #expect(abs(some.values.reduce(0, +) - 1) < 1e-9)
    }

    @Test("The share of different texts in a draw is worked out as drawing all pairs would")
    func distinct() throws {
        // a a b: of the three pairs one has the same text twice.
        let set = self.set("a", [("A?", .whatIs), ("a", .whatIs), ("b", .whatIs)])
        let pairs = try #require(set.distinct(inDrawsOf: 2))
        let expected = 2.5 / 3
        #expect(abs(pairs - expected) < 1e-12)
        #expect(set.distinct(inDrawsOf: 3) == 2.0 / 3 && set.distinct(inDrawsOf: 1) == 1)
        #expect(set.distinct(inDrawsOf: 4) == nil && set.distinct(inDrawsOf: 0) == nil)
    }
}
