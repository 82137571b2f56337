// SPDX-License-Identifier: Apache-2.0

import ModelRequests

/// The part of a request that a server does not take, read from the error that it answers with.
///
/// It may be read wrongly, so nothing is given up for good before the request was answered without it.
enum RequestRefusal: Hashable {
    /// A part that it knows nothing of, or no other value of than its own.
    case part(RequestForm.Part)
    /// The name by which the answer's tokens are limited.
    case tokenLimit
    /// More than this many tokens of an answer, whoever asks.
    case tokensAbove(Int)
    /// More tokens of an answer than the context leaves beside this prompt.
    case context(RequestForm.Context, room: Int)
    /// The schema, or keywords in it.
    case schema

    /// Reads an error.
    /// - Parameters:
    ///   - request: what was asked.
    ///   - form: how it was put.
    init?(status: Int, _ error: ErrorBody, _ request: ChatRequest, _ form: RequestForm) {
        let sendsSchema = request.schema != nil && form.schema > .none
        switch status {
        case 400, 413, 422:
            if let room = AnswerRoom(error.marks, request, form) {
                self = room.refusal
                return
            }
            guard let part = Self.named(error, request, form, sendsSchema: sendsSchema) else { return nil }
            self = part
        case 500, 501:
            // Engines die of a grammar that they cannot make of a schema.
            guard sendsSchema, error.has(["grammar", "json_schema", "response_format", "guided", "structured"]) else {
                return nil
            }
            self = .schema
        default: return nil
        }
    }

    private static func named(
        _ error: ErrorBody, _ request: ChatRequest, _ form: RequestForm, sendsSchema: Bool
    ) -> RequestRefusal? {
        if error.isContentFilter { return nil }
        let sent = Self.sent(request, form)
        // The place meant for it first; a list of places names the innermost last.
        for name in error.names.reversed() {
            if let found = sent.first(where: { name == $0.name || name.hasSuffix(".\($0.name)") }) {
                return found.refusal
            }
            if sendsSchema, Self.schemaWords.contains(where: { name.contains($0) }) { return .schema }
        }
        guard error.has(Self.refusingWords) else { return nil }
        let places = sent.compactMap { part in
            Self.place(of: part.name, in: error.marks).map { (place: $0, refusal: part.refusal) }
        }
        if let first = places.min(by: { $0.place < $1.place }) { return first.refusal }
        if request.imageCount > 0, error.isOfImages { return nil }
        return sendsSchema && error.has(Self.schemaWords + Self.keywords) ? .schema : nil
    }

    /// The parts that were sent, by their names.
    private static func sent(_ request: ChatRequest, _ form: RequestForm) -> [(name: String, refusal: RequestRefusal)] {
        var parts: [RequestForm.Part] = [.stream]
        if request.temperature != nil { parts.append(.temperature) }
        if request.topP != nil { parts.append(.topP) }
        if request.seed != nil { parts.append(.seed) }
        if !request.stop.isEmpty { parts.append(.stop) }
        var sent = parts.filter { !form.leavesOut.contains($0) }.map { (name: $0.rawValue, refusal: Self.part($0)) }
        if let name = form.tokenLimit.name, request.maxTokens != nil { sent.append(("\(name)", .tokenLimit)) }
        return sent
    }

    /// Returns the place of a name that stands as a word of its own.
    private static func place(of name: String, in text: String) -> String.Index? {
        func isOfWord(_ character: Character?) -> Bool {
            character.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false
        }
        var rest = text[...]
        while let range = rest.firstRange(of: name) {
            let before = range.lowerBound == text.startIndex ? nil : text[text.index(before: range.lowerBound)]
            let after = range.upperBound == text.endIndex ? nil : text[range.upperBound]
            if !isOfWord(before), !isOfWord(after) { return range.lowerBound }
            rest = text[range.upperBound...]
        }
        return nil
    }

    private static let refusingWords = [
        "unsupported", "not support", "n't support", "unknown", "unrecognized", "unrecognised", "unexpected", "extra",
        "not permitted", "not allowed", "not accepted", "invalid", "deprecated", "only the default", "must be",
        "unavailable", "not available", "not valid", "cannot be", "can't be", "removed", "no longer", "not implemented",
        "disallowed", "refused", "incompatible",
    ]
    private static let schemaWords = [
        "response_format", "json_schema", "json schema", "schema", "grammar", "guided", "structured",
    ]
    private static let keywords = [
        "minitems", "maxitems", "uniqueitems", "pattern", "minlength", "maxlength", "minimum", "maximum",
        "additionalproperties", "enum",
    ]
}

extension RequestForm {
    /// Returns the forms of a request after a refusal: this time's, and from now on. `nil` if nothing is left to give
    /// up.
    func adapted(to refusal: RequestRefusal, of request: ChatRequest) -> (now: RequestForm, later: RequestForm)? {
        var now = self
        var later = self
        switch refusal {
        case .part(let part):
            guard now.leavesOut.insert(part).inserted else { return nil }
            later = now
        case .tokenLimit:
            guard let next = self.tokenLimit.next else { return nil }
            now.tokenLimit = next
            later = now
        case .tokensAbove(let tokens):
            now.tokensMax = tokens
            later = now
        case .context(let context, let room):
            now.tokensMax = room
            now.context = nil
            later.context = context
        case .schema:
            guard let less = self.withLessSchema(of: request) else { return nil }
            (now, later) = (less, less)
        }
        return (now, later)
    }
}
