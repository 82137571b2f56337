// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Testing

@Suite struct ForecastBaselinesTests {
    private static func window(_ clip: String, _ rank: Int, _ last: Action?, _ future: [Action]?) -> ForecastWindow {
        ForecastWindow(
            key: "\(clip)_\(rank)", videoUID: "v", clipUID: clip, clipStart: 0,
            inputs: [ForecastWindow.Segment(rank: rank, start: 0, end: 1, action: last)], future: future)
    }

    private static let a = Action(verb: 0, noun: 1)
    private static let b = Action(verb: 2, noun: 0)

    @Test func eachDoesWhatItSays() throws {
        let train = [Self.window("t", 0, Self.a, [Self.b, Self.a, Self.b]), Self.window("t", 1, Self.b, [Self.a])]
        let baselines = try #require(ForecastBaselines(fittedTo: train))
        let asked = Self.window("x", 0, Self.a, nil)
        func candidates(_ kind: ForecastBaselines.Kind) -> [[Action]]? {
            baselines.candidates(kind, asked, steps: 4, count: 2, seed: 1)
        }
        #expect(candidates(.repeatLast) == [[Self.a, Self.a, Self.a, Self.a], [Self.a, Self.a, Self.a, Self.a]])
        // Two of each: the lower label first.
        #expect(candidates(.mostFrequent)?[0].allSatisfy { $0.verb == 0 && $0.noun == 0 } == true)
        #expect(candidates(.mostFrequent)?[1].allSatisfy { $0.verb == 2 && $0.noun == 1 } == true)
        // The chain alternates for certain.
        #expect(candidates(.markov) == Array(repeating: [Self.b, Self.a, Self.b, Self.a], count: 2))
        let untold = Self.window("x", 0, nil, nil)
        #expect(baselines.candidates(.markov, untold, steps: 4, count: 2, seed: 1) == nil)
        #expect(ForecastBaselines(fittedTo: [untold]) == nil)
    }

    @Test func anActionThatWasNeverSeenDrawsFromAll() throws {
        let baselines = try #require(ForecastBaselines(fittedTo: [Self.window("t", 0, Self.a, [Self.b])]))
        let asked = Self.window("x", 0, Action(verb: 9, noun: 9), nil)
        #expect(baselines.candidates(.markov, asked, steps: 1, count: 1, seed: 1) == [[Self.b]])
    }

    @Test func intervalsHoldTheScore() throws {
        let windows = (0..<30).map { Self.window("c\($0 / 3)", $0, Self.a, [$0 % 2 == 0 ? Self.a : Self.b]) }
        let row = try #require(ForecastEvaluation.row("x", windows, steps: 1) { _ in [[Self.a]] })
        let interval = try #require(row.distances["action"])
        #expect(row.scores.action.distance == 0.5 && interval.low < 0.5 && interval.high > 0.5)
        #expect(row.areas["action"] == nil)
        #expect(ForecastEvaluation.lines([row]).allSatisfy { $0.count <= 80 })
        #expect(ForecastEvaluation.row("x", [Self.window("c", 0, nil, nil)], steps: 1) { _ in [] } == nil)
    }
}
