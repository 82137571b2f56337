// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// Headers of all answers, and answers that refuse.
enum RefusalResponse {
    /// Nothing inline, nothing from elsewhere, in no frame, kept by no cache, told to nobody.
    static let security: HTTPFields = {
        var fields = HTTPFields()
        fields[.contentSecurityPolicy] =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        fields[.xContentTypeOptions] = "nosniff"
        fields[.cacheControl] = "no-store"
        fields[.crossOriginResourcePolicy] = "same-origin"
        for (name, value) in [
            ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
        ] {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        return fields
    }()

    /// The head of an answer.
    static func head(_ status: Int, type: String, length: Int?) -> HTTPResponse {
        var head = HTTPResponse(status: HTTPResponse.Status(code: status), headerFields: Self.security)
        head.headerFields[.contentType] = type
        if let length { head.headerFields[.contentLength] = String(length) }
        return head
    }

    /// The head of a refusal.
    static func head(_ refusal: Refusal) -> HTTPResponse {
        var head = Self.head(refusal.status, type: "text/plain; charset=utf-8", length: Self.body(refusal).count)
        if refusal.closes { head.headerFields[.connection] = "close" }
        switch refusal.status {
        case 401: head.headerFields[.wwwAuthenticate] = "Bearer"
        case 405: head.headerFields[.allow] = "GET, HEAD"
        case 503: head.headerFields[.retryAfter] = "2"
        default: break
        }
        return head
    }

    /// The words of a refusal.
    static func body(_ refusal: Refusal) -> [UInt8] { Array((Self.harmless(refusal.text) + "\n").utf8) }

    /// A refusal as it is written where no request could be read.
    static func bytes(_ refusal: Refusal) -> [UInt8] {
        var refusal = refusal
        refusal.closes = true
        let head = Self.head(refusal)
        var text = "HTTP/1.1 \(head.status.code) \(head.status.reasonPhrase)\r\n"
        for field in head.headerFields { text += "\(field.name): \(field.value)\r\n" }
        return Array((text + "\r\n").utf8) + Self.body(refusal)
    }

    /// A text that acts on no terminal and has no other order than it shows.
    static func harmless(_ text: String) -> String {
        var harmless = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(4096) {
            let isHarmful =
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse: true
                default: false
                }
            harmless.append(isHarmful ? "\u{fffd}" : scalar)
        }
        return String(harmless)
    }
}
