// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import NeuralNetworks
import Testing

@Suite struct EditScoresTests {
    @Test func lengthsMayDiffer() {
        #expect(EditDistance.between([1, 2, 3], []) == 3)
        #expect(EditDistance.between([], [1, 2]) == 2)
        #expect(EditDistance.between([Int](), []) == 0)
        #expect(EditDistance.between([1, 2, 3, 4], [2, 3, 4]) == 1)
        #expect(EditDistance.prefixes([1, 2, 3], [1, 3]) == [0, 1])
    }

    @Test func partsAddUp() {
        let truth = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
        let candidates = [[[1, 2, 4], [3, 2, 1]], [[4, 4, 4], [6, 5, 4]], [[9, 9, 9], [7, 8, 9]]]
        var whole = EditScores(steps: 3), sum = EditScores(steps: 3)
        for (candidates, truth) in zip(candidates, truth) {
            whole.add(candidates, truth: truth)
            var part = EditScores(steps: 3)
            part.add(candidates, truth: truth)
            sum.add(part)
        }
        #expect(whole == sum)
        #expect(whole.windows == 3)
    }

    @Test func noCandidateMissesAll() {
        var scores = EditScores(steps: 4)
        #expect(scores.distance == nil && scores.area == nil)
        scores.add([], truth: [1, 2, 3, 4])
        #expect(scores.distances == [1, 1, 1, 1])
        #expect(scores.area == 1)
    }

    @Test func prefixesAreWhatEachWouldBeAlone() {
        var generator = PhiloxGenerator(seed: 7, stream: "prefixes")
        for length in (1...12).flatMap({ Array(repeating: $0, count: 40) }) {
            let left = (0..<length).map { _ in Int(generator.next() % 4) }
            let right = (0..<length).map { _ in Int(generator.next() % 4) }
            let prefixes = EditDistance.prefixes(left, right)
            for steps in 1...length {
                #expect(prefixes[steps - 1] == Self.slow(left.prefix(steps), right.prefix(steps)), "\(left) \(right)")
            }
        }
    }

    /// The definition, without a table: what is done to the last of each.
    private static func slow(_ left: ArraySlice<Int>, _ right: ArraySlice<Int>) -> Int {
        var known: [[Int]: Int] = [:]
        func distance(_ left: ArraySlice<Int>, _ right: ArraySlice<Int>) -> Int {
            guard let last = left.last, let other = right.last else { return max(left.count, right.count) }
            if let value = known[[left.count, right.count]] { return value }
            let value =
                last == other
                ? distance(left.dropLast(), right.dropLast())
                : 1
                    + min(
                        distance(left.dropLast(), right), distance(left, right.dropLast()),
                        distance(left.dropLast(), right.dropLast()))
            known[[left.count, right.count]] = value
            return value
        }
        return distance(left, right)
    }
}
