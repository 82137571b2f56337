// SPDX-License-Identifier: Apache-2.0

/// A text that is sent and never shown: its description is a placeholder.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let value: String

    /// Keeps a text from sight.
    public init(_ value: String) { self.value = value }

    /// A placeholder.
    public var description: String { "(secret)" }
    /// A placeholder.
    public var debugDescription: String { self.description }
    /// Nothing to look into.
    public var customMirror: Mirror { Mirror(self, children: [:]) }

    /// The text with every occurrence of this secret struck out.
    func redact(_ text: String) -> String {
        self.value.utf8.count < 4
            ? text
            : text.split(separator: self.value, omittingEmptySubsequences: false)
                .joined(separator: "(secret)")
    }
}

/// Settings for speaking to a model server.
public struct ClientConfiguration: Sendable {
    /// The server's address.
    public var endpoint: Endpoint
    /// The key, sent as a bearer token.
    public var apiKey: Secret?
    /// Further headers of every call.
    public var headers: [(name: String, value: Secret)] = []
    /// Calls are let in up to this many at a time; the pool keeps as many connections.
    public var inFlightMax = 64
    /// The time to a connection, TLS included, in seconds.
    public var connectTimeoutSeconds = 10.0
    /// The time from the call to the answer's first byte, in seconds. A server that does not stream sends it when the
    /// answer is complete.
    public var firstByteTimeoutSeconds = 300.0
    /// The time from the call to the answer's last byte, in seconds.
    public var totalTimeoutSeconds = 600.0
    /// The largest answer, in bytes; reading stops there.
    public var answerBytesMax = 16 << 20
    /// The folder that the images of requests lie in.
    public var media: MediaFolder?
    /// A PEM file of certificate authorities to trust beside the system's.
    public var authorityFile: String?
    /// The environment that names a proxy.
    public var environment: [String: String]

    /// Describes a server.
    ///
    /// - Parameters:
    ///   - url: the base URL (`Endpoint`).
    ///   - apiKeyVariable: the environment variable that holds the key; if it is not set or empty, no key is sent.
    ///   - environment: the process's.
    public init(url: String, apiKeyVariable: String? = nil, environment: [String: String]) throws(EndpointError) {
        self.endpoint = try Endpoint(url)
        self.environment = environment
        if let apiKeyVariable, let key = environment[apiKeyVariable] {
            let trimmed = String(key.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
            if trimmed.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7f }) {
                throw EndpointError("the key in `\(apiKeyVariable)` has white space or other than ASCII in it")
            }
            if !trimmed.isEmpty { self.apiKey = Secret(trimmed) }
        }
    }
}
