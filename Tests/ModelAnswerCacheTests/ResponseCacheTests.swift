// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dispatch
import Foundation
import ModelAnswerCache
import Records
import Synchronization
import Testing

/// The cache's purpose: answers are stored once and come back as they were.
@Suite struct StoringAnswers {
    private let folder: TemporaryFolder

    init() throws { self.folder = try TemporaryFolder() }

    @Test func anAnswerComesBackAsItWas() throws {
        let cache = try self.folder.open()
        let answers: [Bytes] = [
            [], [0], Bytes("{}".utf8), Bytes(0...255), Bytes(repeating: 7, count: 3_000_000),
            (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 5) },
        ]
        for (number, answer) in answers.enumerated() {
            var given = try entry(number)
            given.answer = answer
            if number == 1 { given.request = nil }
            #expect(try cache.lookup(given.key) == nil)
            #expect(try !cache.contains(given.key))
            #expect(try cache.insert(given) == CacheInsertion(entry: given, wasStored: true))
            #expect(try cache.lookup(given.key) == given.withoutRequest)
            #expect(try cache.entry(given.key) == given)
            #expect(try cache.contains(given.key))
        }
        #expect(cache.counters.hits == 6 && cache.counters.misses == 6 && cache.counters.stored == 6)
        cache.close()
        let again = try self.folder.open()
        for (number, answer) in answers.enumerated() {
            #expect(try again.lookup(entry(number).key)?.answer == answer)
            #expect(try again.entry(entry(number).key)?.request == (number == 1 ? nil : request(number)))
        }
        #expect(try again.verify().isSound)
    }

    @Test func theFirstAnswerWins() throws {
        let cache = try self.folder.open()
        let first = try entry(1, answer: "first", model: "one")
        var second = try entry(1, answer: "second", model: "two")
        second.storedAt += 1000
        #expect(try cache.insert(first).wasStored)
        #expect(try cache.insert(second) == CacheInsertion(entry: first.withoutRequest, wasStored: false))
        #expect(try cache.lookup(first.key) == first.withoutRequest)
        #expect(cache.counters.stored == 1 && cache.counters.beaten == 1)
        // In one call, too.
        let batch = try cache.insert([try entry(2, answer: "a"), try entry(2, answer: "b"), try entry(3)])
        #expect(batch.map(\.wasStored) == [true, false, true])
        #expect(batch.map { String(decoding: $0.entry.answer, as: UTF8.self) }.prefix(2) == ["a", "a"])
    }

    @Test func whatCannotBeStoredIsRefused() throws {
        let cache = try self.folder.open()
        var wrong = try entry(1)
        wrong.request = request(2)
        let error = try cacheError { _ = try cache.insert([try entry(5), wrong]) }
        #expect(error.code == .invalidArgument && error.message.contains(wrong.key.description))
        #expect(try cache.statistics().total.entries == 0)
    }

    @Test(arguments: ["", "abc", String(repeating: "g", count: 64), String(repeating: "a", count: 65), "é"])
    func whatIsNoKeyIsRefused(_ text: String) throws {
        #expect(try cacheError { _ = try CacheKey(text) }.code == .invalidArgument)
    }

    @Test func keysReadBack() throws {
        let text = ContentHash.sha256("anything")
        #expect(try CacheKey(text).description == text)
        #expect(try CacheKey(text.uppercased()) == CacheKey(text))
        #expect(try CacheKey(String(repeating: "0", count: 64)) < CacheKey(text))
        #expect(try CacheKey(ofRequest: Bytes("anything".utf8)) == CacheKey(text))
    }

    @Test func requestsThatAreAlikeTakeLittleRoom() throws {
        let cache = try self.folder.open()
        for number in 0..<200 {
            var given = try entry(number)
            given.answer = []
            _ = try cache.insert(given)
        }
        let total = try cache.statistics().total
        #expect(total.requestBytes > 200 * 2000)
        #expect(total.storedBytes < 200 * 100)
        // Another process begins with what it finds, and reads all of it.
        let other = try self.folder.open()
        _ = try other.insert(try entry(200))
        for number in 0...200 { #expect(try other.entry(entry(number).key)?.request == request(number)) }
    }

    @Test func storingIsAsynchronousToo() async throws {
        let cache = try self.folder.open()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<300 {
                group.addTask { try await cache.store(try entry(number % 100, answer: "\(number)")).wasStored }
            }
            var stored = 0
            for try await wasStored in group where wasStored { stored += 1 }
            #expect(stored == 100)
        }
    }

    @Test func aClosedCacheSaysSo() throws {
        let cache = try self.folder.open()
        cache.close()
        #expect(try cacheError { _ = try cache.lookup(try entry(1).key) }.code == .closed)
        #expect(try cacheError { _ = try cache.insert(try entry(1)) }.code == .closed)
        cache.close()
    }

    /// Two objects on one folder stand for two processes: they share the file and nothing else.
    @Test func oneWinnerPerKeyOverThreadsAndObjects() throws {
        let caches = [try self.folder.open(), try self.folder.open()]
        let threads = 8
        let keys = 60
        let outcomes = Mutex<[Int: [CacheInsertion]]>([:])
        let failures = Mutex<[any Error]>([])
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            do {
                for step in 0..<keys {
                    let number = (step + thread * 7) % keys
                    let insertion = try caches[thread % 2].insert(try entry(number, answer: "of thread \(thread)"))
                    outcomes.withLock { $0[number, default: []].append(insertion) }
                    // One of its own in between.
                    _ = try caches[thread % 2].insert(try entry(1000 + thread * keys + step))
                }
            } catch {
                failures.withLock { $0.append(error) }
            }
        }
        #expect(failures.withLock { $0 }.isEmpty)
        for (number, insertions) in outcomes.withLock({ $0 }) {
            #expect(insertions.count == threads)
            #expect(insertions.count { $0.wasStored } == 1)
            #expect(Set(insertions.map(\.entry.answer)).count == 1)
            for cache in caches { #expect(try cache.lookup(entry(number).key)?.answer == insertions[0].entry.answer) }
        }
        #expect(try caches[0].statistics().total.entries == keys + threads * keys)
        #expect(try caches[1].verify().isSound)
    }

    /// In a process of its own: what other tests hold is not counted.
    @Test func memoryDoesNotGrowWithTheEntries() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let cache = try folder.open()
            func fill(_ range: Range<Int>) throws {
                for start in stride(from: range.lowerBound, to: range.upperBound, by: 500) {
                    _ = try cache.insert(
                        try (start..<start + 500).map { number in
                            CacheEntry(
                                key: try CacheKey(ContentHash.sha256("\(number)")), model: "m",
                                storedAt: Timestamp(number),
                                answer: Bytes("the answer to \(number)".utf8))
                        })
                }
            }
            try fill(0..<10_000)
            let before = try residentBytes()
            try fill(10_000..<200_000)
            for number in stride(from: 0, to: 200_000, by: 97) {
                let found = try cache.lookup(CacheKey(ContentHash.sha256("\(number)")))
                #expect(found?.answer == Bytes("the answer to \(number)".utf8))
            }
            #expect(try cache.statistics().total.entries == 200_000)
            #expect(try residentBytes() - before < 48 << 20)
        }
    }
}
