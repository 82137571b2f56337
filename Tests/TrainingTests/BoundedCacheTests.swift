// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing
import Threads

@testable import Training

@Suite struct BoundedCacheTests {
    @Test func theOldestGoFirstAndTheNewestStays() {
        let made = Mutex<[Int]>([])
        let cache = BoundedCache<Int, [Int]>(bytesMax: 10) { $0.count }
        func value(_ key: Int, size: Int) -> [Int] {
            cache.value(key) {
                made.withLock { $0.append(key) }
                return Array(repeating: key, count: size)
            }
        }
        for key in [1, 2, 1, 3, 1] { #expect(value(key, size: 4).allSatisfy { $0 == key }) }
        #expect(made.withLock { $0 } == [1, 2, 3, 1], "1 went for 3 to come")
        _ = value(4, size: 50)
        _ = value(4, size: 50)
        _ = value(3, size: 4)
        #expect(made.withLock { $0 } == [1, 2, 3, 1, 4, 3], "4 alone is too large, and stays until the next comes")
        for key in 100..<1000 { _ = value(key, size: 4) }
        made.withLock { $0 = [] }
        for key in [998, 999] { _ = value(key, size: 4) }
        #expect(made.withLock { $0 }.isEmpty)
    }

    @Test func aFailureIsNotKept() throws {
        struct Failure: Error {}
        let cache = BoundedCache<Int, Int>(bytesMax: 10) { _ in 1 }
        #expect(throws: Failure.self) { try cache.value(1) { throw Failure() } }
        #expect(cache.value(1) { 7 } == 7 && cache.value(1) { 8 } == 7)
    }

    @Test func allGetTheValueThatWasStoredFirst() throws {
        let team = try ThreadTeam(count: 4)
        let cache = BoundedCache<Int, Int>(bytesMax: 1000) { _ in 1 }
        let number = Atomic(0)
        for key in 0..<200 {
            let seen = Mutex<Set<Int>>([])
            team.run(4) { _ in
                let value = cache.value(key) { number.add(1, ordering: .relaxed).newValue }
                seen.withLock { _ = $0.insert(value) }
            }
            #expect(seen.withLock { $0.count } == 1)
        }
    }
}
