// SPDX-License-Identifier: Apache-2.0

import Foundation
import NeuralNetworks

/// Makes candidates of a window's logits. They follow from the seed and the window's key, and from nothing else: not
/// from the batch that the window came in, nor from what was drawn before.
public enum ForecastDraw {
    /// Draws candidates: of one, the most likely label of each step; of more, each step's verb and noun by their
    /// probabilities, independently of each other and of other steps.
    public static func candidates(_ count: Int, of logits: ForecastLogits, key: String, seed: UInt64) -> [[Action]] {
        if count == 1 {
            return [zip(logits.verbs, logits.nouns).map { Action(verb: self.best($0), noun: self.best($1)) }]
        }
        let verbs = logits.verbs.map(self.sums), nouns = logits.nouns.map(self.sums)
        var generator = PhiloxGenerator(seed: seed, stream: "forecast/" + key)
        return (0..<count).map { _ in
            zip(verbs, nouns).map { verb, noun in
                let first = self.draw(verb, &generator)
                return Action(verb: first, noun: self.draw(noun, &generator))
            }
        }
    }

    /// The place of the highest number, the first of equals.
    static func best(_ row: [Float]) -> Int {
        row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 }
    }

    /// The probabilities, each added to those before.
    private static func sums(_ row: [Float]) -> [Double] {
        let highest = row.max() ?? 0
        var sum = 0.0
        return row.map { logit in
            sum += exp(Double(logit - highest))
            return sum
        }
    }

    /// Draws a place by sums of weights, of which the last is above zero.
    static func draw(_ sums: [Double], _ generator: inout PhiloxGenerator) -> Int {
        let unit = Double(generator.next() >> 11) * 0x1p-53
        let wanted = unit * (sums.last ?? 0)
        // The first sum above it.
        var low = 0, high = sums.count - 1
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > wanted { high = middle } else { low = middle + 1 }
        }
        return max(low, 0)
    }
}
