// SPDX-License-Identifier: Apache-2.0

import ModelServers

/// The traffic between this process and a server, as a person wants to know it.
public struct ServerUsage: Hashable, Sendable {
    /// The server's base URL.
    public var endpoint = ""
    /// Requests answered without a call: kept answers, and calls that others had under way.
    public var hits = 0
    /// Calls sent, retries among them.
    public var calls = 0
    /// Calls answered.
    public var answers = 0
    /// Calls that were another attempt.
    public var retries = 0
    /// Calls made in vain or for the second time (`ModelCall.isDuplicate`).
    public var duplicates = 0
    /// Calls given up at the end of the run.
    public var cancelled = 0
    /// Tokens of the prompts, as far as the server counts.
    public var promptTokens = 0
    /// Tokens of the answers, as far as the server counts.
    public var completionTokens = 0
    /// Requests that failed for good, by reason.
    public var requestFailures: [String: Int] = [:]
    /// Failures of the server, by kind; each was waited out, or counted against a request.
    public var serverFailures: [String: Int] = [:]
    /// Money for these tokens, by currency, where a price is known.
    public var costs: [String: Double] = [:]
    /// Calls at the server.
    public var inFlight = 0
    /// Calls that may be at the server now.
    public var inFlightMax = 0
    /// Requests that wait for a place at the server.
    public var waiting = 0
    /// The breaker: `closed`, `open` or `trying`.
    public var breaker = "closed"
    /// A bound that half of the answered calls did not take longer than, in seconds.
    public var medianSeconds: Double?

    mutating func take(_ statistics: ServerStatistics) {
        self.calls = statistics.calls
        self.answers = statistics.answers
        self.retries = statistics.retries
        self.cancelled = statistics.cancelled
        self.promptTokens = statistics.promptTokens
        self.completionTokens = statistics.completionTokens
        for (fault, count) in statistics.requestFailures { self.requestFailures[fault.rawValue] = count }
        self.serverFailures = statistics.serverFailures
        self.inFlight = statistics.inFlight
        self.inFlightMax = statistics.limit
        self.waiting = statistics.waiting
        self.breaker = statistics.breaker
        self.medianSeconds = statistics.latency.quantileSeconds(0.5)
    }
}
