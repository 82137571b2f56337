// SPDX-License-Identifier: Apache-2.0

import Codecs
public import Dataflow
import Records

/// The rules of a judge: what it scores, on which scale, and what becomes of several opinions.
public struct JudgeRules: Sendable {
    /// The way in which the scores of several samples become one.
    public enum Combination: String, Choice {
        /// Their arithmetic mean.
        case mean
        /// The score that most of them give; of several such scores, the lowest.
        case majority
    }

    /// The names of what is scored, in order.
    public let criteria: [String]
    /// The scale, both ends included.
    public let scale: ClosedRange<Int>
    /// The way in which several scores become one.
    public let combination: Combination
    /// The least score that passes, of each criterion; `nil`: whatever it is, the record passes.
    public let threshold: Double?

    static let criteriaMax = 16

    /// Checks the rules.
    /// - Throws: `ConfigurationError`, about a field of `JudgeStep`.
    public init(
        criteria: [String], lowest: Int, highest: Int, combination: Combination, threshold: Double?
    ) throws(ConfigurationError) {
        guard (1...Self.criteriaMax).contains(criteria.count) else {
            throw ConfigurationError(
                "1 to \(Self.criteriaMax) names are wanted, not \(criteria.count)", field: "criteria")
        }
        for name in criteria {
            let isName = !name.isEmpty && name.utf8.count <= 40 && name.utf8.allSatisfy(Self.isOfName)
            guard isName else {
                throw ConfigurationError(
                    "`\(name)` is no name of a criterion: small letters, digits, `-` and `_`, up to 40 of them",
                    field: "criteria")
            }
        }
        if let twice = criteria.first(where: { name in criteria.count { $0 == name } > 1 }) {
            throw ConfigurationError("`\(twice)` is there twice", field: "criteria")
        }
        guard lowest < highest, highest - lowest <= 100 else {
            throw ConfigurationError("it must be above `lowest` (\(lowest)), by 100 at most", field: "highest")
        }
        if let threshold, !(Double(lowest)...Double(highest)).contains(threshold) {
            throw ConfigurationError("\(threshold) is not on the scale of \(lowest) to \(highest)", field: "threshold")
        }
        self.criteria = criteria
        self.scale = lowest...highest
        self.combination = combination
        self.threshold = threshold
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// The JSON schema of a judgement: `{"reason":"…","scores":{"clear":4}}`. The reason comes first, so that the
    /// scores follow from it. Scores are an `enum`, which all servers enforce, where bounds of numbers are left out by
    /// some.
    public var schema: String {
        let choices = self.scale.map(String.init).joined(separator: ",")
        let scores = self.criteria.map { "\"\($0)\":{\"type\":\"integer\",\"enum\":[\(choices)]}" }
            .joined(separator: ",")
        let names = self.criteria.map { "\"\($0)\"" }.joined(separator: ",")
        return """
            {"type":"object","properties":{"reason":{"type":"string"},"scores":{"type":"object","properties":{\(scores)},\
            "required":[\(names)],"additionalProperties":false}},"required":["reason","scores"],\
            "additionalProperties":false}
            """
    }

    /// The scores of a judgement that fits the schema.
    func scores(of judgement: JSONValue) -> [String: Int] {
        var scores: [String: Int] = [:]
        for name in self.criteria { scores[name] = judgement["scores"]?[name]?.int }
        return scores
    }

    /// Makes one of several opinions; each has a score of every criterion.
    func combine(_ opinions: [[String: Int]]) -> JudgeScores {
        var combined = JudgeScores()
        for name in self.criteria {
            let scores = opinions.compactMap { $0[name] }
            guard !scores.isEmpty else { continue }
            switch self.combination {
            case .mean: combined.values[name] = Double(scores.reduce(0, +)) / Double(scores.count)
            case .majority:
                let votes = Dictionary(grouping: scores) { $0 }.mapValues(\.count)
                let winner = votes.max { ($0.value, -$0.key) < ($1.value, -$1.key) }?.key
                combined.values[name] = winner.map(Double.init)
            }
        }
        return combined
    }

    /// The criteria whose score does not pass, in their order.
    func failing(_ scores: JudgeScores) -> [String] {
        guard let threshold else { return [] }
        return self.criteria.filter { scores.values[$0].map { $0 < threshold } ?? true }
    }
}
