// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Records

extension ConformanceWorld {
    /// Compares what a search by time finds with what the records themselves say.
    func checkSearch(_ log: any RecordLog, _ name: TopicPartition, _ what: String) throws {
        let all = try self.readAll(log, name.topic, name.partition)
        let end = try log.offsets(of: name).upperBound
        for time in Set(all.flatMap { [$0.time - 1, $0.time, $0.time + 1] }).sorted() {
            let found = try log.offset(of: name, notBefore: time)
            let expected = all.first { $0.time >= time }?.offset ?? end
            // An offset that no record has leads to the same record.
            let reached = all.first { $0.offset >= found }?.offset ?? end
            try expectEqual(reached, expected, "\(what), the first offset not before \(time)")
            try expect(found <= expected, "\(what), offset \(found) skips \(expected)")
        }
        let late = try log.offset(of: name, notBefore: (all.last?.time ?? 0) + 1000)
        try expectEqual(late, end, "\(what), after all")
    }
}

extension ConformanceCase {
    static let time: [ConformanceCase] = [
        ConformanceCase("records carry the time of their append") { world in
            let (log, topic) = try world.open(topic: "stamped")
            let writer = try log.makeWriter(id: world.harness.name("stamped"))
            let before = world.harness.now()
            for index in 0..<5 {
                try world.write(numbered(index..<index + 1), to: topic, by: writer)
                world.harness.elapse(milliseconds: 20)
            }
            let after = world.harness.now()
            let times = try world.readAll(log, topic).map(\.time)
            try expectEqual(times, times.sorted(), "the order of times")
            if world.harness.features.contains(.controlledClock) {
                try expectEqual(times, (0..<5).map { before + $0 * 20 }, "the times")
            } else {
                // Another machine's clock may differ a little.
                try expect(
                    times.allSatisfy { $0 >= before - 5000 && $0 <= after + 5000 },
                    "\(times), not \(before) to \(after)")
            }
        },
        ConformanceCase("an offset is found by time") { world in
            let (log, topic) = try world.open(topic: "searched")
            let name = TopicPartition(topic, 0)
            let empty = try log.offsets(of: name)
            try expectEqual(try log.offset(of: name, notBefore: 0), empty.upperBound, "a search in nothing")
            let writer = try log.makeWriter(id: world.harness.name("searched"))
            for index in 0..<12 {
                try world.write(numbered(index * 3..<index * 3 + 3), to: topic, by: writer)
                if index % 3 == 0 { world.harness.elapse(milliseconds: 30) }
            }
            try world.checkSearch(log, name, "in all")
            let all = try world.readAll(log, topic, count: 36)
            try log.deleteRecords(of: name, before: all[7].offset)
            try world.checkSearch(log, name, "after a deletion")
        },
        ConformanceCase("retention by time", needs: [.retentionOnDemand, .controlledClock]) { world in
            let (log, topic) = try world.open(topic: "aging", retention: .init(seconds: 60))
            let name = TopicPartition(topic, 0)
            let writer = try log.makeWriter(id: world.harness.name("aging"))
            for index in 0..<6 {
                try world.write(numbered(index * 10..<index * 10 + 10), to: topic, by: writer)
                world.harness.elapse(milliseconds: 20_000)
            }
            let all = try world.readAll(log, topic, count: 60)
            try expectEqual(all.count, 60, "records before retention is enforced")
            let group = world.harness.name("aging")
            try log.resetOffset(group: group, partition: name, to: CommittedOffset(all[5].offset))
            try log.enforceRetention()
            // Written 120, 100, 80, 60, 40 and 20 seconds ago.
            let kept = try world.readAll(log, topic)
            try expectEqual(kept.map(\.record), numbered(40..<60), "what is younger than a minute")
            let range = try log.offsets(of: name)
            let error = try expectError("a read of what has been removed", .offsetOutOfRange(range)) {
                _ = try log.makeReader(of: name, from: all[5].offset).read(recordsMax: 1, bytesMax: 1)
            }
            try expect(error.message.contains(topic), "the error does not name the topic: \(error.message)")
            try expectEqual(
                try log.committedOffset(group: group, partition: name)?.offset, all[5].offset,
                "a committed offset that retention has passed")
            world.harness.elapse(milliseconds: 60_000)
            try log.enforceRetention()
            try expectEqual(try world.readAll(log, topic).count, 0, "records when all are old")
            try world.write(numbered(60..<61), to: topic, by: writer)
            try expectEqual(try world.values(log, topic), ["value 60"], "what came after all were removed")
        },
        ConformanceCase("retention by size", needs: [.retentionOnDemand]) { world in
            let (log, topic) = try world.open(topic: "growing", partitions: 2, retention: .init(bytes: 100_000))
            let name = TopicPartition(topic, 0)
            let writer = try log.makeWriter(id: world.harness.name("growing"))
            let records = (0..<50).map { Record(key: nil, value: noise(10_000, seed: UInt64($0) + 1)) }
            try world.writeEach(records, to: topic, by: writer)
            try world.write(Array(records[..<5]), to: topic, partition: 1, by: writer)
            let all = try world.readAll(log, topic, count: 50)
            try log.enforceRetention()
            let kept = try world.readAll(log, topic)
            try expect(
                (1...20).contains(kept.count), "\(kept.count) records of 10 kB are left of 50, with 100 kB to keep")
            try expect(kept.map(\.record) == Array(records[(50 - kept.count)...]), "the oldest did not go first")
            try expectEqual(kept.map(\.offset), all.suffix(kept.count).map(\.offset), "the offsets that are left")
            try expectEqual(try world.readAll(log, topic, 1).count, 5, "records of a partition within its limit")
            try expectError("a read of what has been removed", .offsetOutOfRange(try log.offsets(of: name))) {
                _ = try log.makeReader(of: name, from: all[0].offset).read(recordsMax: 1, bytesMax: 1)
            }
            try world.write([Record(key: nil, value: noise(500_000, seed: 99))], to: topic, by: writer)
            try log.enforceRetention()
            try expectEqual(try world.readAll(log, topic).count, 1, "the newest record, larger than the limit")
        },
        ConformanceCase("a topic without retention keeps all", needs: [.retentionOnDemand, .controlledClock]) { world in
            let (log, topic) = try world.open(topic: "forever")
            let writer = try log.makeWriter(id: world.harness.name("forever"))
            try world.write(numbered(0..<10), to: topic, by: writer)
            world.harness.elapse(milliseconds: 1_000_000_000)
            try log.enforceRetention()
            try expectEqual(try world.readAll(log, topic).count, 10, "records")
        },
        ConformanceCase("waiting for an append ends with it, or with the time") { world in
            let (log, topic) = try world.open(topic: "awaited")
            let other = try world.open()
            let writer = try other.makeWriter(id: world.harness.name("awaited"))
            let name = TopicPartition(topic, 0)
            let reader = try log.makeReader(of: name, from: try log.offsets(of: name).upperBound)
            for index in 0..<3 {
                try world.write(numbered(index..<index + 1), to: topic, by: writer)
                var found = try reader.read(recordsMax: 10, bytesMax: 1000)
                let patience = world.patience()
                while found.isEmpty, patience.isLeft {
                    log.awaitAppend(timeoutMilliseconds: 50)
                    found = try reader.read(recordsMax: 10, bytesMax: 1000)
                }
                try expectEqual(found.count, 1, "records found by waiting")
            }
            // Must return, whatever it has to tell.
            for _ in 0..<5 { log.awaitAppend(timeoutMilliseconds: 5) }
        },
    ]
}
