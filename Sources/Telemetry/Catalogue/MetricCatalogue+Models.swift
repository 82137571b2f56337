// SPDX-License-Identifier: Apache-2.0

extension MetricDefinition {
    private static let server = ["server"]

    /// Calls sent.
    public static let modelCalls = MetricDefinition(
        "millrace_model_calls_total", .counter, in: "calls", by: Self.server, "Calls sent, retries among them.")
    /// Calls answered.
    public static let modelAnswers = MetricDefinition(
        "millrace_model_answers_total", .counter, in: "calls", by: Self.server, "Calls answered with 200.")
    /// Requests answered without a call.
    public static let modelCacheHits = MetricDefinition(
        "millrace_model_cache_hits_total", .counter, in: "requests", by: Self.server,
        "Requests answered without a call: by kept answers, and by calls that others had under way.")
    /// Calls that were another attempt.
    public static let modelRetries = MetricDefinition(
        "millrace_model_retries_total", .counter, in: "calls", by: Self.server, "Calls that were another attempt.")
    /// Calls in vain.
    public static let modelDuplicates = MetricDefinition(
        "millrace_model_duplicate_calls_total", .counter, in: "calls", by: Self.server,
        "Calls made for the second time, because the first one's answer was lost.")
    /// Calls given up.
    public static let modelCancelled = MetricDefinition(
        "millrace_model_cancelled_calls_total", .counter, in: "calls", by: Self.server,
        "Calls given up at the end of the run.")
    /// Tokens.
    public static let modelTokens = MetricDefinition(
        "millrace_model_tokens_total", .counter, in: "tokens", by: ["server", "direction"],
        "Tokens as the server counts them: `in` of prompts, `out` of answers.")
    /// Money.
    public static let modelCost = MetricDefinition(
        "millrace_model_cost_total", .counter, in: "the currency", by: ["server", "currency"],
        "Money for these tokens, where the topology has a `price`.")
    /// Requests that failed for good.
    public static let modelRequestFailures = MetricDefinition(
        "millrace_model_request_failures_total", .counter, in: "requests", by: ["server", "reason"],
        "Requests that failed for good, each a dead letter, by reason.")
    /// Failures of the server.
    public static let modelServerFailures = MetricDefinition(
        "millrace_model_server_failures_total", .counter, in: "calls", by: ["server", "kind"],
        "Failures of the server, by kind; each was waited out, or counted against a request.")
    /// The time a call takes.
    public static let modelCallSeconds = MetricDefinition(
        "millrace_model_call_seconds", .histogram, in: "seconds", by: Self.server,
        bounds: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600], "Time that answered calls took.")
    /// Calls at the server.
    public static let modelInFlight = MetricDefinition(
        "millrace_model_calls_in_flight", .gauge, in: "calls", by: Self.server, "Calls at the server.")
    /// The most calls at the server.
    public static let modelInFlightMax = MetricDefinition(
        "millrace_model_calls_in_flight_limit", .gauge, in: "calls", by: Self.server,
        "Calls that may be at the server now; falls where it is overloaded.")
    /// Requests that wait for a place.
    public static let modelWaiting = MetricDefinition(
        "millrace_model_requests_waiting", .gauge, in: "requests", by: Self.server,
        "Requests that wait for a place at the server.")
    /// The breaker.
    public static let modelBreaker = MetricDefinition(
        "millrace_model_breaker", .gauge, in: "0 or 1", by: ["server", "state"],
        "1 for the state that the breaker is in: `closed`, `open`, `trying`.")
    /// The time a server has been waited for.
    public static let modelWaitSeconds = MetricDefinition(
        "millrace_model_wait_seconds", .gauge, in: "seconds", by: Self.server,
        "Time for which the server has been waited for, failing everybody; 0 where it is not.")
}

extension MetricCatalogue {
    static let models: [MetricDefinition] = [
        .modelCalls, .modelAnswers, .modelCacheHits, .modelRetries, .modelDuplicates, .modelCancelled, .modelTokens,
        .modelCost, .modelRequestFailures, .modelServerFailures, .modelCallSeconds, .modelInFlight, .modelInFlightMax,
        .modelWaiting, .modelBreaker, .modelWaitSeconds,
    ]
}
