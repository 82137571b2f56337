// SPDX-License-Identifier: Apache-2.0

/// A no of the server: a status and a sentence, in which nothing of the request stands.
struct Refusal: Error, Equatable, Sendable {
    /// The reasons, as they are counted.
    enum Reason: String, CaseIterable, Sendable {
        case method, body, malformed, headers, target, path, query, unknown, slow, busy, crowded, listeners, failed
        case tooLong = "too-long"
        case host, origin, token
        /// A no of the path itself, such as a probe's.
        case answer
    }

    let status: Int
    let reason: Reason
    let text: String
    /// Tells whether the connection ends with it, since nothing good can follow.
    var closes = false
    /// Tells whether a browser is better sent to the login.
    var wantsLogin = false

    init(_ status: Int, _ reason: Reason, _ text: String, closes: Bool = false) {
        self.status = status
        self.reason = reason
        self.text = text
        self.closes = closes
    }

    static let method = Refusal(
        405, .method, "Only GET and HEAD are answered: this server shows and changes nothing.", closes: true)
    static let body = Refusal(413, .body, "A request has no body here.", closes: true)
    static let malformed = Refusal(400, .malformed, "This is no request of HTTP/1.1.", closes: true)
    static let headers = Refusal(
        431, .headers, "The request's headers are too large: \(ServerLimits.maxHeadBytes) bytes and 64 lines at most.",
        closes: true)
    static let target = Refusal(
        414, .target, "The address is too long: \(RequestTarget.maxBytes) bytes at most.", closes: true)
    static let path = Refusal(
        400, .path,
        "The path is refused: it begins with a slash, and has no empty parts, no dots alone, no control characters, "
            + "and escapes of UTF-8 only.")
    static let query = Refusal(
        400, .query, "The query is refused: at most 16 items NAME=VALUE of 1024 bytes, without control characters.")
    static let unknown = Refusal(404, .unknown, "There is nothing here.")
    static let slow = Refusal(408, .slow, "The request did not come in time.", closes: true)
    static let busy = Refusal(503, .busy, "Too many requests wait for an answer; try again in a moment.")
    static let crowded = Refusal(503, .crowded, "Too many connections; try again in a moment.", closes: true)
    static let listeners = Refusal(503, .listeners, "Too many listen to the events already; close another page.")
    static let failed = Refusal(500, .failed, "The answer failed; the program's log says why.")
    static let tooLong = Refusal(
        503, .tooLong, "The answer is too long to be sent now; ask for less, or try again in a moment.")
    static let noHost = Refusal(400, .host, "The request needs one Host header, and has none or several.", closes: true)
    static let foreignOrigin = Refusal(
        403, .origin, "The request comes from another site's page, which may not read this one.")

    static func foreignHost(loopback: Bool) -> Refusal {
        Refusal(
            421, .host,
            loopback
                ? "The Host header names another server than this: it listens for localhost, 127.0.0.1 and [::1] with its own "
                    + "port. Start it with --http-host NAME, or NAME:PORT, to be reached by another name."
                : "The Host header names another server than this: it listens for addresses in numbers. Start it with "
                    + "--http-host NAME, or NAME:PORT, to be reached by a name.")
    }

    static let noToken: Refusal = {
        var refusal = Refusal(
            401, .token,
            "A token is needed: send it as `Authorization: Bearer TOKEN`, or open /login in a browser.")
        refusal.wantsLogin = true
        return refusal
    }()
}
