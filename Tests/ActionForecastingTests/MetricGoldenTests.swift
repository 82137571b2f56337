// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import ForecastGolden
import Records
import Testing

/// The official metric, to the last place that doubles have.
@Suite struct MetricGoldenTests {
    @Test func everyFileHasAKind() throws {
        let names = try ForecastGolden.names()
        #expect(!names.isEmpty)
        for name in names {
            #expect(
                ForecastGolden.kind(of: name) != nil, "no suite checks \(name); add its kind to ForecastGolden.kinds")
        }
    }

    @Test(arguments: try ForecastGolden.cases("lta_metric"))
    func distancesAreTheOfficialOnes(_ file: String) throws {
        let json = try JSONValue(parsing: Bytes(try ForecastGolden.json(file)))
        let cases = try #require(json["cases"]?.array)
        #expect(!cases.isEmpty)
        for one in cases {
            let name = try #require(one["name"]?.string)
            let labels = try Self.rows(one["labels"])
            let candidates = try #require(one["preds"]?.array).map { try Self.rows($0) }
            var scores = EditScores(steps: try #require(one["Z"]?.int))
            for (candidates, label) in zip(candidates, labels) { scores.add(candidates, truth: label) }
            try Self.check(scores, one, "\(file), \(name)")
            let distances = try Self.rows(one["raw_levenshtein"])
            #expect(
                zip(candidates, labels).map { all, label in all.map { EditDistance.between($0, label) } } == distances,
                "\(file), \(name)")
        }
    }

    @Test(arguments: try ForecastGolden.cases("lta_metric"))
    func actionsAreVerbsWithTheirNouns(_ file: String) throws {
        let json = try JSONValue(parsing: Bytes(try ForecastGolden.json(file)))
        let actions = try #require(json["actions"]), input = try #require(actions["input"])
        let verbs = try Self.rows(input["label_verb"]), nouns = try Self.rows(input["label_noun"])
        let predictedVerbs = try #require(input["pred_verb"]?.array).map { try Self.rows($0) }
        let predictedNouns = try #require(input["pred_noun"]?.array).map { try Self.rows($0) }
        var scores = ForecastScores(steps: try #require(verbs.first).count)
        for window in verbs.indices {
            scores.add(
                zip(predictedVerbs[window], predictedNouns[window]).map { Self.actions($0, $1) },
                truth: Self.actions(verbs[window], nouns[window]))
        }
        for (name, part) in scores.parts { try Self.check(part, try #require(actions[name]), "\(file), \(name)") }
    }

    private static func check(_ scores: EditScores, _ expected: JSONValue, _ name: String) throws {
        let prefixes = try #require(expected["ED_by_prefix"]?.array).compactMap(\.double)
        #expect(prefixes.count == scores.distances.count, "\(name)")
        for (step, value) in zip(prefixes, scores.distances).enumerated() {
            #expect(abs(value.0 - value.1) <= 1e-14, "\(name), step \(step)")
        }
        #expect(abs(try #require(scores.distance) - (try #require(expected["ED_at_Z"]?.double))) <= 1e-14, "\(name)")
        if let area = expected["AUED"]?.double {
            #expect(abs(try #require(scores.area) - area) <= 1e-14, "\(name)")
        } else {
            #expect(scores.area == nil, "\(name)")
        }
    }

    private static func rows(_ value: JSONValue?) throws -> [[Int]] {
        try #require(value?.array).map { try #require($0.array).map { try #require($0.int) } }
    }

    private static func actions(_ verbs: [Int], _ nouns: [Int]) -> [Action] {
        zip(verbs, nouns).map { Action(verb: $0, noun: $1) }
    }
}
