// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Testing

@Suite struct FuzzingTests {
    private static let mutator = Mutator(
        seeds: [Array(#"{"a":1}"#.utf8), Array("[\"b\",2]\n".utf8)], tokens: .json, bytesMax: 1000)

    @Test func aCaseIsMadeAgainFromItsSeedAndNumber() {
        let inputs = (0..<500).map { Self.mutator.input(seed: 7, case: $0) }
        #expect(inputs == (0..<500).map { Self.mutator.input(seed: 7, case: $0) })
        #expect(inputs != (0..<500).map { Self.mutator.input(seed: 8, case: $0) })
        #expect(inputs[0] == Array(#"{"a":1}"#.utf8), "the seeds come first")
        #expect(Set(inputs).count > 450)
        #expect(inputs.allSatisfy { $0.count <= 1000 })
    }

    @Test func aLoopEnds() {
        var count = 0
        for input in Fuzz("loop", seeds: ["a"], tokens: .text, seconds: 0.01) {
            count += 1
            #expect(input.bytes.count <= 64 << 10)
        }
        #expect(count > 0)
    }
}
