// SPDX-License-Identifier: Apache-2.0

import ModelRequests

/// Several samples of one conversation, held side by side: each is a conversation of its own, with seeds of its own.
///
/// It ends with what all of them end with, in the order of the samples. The record fails only where all have failed;
/// where some have, they are counted as `sample-failed.REASON`.
public struct Sampled<Talk: Conversation>: Conversation {
    private var talks: [Talk]
    /// The sample that each open request is of, oldest first.
    private var owners: [Int] = []
    /// The number of open requests of each sample.
    private var open: [Int]
    private var isOver: [Bool]

    /// Begins as many conversations as the options say.
    /// - Parameters:
    ///   - record: the record's own name, from its content.
    ///   - stage: the stage that asks (`OperatorContext.stage`).
    ///   - make: makes a conversation; where there is only one, it is no sample, and asks as if nobody knew of samples.
    public init(_ options: ModelOptions, of record: String, in stage: String, _ make: (Sampling?) -> Talk) {
        let samplings: [Sampling?] =
            options.samples == 1
            ? [nil]
            : (1...options.samples).map { Sampling(record: record, stage: stage, ordinal: $0, base: options.seed) }
        self.init(samplings.map(make))
    }

    /// Holds one conversation, as it is.
    public init(_ talk: Talk) { self.init([talk]) }

    /// Holds conversations side by side.
    package init(_ talks: [Talk]) {
        self.talks = talks
        self.open = Array(repeating: 0, count: talks.count)
        self.isOver = Array(repeating: false, count: talks.count)
    }

    /// The samples' results, once all are over.
    public var outcomes: [Outcome<Talk.Output>] { self.talks.map { $0.outcome } }

    /// The sums over the samples that are not over.
    public var callsToCome: ClosedRange<Int> {
        let ranges = self.talks.indices.filter { !self.isOver[$0] }.map { self.talks[$0].callsToCome }
        return ranges.reduce(0) { $0 + $1.lowerBound }...ranges.reduce(0) { $0 + $1.upperBound }
    }

    /// The first requests of all samples, in their order.
    public mutating func begin() -> Turn {
        var requests: [ChatRequest] = []
        for index in self.talks.indices { requests += self.follow(self.talks[index].begin(), of: index) }
        return self.isOver.allSatisfy { $0 } ? .ends : .asks(requests)
    }

    /// Hands the reply to the sample that asked.
    public mutating func take(_ reply: Reply) -> Turn {
        let index = self.owners.removeFirst()
        self.open[index] -= 1
        // A sample that has ended hears no more.
        let requests = self.isOver[index] ? [] : self.follow(self.talks[index].take(reply), of: index)
        return self.isOver.allSatisfy { $0 } ? .ends : .asks(requests)
    }

    private mutating func follow(_ turn: Turn, of index: Int) -> [ChatRequest] {
        guard case .asks(let requests) = turn else {
            self.isOver[index] = true
            return []
        }
        self.owners += Array(repeating: index, count: requests.count)
        self.open[index] += requests.count
        if self.open[index] == 0 { self.isOver[index] = true }
        return requests
    }

    /// All that the samples end with.
    public var outcome: Outcome<Talk.Output> {
        if self.talks.count == 1 { return self.talks[0].outcome }
        var outcome = Outcome<Talk.Output>()
        let outcomes = self.outcomes
        outcome.outputs = outcomes.flatMap { $0.outputs }
        outcome.rejects = outcomes.flatMap { $0.rejects }
        if outcomes.allSatisfy({ $0.failure != nil }) { outcome.failure = outcomes.first?.failure }
        return outcome
    }

    /// The sums of the samples' counts, and the samples that failed where others did not.
    public var counts: [String: Int] {
        if self.talks.count == 1 { return self.talks[0].counts }
        var counts = self.talks.reduce(into: [:]) { $0.merge($1.counts, uniquingKeysWith: +) }
        let failures = self.talks.indices.filter { self.isOver[$0] }.compactMap { self.talks[$0].outcome.failure }
        if failures.count < self.talks.count {
            for failure in failures { counts["sample-failed.\(failure.reason)", default: 0] += 1 }
        }
        return counts
    }

    /// The message of the sample whose request failed.
    public func message(of failure: RequestFailure) -> String {
        self.talks[self.owners.first ?? 0].message(of: failure)
    }
}
