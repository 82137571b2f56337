// SPDX-License-Identifier: Apache-2.0

extension MetricDefinition {
    /// Requests of the status server.
    public static let serverRequests = MetricDefinition(
        "millrace_http_requests_total", .counter, in: "requests", by: ["route", "status"],
        "Requests that the status server answered, by group of paths (`probe`, `metrics`, `page`, `login`, `api`, "
            + "`events`, `none`) and class of status (`2xx` and so on).")
    /// Requests and connections that were refused.
    public static let serverRefused = MetricDefinition(
        "millrace_http_refused_total", .counter, in: "refusals", by: ["reason"],
        "Requests and connections that the status server refused, by reason: `token`, `host`, `origin`, `path`, `busy`, "
            + "`crowded`, `slow` and so on; `answer` where the path itself says no, as a probe does.")
    /// Connections.
    public static let serverConnections = MetricDefinition(
        "millrace_http_connections", .gauge, in: "connections", "Open connections of the status server.")
    /// Listeners.
    public static let serverStreams = MetricDefinition(
        "millrace_http_event_streams", .gauge, in: "streams", "Clients that listen to the page's events.")
    /// Clients that were cut off.
    public static let serverCut = MetricDefinition(
        "millrace_http_clients_cut_total", .counter, in: "clients",
        "Clients that were cut off because they did not take what was sent.")
}

extension MetricCatalogue {
    static let server: [MetricDefinition] = [
        .serverRequests, .serverRefused, .serverConnections, .serverStreams, .serverCut,
    ]
}
