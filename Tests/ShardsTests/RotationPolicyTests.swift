// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records
import Shards
import Testing

@Suite("RotationPolicy") struct RotationPolicyTests {
    /// The rule in other words: the first limit reached, in the order samples, bytes, seconds.
    private func expected(_ limits: RotationLimits, samples: Int, bytes: Int, age: Timestamp) -> RotationReason? {
        if samples == 0 { return nil }
        if samples >= limits.samples { return .samples }
        if bytes >= limits.uncompressedBytes { return .bytes }
        if let seconds = limits.seconds, age >= Timestamp(seconds * 1000) { return .seconds }
        return nil
    }

    @Test func `every combination of limits and contents`() {
        for (samplesMax, bytesMax) in [(1, 10), (3, 10), (3, 20), (1, 1)] {
            for seconds in [nil, 0, 1.5, 2] as [Double?] {
                let limits = RotationLimits(samples: samplesMax, uncompressedBytes: bytesMax, seconds: seconds)
                for samples in 0...5 {
                    for size in [1, 5, 10, 19, 20] {
                        for age: Timestamp in [0, 1, 1499, 1500, 1999, 2000, 9999] {
                            var policy = RotationPolicy(limits: limits)
                            policy.added(samples: samples, uncompressedBytes: samples * size)
                            let first = policy.due(now: 5000)
                            #expect(first == self.expected(limits, samples: samples, bytes: samples * size, age: 0))
                            let later = policy.due(now: 5000 + age)
                            #expect(later == self.expected(limits, samples: samples, bytes: samples * size, age: age))
                        }
                    }
                }
            }
        }
    }

    @Test func `time counts from the first sample, not from the last shard`() {
        var policy = RotationPolicy(limits: RotationLimits(seconds: 10))
        #expect(policy.due(now: 0) == nil)
        #expect(policy.deadline == nil)
        #expect(policy.due(now: 100_000) == nil)
        policy.added(samples: 1, uncompressedBytes: 1)
        #expect(policy.due(now: 100_000) == nil)
        #expect(policy.deadline == 110_000)
        policy.added(samples: 1, uncompressedBytes: 1)
        #expect(policy.due(now: 109_999) == nil)
        #expect(policy.due(now: 110_000) == .seconds)
        policy.closed()
        #expect(policy.samples == 0)
        #expect(policy.deadline == nil)
        policy.added(samples: 1, uncompressedBytes: 1)
        #expect(policy.due(now: 110_001) == nil)
    }

    @Test func `a clock set back does not hold a shard open`() {
        var policy = RotationPolicy(limits: RotationLimits(seconds: 10))
        policy.added(samples: 1, uncompressedBytes: 1)
        #expect(policy.due(now: 1_000_000) == nil)
        #expect(policy.due(now: 0) == nil)
        #expect(policy.deadline == 10_000)
        #expect(policy.due(now: 10_000) == .seconds)
    }

    @Test func `limits that could never be kept are named`() {
        #expect(RotationLimits().problem == nil)
        #expect(RotationLimits(seconds: nil).problem == nil)
        #expect(RotationLimits(samples: 0).problem != nil)
        #expect(RotationLimits(uncompressedBytes: 0).problem != nil)
        for seconds in [-1, .nan, .infinity, 1e300] { #expect(RotationLimits(seconds: seconds).problem != nil) }
    }
}
