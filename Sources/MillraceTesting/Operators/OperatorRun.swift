// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records

/// A step at work, with the state that its task would keep.
struct OperatorRun {
    /// All that a step has made of some records.
    struct Result: Equatable {
        var output: [Record] = []
        var letters: [Letter] = []
        var counts: [String: Int] = [:]

        mutating func add(_ other: Result) {
            self.output += other.output
            self.letters += other.letters
            self.counts.merge(other.counts, uniquingKeysWith: +)
        }
    }

    private let chain: Chain
    private(set) var result = Result()
    /// The state as it was committed last.
    private(set) var store: [Bytes: Bytes]

    /// Begins with the state that was committed last.
    init(_ trial: OperatorTrial, store: [Bytes: Bytes] = [:]) throws {
        let overload = trial.step.overload
        self.chain = try Chain([trial.step], input: overload.input, output: overload.output, trial.context)
        self.store = store
        if !store.isEmpty {
            try self.chain.restore(
                store.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
                    StateEntry(key: $0.key, value: $0.value)
                })
        }
    }

    /// Takes records as one batch.
    mutating func take(_ records: some Collection<Record>, from offset: Int) async throws {
        var batch = FetchedBatch(partition: TopicPartition("trial", 0), nextOffset: Offset(offset))
        for (index, record) in records.enumerated() {
            batch.append(record, offset: Offset(offset + index), timestamp: 0)
        }
        for index in 0..<batch.count {
            guard self.chain.isAsynchronous else {
                self.chain.process(batch, at: index)
                continue
            }
            var pending = self.chain.begin(batch, at: index)
            for number in 0..<pending.requestCount where !pending.answerAtOnce(number, until: nil) {
                let work = pending.takeWork(number)
                pending.take(try await work(), for: number)
            }
            self.chain.finish(pending)
        }
        let output = self.chain.takeOutput()
        let notes = self.chain.takeNotes()
        self.result.add(
            Result(output: (0..<output.count).map { output[$0] }, letters: notes.letters, counts: notes.counts))
    }

    /// Commits the state.
    /// - Returns: the number of changes.
    @discardableResult
    mutating func commit() -> Int {
        let changes = self.chain.stateChanges()
        for change in changes { self.store[change.key] = change.value }
        return changes.count
    }

    /// The number of things that have begun and not ended.
    var openCount: Int { self.chain.openCounts.values.reduce(0, +) }

    var storeBytes: Int { self.store.reduce(0) { $0 + $1.key.count + $1.value.count } }
}
