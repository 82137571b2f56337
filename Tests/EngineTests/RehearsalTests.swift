// SPDX-License-Identifier: Apache-2.0

import Dataflow
import RecordLog
import RecordLogTesting
import Records
import Testing
import Topologies

@testable import Engine

/// The forecast of a run, compared with the run itself.
@Suite struct RehearsalTests {
    private func rehearse(_ topology: Topology, _ world: EngineWorld, _ change: (inout RunOptions) -> Void = { _ in })
        throws -> [Rehearsal.Outlook]
    {
        var options = RunOptions()
        change(&options)
        return try Rehearsal(topology, log: world.log(), options: options, services: [:]).run()
    }

    /// The number of records that each stage has taken, as committed.
    private func taken(_ topology: Topology, _ world: EngineWorld) throws -> [Int] {
        let outcome = try world.outcome(topology)
        return topology.stages.map { outcome.recordsIn[$0.name] ?? 0 }
    }

    @Test("before the first run and between two, each stage's records are known, and nothing is written or fenced")
    func exact() async throws {
        let world = EngineWorld()
        let log = world.log()
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4)
        try world.fill(records: 300, log: log)
        let writer = try log.makeWriter(id: "numbers.first.0")
        let topics = try log.topics()
        let first = try self.rehearse(topology, world)
        #expect(try log.topics() == topics, "nothing is created")
        #expect(try log.groups().isEmpty)
        // A later writer with this id would have fenced it.
        try writer.commit(Transaction())
        #expect(first.allSatisfy { $0.isExact && $0.unanswered == 0 && $0.done.recordsIn == 0 })
        try await EngineWorld.runToEnd(world.engine(topology))
        let after = try self.taken(topology, world)
        #expect(first.map(\.waiting) == after)

        // The tallies go on from their state: without it other records would come.
        let more = (0..<90).map {
            Record(key: "key-\($0 % 7)", value: "{\"value\":\($0 % 23 + 1)}", headers: Number.headers)
        }
        try world.append(more, to: "input", log: log)
        let second = try self.rehearse(topology, world)
        #expect(second.map(\.done.recordsIn) == after)
        try await EngineWorld.runToEnd(world.engine(topology))
        #expect(try zip(self.taken(topology, world), after).map(-) == second.map(\.waiting))
        #expect(try self.rehearse(topology, world).allSatisfy { $0.waiting == 0 })
    }

    @Test("behind a stage whose answers are still to come the records are those that are known")
    func range() async throws {
        let world = EngineWorld()
        let topology = try numbersTopology(samples: 7, seconds: 0, commitRecords: 4, slow: true)
        try world.fill(records: 300)
        let outlooks = try self.rehearse(topology, world)
        #expect(outlooks.map(\.isExact) == [true, true, false])
        #expect((1..<outlooks[1].waiting).contains(outlooks[1].unanswered))
        try await EngineWorld.runToEnd(world.engine(topology))
        let taken = try self.taken(topology, world)
        #expect(outlooks[0].waiting == taken[0] && outlooks[1].waiting == taken[1])
        #expect(outlooks[2].waiting < taken[2])
    }

    @Test("what a run is refused or stopped by, its rehearsal is too, with the same words")
    func refusals() async throws {
        let world = EngineWorld()
        func both(_ topology: Topology) async throws -> [String] {
            var messages: [String] = []
            let rehearsed = #expect(throws: EngineError.self) { try self.rehearse(topology, world) }
            messages.append(try #require(rehearsed).message)
            do {
                try await EngineWorld.runToEnd(world.engine(topology))
            } catch let error as EngineError {
                #expect(error.code == rehearsed?.code)
                messages.append(error.message)
            }
            return messages
        }
        let missing = try await both(simpleTopology("ask"))
        #expect(missing.first?.contains("does not exist") == true && Set(missing).count == 1 && missing.count == 2)
        try world.fill("input", with: Array(repeating: 17, count: 150))
        let dead = try await both(simpleTopology("tally"))
        #expect(dead.first?.contains("100 records in a row") == true && Set(dead).count == 1 && dead.count == 2)
        try await EngineWorld.runToEnd(world.engine(try simpleTopology("ask")))
        let changed = try await both(simpleTopology("{ ask: { slow: true } }"))
        #expect(changed.first?.contains("has changed") == true && Set(changed).count == 1 && changed.count == 2)
    }
}
