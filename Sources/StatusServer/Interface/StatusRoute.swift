// SPDX-License-Identifier: Apache-2.0

/// A path of the server, and its answer.
public struct StatusRoute: Sendable {
    /// The path, such as `/api/samples`. With `/*` at its end it also stands for every path below: of `/api/samples/*`
    /// the answer gets `/api/samples/3/17` too. The longest that fits is taken.
    public let path: String
    /// Makes the answer, on a thread that may wait for a disk or a log; a few run at a time, the others wait their
    /// turn.
    /// An error of it is logged and answered as 500 without its text: one that a reader is to see is a refusal.
    public let answer: @Sendable (StatusRequest) async throws -> StatusAnswer

    /// A route by its parts.
    public init(_ path: String, answer: @escaping @Sendable (StatusRequest) async throws -> StatusAnswer) {
        self.path = path
        self.answer = answer
    }
}

/// A request that has passed the server's checks: whoever asks may see the answer.
public struct StatusRequest: Sendable, Equatable {
    /// The parts of the path, decoded: `["api", "samples", "3"]`. None is empty, `.` or `..`, and none has a slash, a
    /// backslash or a control character. At most 16 of them, and 2,048 bytes in all.
    public let path: [String]
    /// The items of the query, decoded, the last of a name: at most 16, each of at most 1,024 bytes, valid UTF-8.
    public let query: [String: String]

    /// A request that is well-formed, as a test makes it.
    public init(path: [String], query: [String: String] = [:]) {
        self.path = path
        self.query = query
    }
}

/// An answer to a request.
public enum StatusAnswer: Sendable {
    /// These bytes, as they are, of a media type such as `text/html; charset=utf-8`.
    case bytes(type: String, [UInt8])
    /// The events of a feed, for as long as the client stays.
    case events(StatusFeed)
    /// No, with a status from 400 to 599 and a sentence in plain text. It may name what was asked for: it is sent as
    /// text, with control characters made harmless, and never as a page.
    case refused(status: Int, text: String)

    /// Bytes of JSON.
    public static func json(_ bytes: [UInt8]) -> StatusAnswer { .bytes(type: "application/json", bytes) }
}
