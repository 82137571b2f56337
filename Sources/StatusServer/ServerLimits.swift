// SPDX-License-Identifier: Apache-2.0

/// The bounds of the server: of sizes, numbers and times.
public struct ServerLimits: Sendable {
    /// Longest head of a request, in bytes.
    static let maxHeadBytes = 16 << 10

    /// Open connections; one more is refused.
    public var connections = 256
    /// Listeners of feeds; one more is refused.
    public var listeners = 128
    /// Answers that are being made or wait for it; one more is refused.
    public var answers = 64
    /// Longest answer, and all answers that are being sent, in bytes; what would be more is refused.
    public var bytesInFlight = 64 << 20
    /// Time in which a request must have come, from its first byte on, or from the connection on.
    public var requestTime = Duration.seconds(10)
    /// Time without a request after which a connection is closed.
    public var idleTime = Duration.seconds(75)
    /// Time in which a client has to take `stallBytes` of what waits for it; one that does not is dropped.
    public var stallTime = Duration.seconds(15)
    /// See `stallTime`.
    public var stallBytes = 16 << 10
    /// Time between two signs of life to listeners, where nothing happens.
    public var heartbeat = Duration.seconds(15)
    /// Time for which figures are not made again, however many ask for them.
    public var figuresAge = Duration.milliseconds(500)
    /// Time that answers have to end when the server stops.
    public var stopTime = Duration.seconds(1)

    /// The limits that a running program has.
    public init() {}
}
