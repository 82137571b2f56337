// SPDX-License-Identifier: Apache-2.0

/// The traffic between this process and a model server.
public struct ServerStatistics: Hashable, Sendable {
    /// Calls sent, witnesses not counted.
    public var calls = 0
    /// Calls answered with 200.
    public var answers = 0
    /// Calls that were another attempt of a request that had failed.
    public var retries = 0
    /// Calls given up by whoever asked.
    public var cancelled = 0
    /// Tiny requests sent to tell a server's failure from a request's.
    public var witnesses = 0
    /// Requests that failed for good, by reason.
    public var requestFailures: [RequestFault: Int] = [:]
    /// Failures of the server, by label; each was waited out, or counted against a request.
    public var serverFailures: [String: Int] = [:]
    /// Tokens of prompts, as far as the server counts.
    public var promptTokens = 0
    /// Tokens of answers, as far as the server counts.
    public var completionTokens = 0
    /// Answers without a count of tokens.
    public var answersWithoutUsage = 0
    /// Answers by why they ended.
    public var finishReasons: [String: Int] = [:]
    /// Times that answered calls took.
    public var latency = LatencyHistogram()

    /// Requests that are being asked: waiting, at the server, or between two attempts.
    public var asking = 0
    /// Requests that wait for a place at the server.
    public var waiting = 0
    /// Calls at the server.
    public var inFlight = 0
    /// The most calls there may be at the server now.
    public var limit = 0
    /// The breaker: `closed`, `open` or `trying`.
    public var breaker = "closed"
    /// The outage there is, while the server fails everybody.
    public var outage: Outage?

    /// A time in which a server fails everybody.
    public struct Outage: Hashable, Sendable {
        /// Time it has lasted, in seconds.
        public var seconds: Double
        /// The last failure.
        public var message: String
    }
}

/// Durations, counted in buckets of a power of two of milliseconds.
public struct LatencyHistogram: Hashable, Sendable {
    /// Bucket `i` counts durations of at most 2^i ms; the last all that are longer.
    public private(set) var counts = [Int](repeating: 0, count: 22)
    /// The number of durations.
    public private(set) var count = 0
    /// Their sum, in seconds.
    public private(set) var sumSeconds = 0.0

    /// Creates an empty histogram.
    public init() {}

    /// Counts a duration.
    public mutating func add(seconds: Double) {
        let milliseconds = max(0, seconds * 1000)
        let bucket = self.counts.indices.first { milliseconds <= Self.upperMilliseconds($0) } ?? self.counts.count - 1
        self.counts[bucket] += 1
        self.count += 1
        self.sumSeconds += max(0, seconds)
    }

    /// An upper bound of the duration that a share of all does not exceed, in seconds; `nil` if there are none.
    public func quantileSeconds(_ share: Double) -> Double? {
        guard self.count > 0 else { return nil }
        var rest = (Double(self.count) * min(max(share, 0), 1)).rounded(.up)
        for (bucket, count) in self.counts.enumerated() {
            rest -= Double(count)
            if rest <= 0 { return Self.upperMilliseconds(bucket) / 1000 }
        }
        return Self.upperMilliseconds(self.counts.count - 1) / 1000
    }

    private static func upperMilliseconds(_ bucket: Int) -> Double { Double(1 << bucket) }
}

/// A notice about a server that is worth passing on to a person, each once an outage or a change.
public enum ServerNotice: Hashable, Sendable {
    /// The server fails everybody; requests wait. The message says how, and what may be done.
    case waiting(message: String)
    /// It answers again.
    case recovered(afterSeconds: Double)
    /// It refuses something of the requests for a model, which is left out or put in another way from now on.
    case adapted(model: String, changes: [String])
}
