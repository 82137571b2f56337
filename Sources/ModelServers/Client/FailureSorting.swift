// SPDX-License-Identifier: Apache-2.0

import Codecs
import ModelRequests
import NIOHTTP1
import Records

/// Sorts answers that are not one: by status, headers and body.
enum FailureSorting {
    /// The failure that an answer with a status other than 200 stands for.
    ///
    /// - Parameters:
    ///   - images: the number of images in the request.
    ///   - now: seconds since 1970, for a `Retry-After` that is a date and an answer without one of its own.
    static func failure(
        status: Int, headers: HTTPHeaders, body: Bytes, images: Int = 0, now: Double
    ) -> ChatFailure {
        let error = ErrorBody(body)
        let message = error.message.isEmpty ? "HTTP \(status)" : "HTTP \(status): \(error.message)"
        let isRefusal = (400..<500).contains(status)
        if status == 402 || isRefusal && error.isQuotaSpent {
            return .server(kind: .quotaSpent, message: message + self.remedy(402, headers))
        }
        if images > 0, self.refusesImages(status, error) {
            let count = images == 1 ? "the request shows an image" : "the request shows \(images) images"
            return .request(
                reason: .imageInput,
                message:
                    "\(message); \(count), which this model or its server does not take: name a model that sees, and "
                    + "start its server with what it sees by (llama.cpp: --mmproj)")
        }
        switch status {
        case 429:
            return .server(
                kind: .rateLimited(retryAfterSeconds: RetryAfter.seconds(headers, now: now)), message: message)
        case 503, 529:
            return .server(
                kind: .unavailable(retryAfterSeconds: RetryAfter.seconds(headers, now: now)), message: message)
        case 408, 504:
            return .server(kind: .timeout, message: message)
        case 400, 422:
            // Some servers say so of what others give a 401 or a 404 for; it is the same for every request.
            if error.isUnknownModel {
                return .server(kind: .status(status), message: message + self.remedy(404, headers))
            }
            if error.isBadKey { return .server(kind: .status(status), message: message + self.remedy(401, headers)) }
        default: break
        }
        if let reason = self.fault(status: status, error: error) { return .request(reason: reason, message: message) }
        return .server(kind: .status(status), message: message + self.remedy(status, headers))
    }

    /// Tells whether the images of a request are what is refused. A 5xx must say so outright: most are a server's own.
    private static func refusesImages(_ status: Int, _ error: ErrorBody) -> Bool {
        switch status {
        case 400, 404, 415, 422:
            // A model's name may have an image in it.
            error.isOfImages && !error.isContextLength && !error.isContentFilter && !error.isUnknownModel
                && !error.isBadKey
        case 500, 501: error.isUnsupportedImage
        default: false
        }
    }

    /// Returns the fault that a request is charged with; `nil` if it is not the request's fault.
    private static func fault(status: Int, error: ErrorBody) -> RequestFault? {
        guard [400, 413, 414, 422, 431, 451, 403, 500].contains(status) else { return nil }
        // Some servers say 500 for a prompt that is too long, and 403 for one that a filter declines.
        if error.isContextLength, status != 403 { return .contextLength }
        if error.isContentFilter, status != 500 { return .contentFilter }
        switch status {
        case 413, 414, 431: return .tooLarge
        case 422: return .unprocessable
        case 400, 451: return .badRequest
        default: return nil
        }
    }

    /// Returns the advice to a person about a failure that does not mend itself.
    private static func remedy(_ status: Int, _ headers: HTTPHeaders) -> String {
        switch status {
        case 300..<400:
            let target = headers.first(name: "location").map { " to \(ErrorBody.excerpt(Bytes($0.utf8)))" } ?? ""
            return "; the server redirects\(target): give that address as the base URL"
        case 401, 403: return "; check the API key and what it may do"
        case 402: return "; check the account's balance and limits"
        case 404: return "; check the base URL and the model's name, and that the server has the model"
        case 407: return "; the proxy wants a user and a password in its URL"
        default: return ""
        }
    }

    /// Names the fault of a 200 whose body is no answer: a content type that is not JSON's says more than the body
    /// does.
    static func named(_ bad: BadAnswer, contentType: String?) -> BadAnswer {
        guard let contentType, bad.reason != .htmlPage, bad.reason != .tooLarge else { return bad }
        let type = contentType.lowercased()
        if type.contains("json") || type.contains("event-stream") { return bad }
        if type.contains("html") { return BadAnswer(.htmlPage, "200 with a page (`\(contentType)`), not JSON") }
        // JSON comes under other names as well; then its own fault is what is to be told.
        guard bad.reason == .malformedJSON || bad.reason == .truncatedJSON else { return bad }
        return BadAnswer(.wrongContentType, "200 with `Content-Type: \(contentType)`, and no JSON in it")
    }
}
