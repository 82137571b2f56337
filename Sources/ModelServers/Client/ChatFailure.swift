// SPDX-License-Identifier: Apache-2.0

public import ModelRequests

/// The reason why a call brought no answer, sorted by what is to be done about it.
///
/// A failure that would be the same for every request is the server's (a wrong key, an unknown model, a proxy's page):
/// nothing is lost by waiting until a person has set it right. One that is peculiar to a request is the request's.
public enum ChatFailure: Error, Hashable, Sendable {
    /// The request's own failure: asked again it fails again. A dead letter.
    case request(reason: RequestFault, message: String)
    /// The server's failure: to be waited out.
    case server(kind: ServerFault, message: String)
    /// A failure that every request meets, and nobody mends by waiting: a wrong key, an unknown model, a used-up quota.
    /// The run ends, and no request is charged with it.
    case shared(message: String)
    /// An image cannot be read on this machine, which is neither its request's fault nor the server's: no folder of
    /// images, a disk that fails, too many open files. The run ends, and no request is charged with it.
    case unreadable(message: String)
    /// Whoever asked has gone, or the client is shut down.
    case cancelled
}

/// The ways in which a request is at fault.
public enum RequestFault: String, Hashable, Sendable, CaseIterable {
    /// 400 and its like: the server cannot take the request as it is.
    case badRequest = "bad-request"
    /// The prompt, or the prompt and the answer, do not fit the model's context.
    case contextLength = "context-length"
    /// A filter declines the prompt.
    case contentFilter = "content-filter"
    /// 413: the request has too many bytes.
    case tooLarge = "request-too-large"
    /// 422: the server understands the request and refuses its content.
    case unprocessable
    /// It ran into a deadline again and again, while others were answered.
    case timeout
    /// Its connection was closed before the answer was complete, again and again, while others were answered.
    case disconnected
    /// Its answer was unusable again and again, while others' were not.
    case badAnswer = "bad-answer"
    /// It drew a 5xx again and again, while others were answered.
    case serverError = "server-error"
    /// The server or its model takes no images, or not these.
    case imageInput = "image-input"
    /// An image's file is not there.
    case imageMissing = "image-missing"
    /// An image's file is not the one that the request was made of.
    case imageChanged = "image-changed"
    /// An image's file is none that may be sent: outside the folder of images, no image, too large.
    case imageRefused = "image-refused"

    /// Tells whether the server has looked at the request and refused it. The others are of the kind that may go away.
    public var followsFromRequest: Bool {
        switch self {
        case .badRequest, .contextLength, .contentFilter, .tooLarge, .unprocessable, .imageInput: true
        case .timeout, .disconnected, .badAnswer, .serverError, .imageMissing, .imageChanged, .imageRefused: false
        }
    }

    /// Tells whether it is found before anything is sent. It hangs on the paths of images, which are no part of the
    /// request's key.
    public var isOfFiles: Bool {
        switch self {
        case .imageMissing, .imageChanged, .imageRefused: true
        default: false
        }
    }
}

/// The ways in which a server is at fault.
public enum ServerFault: Hashable, Sendable {
    /// No connection: refused, no such host, no route, TLS that fails, a proxy that is not there.
    case refused
    /// A deadline passed: to the first byte, or to the last.
    case timeout
    /// The connection was closed before the answer was complete.
    case disconnected
    /// 429, with the seconds the server asks for.
    case rateLimited(retryAfterSeconds: Double?)
    /// 503, with the seconds the server asks for.
    case unavailable(retryAfterSeconds: Double?)
    /// The paid quota is used up: 402, or 429 with words to that effect.
    case quotaSpent
    /// Another status.
    case status(Int)
    /// 200, and not an answer.
    ///
    /// Retried as the server's; after several times alone, while others are answered, it is the request's
    /// (`RequestBlame`).
    case badAnswer(BadAnswer.Reason)

    /// A word for metrics.
    public var label: String {
        switch self {
        case .refused: "refused"
        case .timeout: "timeout"
        case .disconnected: "disconnected"
        case .rateLimited: "rate-limited"
        case .unavailable: "unavailable"
        case .quotaSpent: "quota-spent"
        case .status(let code): "status-\(code)"
        case .badAnswer(let reason): reason.rawValue
        }
    }

    /// Tells whether it will hardly mend itself: a wrong key, an unknown model, a wrong address.
    public var needsAttention: Bool {
        switch self {
        case .quotaSpent: true
        case .status(let code): (300..<500).contains(code) && code != 409 && code != 425
        default: false
        }
    }

    /// Tells whether a schema can be the cause: an engine dies of it, or says nothing of sense.
    var mayBeTheSchemas: Bool {
        switch self {
        case .disconnected, .badAnswer: true
        case .status(let code): code >= 500
        case .refused, .timeout, .rateLimited, .unavailable, .quotaSpent: false
        }
    }

    /// The fault that the request is charged with if this happens to it alone; `nil` if a request cannot be the cause.
    var blame: RequestFault? {
        switch self {
        case .timeout: .timeout
        case .disconnected: .disconnected
        case .badAnswer: .badAnswer
        case .status(let code): code >= 500 ? .serverError : nil
        case .refused, .rateLimited, .unavailable, .quotaSpent: nil
        }
    }
}

extension ChatFailure: CustomStringConvertible {
    /// A word for metrics and dead letters: `context-length`, `timeout`, `cancelled`.
    public var label: String {
        switch self {
        case .request(let reason, _): reason.rawValue
        case .server(let kind, _): kind.label
        case .shared: "shared"
        case .unreadable: "unreadable"
        case .cancelled: "cancelled"
        }
    }

    /// `label: message`. Keys and header values are never in it.
    public var description: String {
        self.message.map { "\(self.label): \($0)" } ?? self.label
    }

    /// The words for a person; `nil` where nobody waits for them.
    var message: String? {
        switch self {
        case .request(_, let message), .server(_, let message), .shared(let message), .unreadable(let message): message
        case .cancelled: nil
        }
    }
}
