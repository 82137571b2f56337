// SPDX-License-Identifier: Apache-2.0

import CRdKafka
import Foundation
import RecordLog
import Records
import Testing

@testable import KafkaLog

/// Brokers that are slow, vanish and come back, and coordinators and leaders that move, during work.
@Suite(.serialized) struct MockOutage {
    private typealias World = MockWriter.World

    /// Does things to a cluster on a thread of its own until the test ends.
    ///
    /// `@unchecked Sendable`: librdkafka's mock cluster takes its calls from any thread, and the body is all it holds.
    private final class Meanwhile: @unchecked Sendable {
        private let ended = DispatchSemaphore(value: 0)
        private let stopped = DispatchSemaphore(value: 0)
        private let body: (Int) throws -> Void

        /// Repeats a body each so many milliseconds, telling it how often it has run.
        init(each milliseconds: Int, times: Int = .max, _ body: @escaping (Int) throws -> Void) {
            self.body = body
            let thread = Thread { [self] in
                for round in 0..<times {
                    guard self.ended.wait(timeout: .now() + .milliseconds(milliseconds)) == .timedOut else { break }
                    try? self.body(round)
                }
                self.stopped.signal()
            }
            thread.start()
        }

        func stop() {
            self.ended.signal()
            self.stopped.wait()
        }
    }

    @Test func slowBrokersSlowACommitAndNoMore() throws {
        let world = try World()
        try world.cluster.slow(milliseconds: 250)
        let clock = ContinuousClock()
        let taken = try clock.measure { try world.commit(2) }
        #expect(taken > .milliseconds(500), "at least a produce and an end, one after the other")
        #expect(taken < .seconds(8))
        try world.cluster.slow(milliseconds: 0)
        try world.commit(3)
        #expect(try world.numbers() == [1, 2, 3])
    }

    @Test func commitsGoOnWhenTheBrokersAreBack() throws {
        let world = try World(["reconnect.backoff.max.ms": "500"])
        for number in 2...6 as ClosedRange<UInt8> {
            try world.cluster.down()
            let meanwhile = Meanwhile(each: 200, times: 1) { _ in try world.cluster.up() }
            defer { meanwhile.stop() }
            try world.commit(number)
        }
        #expect(try world.numbers() == [1, 2, 3, 4, 5, 6], "each once and in order")
    }

    @Test func commitsGoOnWhereTheirCoordinatorMoves() throws {
        let world = try World()
        let meanwhile = Meanwhile(each: 150) { round in
            try world.cluster.coordinate("transaction", "w", by: round % 3 + 1)
        }
        defer { meanwhile.stop() }
        for number in 2...9 as ClosedRange<UInt8> { try world.commit(number) }
        #expect(try world.numbers() == [1, 2, 3, 4, 5, 6, 7, 8, 9])
    }

    @Test func commitsGoOnWhereTheirLeaderMoves() throws {
        let world = try World()
        let meanwhile = Meanwhile(each: 100) { round in
            try world.cluster.lead("millrace-state.w", by: round % 3 + 1)
        }
        defer { meanwhile.stop() }
        for number in 2...9 as ClosedRange<UInt8> { try world.commit(number) }
        #expect(try world.numbers() == [1, 2, 3, 4, 5, 6, 7, 8, 9])
    }

    /// The coordinator has the request to end the transaction, and goes before it answers: the request is sent again.
    @Test func anAnswerThatIsLostIsAskedForAgain() throws {
        let world = try World(["reconnect.backoff.max.ms": "500"])
        try world.cluster.coordinate("transaction", "w", by: 2)
        try world.commit(2)
        try world.cluster.delay(.endTxn, of: 2, milliseconds: 2000, error: RD_KAFKA_RESP_ERR_NO_ERROR)
        let meanwhile = Meanwhile(each: 300, times: 2) { round in
            if round == 0 { try world.cluster.down(2) } else { try world.cluster.up(2) }
        }
        defer { meanwhile.stop() }
        try world.commit(3)
        try world.commit(4)
        #expect(try world.numbers() == [1, 2, 3, 4])
    }

    @Test func aReaderGoesOnWhereItStopped() throws {
        let world = try World(["reconnect.backoff.max.ms": "500"])
        for number in 2...50 as ClosedRange<UInt8> { try world.commit(number) }
        let partition = TopicPartition("millrace-state.w", 0)
        let reader = try world.log.makeReader(of: partition, from: 0)
        var offsets: [Offset] = []
        var longest = Duration.zero
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(12)
        let meanwhile = Meanwhile(each: 150, times: 8) { round in
            switch round % 4 {
            case 0: try world.cluster.lead(partition.topic, by: round % 3 + 1)
            case 1: try world.cluster.down()
            case 2: try world.cluster.up()
            default: try world.cluster.slow(milliseconds: round > 6 ? 0 : 60)
            }
        }
        // A marker comes with each state, and one with the writer itself.
        let end = 101 as Offset
        while offsets.last.map({ $0 + 1 }) != end, clock.now < deadline {
            longest = try max(
                longest, clock.measure { offsets += try reader.readArrived(recordsMax: 3, bytesMax: 1 << 20).offsets })
            Thread.sleep(forTimeInterval: 0.02)
        }
        meanwhile.stop()
        #expect(offsets == Array(0..<end), "every record once, in order")
        #expect(longest < .seconds(3), "a read that does not wait took \(longest)")
    }

    @Test func brokersThatAreAwayAreSaidSoInTime() throws {
        let cluster = try MockCluster()
        try cluster.down()
        let log = try KafkaLog(brokers: cluster.address)
        defer { log.close() }
        let clock = ContinuousClock()
        let taken = clock.measure {
            let error = #expect(throws: LogError.self) { try log.connect(timeoutMilliseconds: 1500) }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("cannot reach Kafka at \(cluster.address)") == true)
        }
        #expect(taken < .seconds(4))
        try cluster.up()
        try log.connect()
    }
}
