// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import Threads

@Suite struct ThreadTests {
    @Test func aTeamDoesEachPartOnceAndWaitsForAll() throws {
        let team = try ThreadTeam(count: 5)
        for width in [0, 1, 2, 5, 9, 3, 5] {
            for _ in 0..<200 {
                let parts = Mutex([Int](repeating: 0, count: 5))
                team.run(width) { part in parts.withLock { $0[part] += 1 } }
                #expect(parts.withLock { $0 } == (0..<5).map { $0 < width ? 1 : 0 })
            }
        }
    }

    @Test func aTeamRunsSideBySide() throws {
        let team = try ThreadTeam(count: 3)
        // Each waits for the others: one after the other would never end.
        let present = Atomic(0)
        team.run(3) { _ in
            present.add(1, ordering: .sequentiallyConsistent)
            while present.load(ordering: .sequentiallyConsistent) < 3 { usleep(100) }
        }
        let met = present.load(ordering: .sequentiallyConsistent)
        #expect(met == 3)
    }

    @Test func aThreadThatEndedIsJoined() throws {
        let done = Atomic(false)
        let worker = try WorkerThread {
            done.store(true, ordering: .sequentiallyConsistent)
        }
        worker.join()
        let hasRun = done.load(ordering: .sequentiallyConsistent)
        #expect(hasRun)
        try ThreadProbe.require(8)
    }

    /// More stacks than an address space has room for: the system refuses, whoever runs the test.
    @Test func threadsThatCannotBeStartedAreAnError() {
        let error = #expect(throws: ThreadError.self) { try ThreadProbe.require(1 << 25, stackSize: 1 << 44) }
        #expect(
            error?.message.contains("of the 33554432 threads") == true && error?.message.contains("ulimit -u") == true)
        let few = #expect(throws: ThreadError.self) { try ThreadTeam(count: 1 << 25, stackSize: 1 << 44) }
        #expect(few?.message.contains("--threads") == true)
    }
}
