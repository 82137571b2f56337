// SPDX-License-Identifier: Apache-2.0

/// An answer to a probe.
public struct ProbeAnswer: Sendable, Equatable {
    /// Tells whether all is well: 200, or else 503.
    public let isWell: Bool
    /// One line that says why, for those who may see it.
    public let text: String

    /// An answer by its parts.
    public init(isWell: Bool, text: String) {
        self.isWell = isWell
        self.text = text
    }
}

/// The things that a server shows.
public struct ServerContent: Sendable {
    /// `/live`: asked on the server's own thread, so it must not wait for anything.
    public var live: @Sendable () -> ProbeAnswer
    /// `/ready`: in the same way.
    public var ready: @Sendable () -> ProbeAnswer
    /// `/metrics`: its media type and its bytes, on a thread that may wait. Asked for no more often than
    /// `ServerLimits.figuresAge` says.
    public var metrics: @Sendable () async throws -> (type: String, bytes: [UInt8])
    /// The page and its documents.
    public var routes: [StatusRoute]

    /// Content by its parts.
    public init(
        live: @escaping @Sendable () -> ProbeAnswer, ready: @escaping @Sendable () -> ProbeAnswer,
        metrics: @escaping @Sendable () async throws -> (type: String, bytes: [UInt8]), routes: [StatusRoute] = []
    ) {
        self.live = live
        self.ready = ready
        self.metrics = metrics
        self.routes = routes
    }
}
