// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import ModelRequests
import Records

/// Reads answers of a form that a task describes by a JSON schema, the same that its requests carry.
///
/// Servers hold the model to the schema, or do not; so the answer is looked for in whatever text there is (thoughts,
/// prose, fences, drafts before it) and held against the schema here. Heeded are `type`, `properties`, `required`,
/// `items`, `enum`, `minimum`, `maximum`, `minItems`, `maxItems`, `minLength` and `maxLength`; other keywords are left
/// to the server. Members that the schema does not know are passed over.
public struct StructuredAnswer: Sendable {
    /// A fault of an answer, told in a sentence to the model and by a code to whoever counts.
    public enum Fault: Error, Hashable, Sendable {
        /// The model or the server's filter declined.
        case refused(String)
        /// There is no text beside what was thought aloud.
        case empty
        /// It reached the limit of tokens before its end.
        case truncated
        /// There is no JSON object, or none that is whole.
        case noObject
        /// A value that does not fit the schema, at a place such as `scores.clear`.
        case misfit(place: String, problem: String)

        /// A short code to count by.
        public var code: String {
            switch self {
            case .refused: "content-filter"
            case .empty: "empty-answer"
            case .truncated: "truncated"
            case .noObject: "no-object"
            case .misfit: "misfit"
            }
        }

        /// A sentence for the model.
        public var sentence: String {
            switch self {
            case .refused(let message): message
            case .empty: "It was empty."
            case .truncated: "It was too long and was cut off: be brief."
            case .noObject: "It held no whole JSON object."
            case .misfit(let place, let problem): "\(place.isEmpty ? "It" : "`\(place)`") \(problem)."
            }
        }
    }

    /// Bytes of an answer that are read.
    public static let bytesMax = 1 << 20
    /// Faults of one answer that are told.
    static let faultsMax = 8

    /// The schema, as JSON without white space.
    public let schema: String
    private let root: JSONValue

    /// Takes a schema.
    /// - Throws: `JSONError` if it is not one JSON object.
    public init(schema: String) throws(JSONError) {
        self.root = try JSONValue(parsing: schema.utf8)
        guard case .object = self.root else { throw JSONError("a JSON schema is an object", offset: 0) }
        self.schema = schema
    }

    /// The object in an answer: of several, the last that fits.
    /// - Throws: the faults of the last one; the list is never empty.
    public func read(_ answer: ChatAnswer) throws(Faults) -> JSONValue {
        if answer.isFiltered || answer.refusal != nil {
            throw Faults([.refused(answer.refusal ?? "the server's filter stopped the answer")])
        }
        let text = AnswerText.spoken(Bytes(answer.written.utf8.prefix(Self.bytesMax)))
        if text.isEmpty { throw Faults([answer.isTruncated ? .truncated : .empty]) }
        var json = LenientJSON(text)
        var last: Faults?
        var fitting: JSONValue?
        while let found = json.next() {
            guard found.ending == .complete, case .object = found.value else { continue }
            // Thoughts hold drafts; what the text ends with is the answer.
            let isAtEnd = text[found.range.upperBound...].allSatisfy(AnswerText.isSpace)
            if answer.hasThoughtsOnly, !isAtEnd { continue }
            let value = Self.plain(found.value)
            var faults: [Fault] = []
            Self.check(value, self.root, "", &faults)
            if faults.isEmpty { fitting = value } else { last = Faults(faults) }
        }
        if let fitting { return fitting }
        throw last ?? Faults([answer.isTruncated ? .truncated : .noObject])
    }

    /// The faults of one answer.
    public struct Faults: Error, Hashable, Sendable {
        /// The faults, in the order of the schema.
        public let all: [Fault]

        init(_ all: [Fault]) { self.all = all }

        /// The sentences, for the model and for the record's dead letter.
        public var sentences: [String] { self.all.map(\.sentence) }
        /// Tells whether asking again is of no use.
        public var isRefusal: Bool { self.all.contains { if case .refused = $0 { true } else { false } } }
    }

    private static func plain(_ value: LenientJSON.Value) -> JSONValue {
        switch value {
        case .null, .tooDeep: .null
        case .bool(let flag): .bool(flag)
        case .number(let number): Int(exactly: number).map(JSONValue.int) ?? .double(number)
        case .string(let text): .string(text)
        case .array(let elements, _): .array(elements.map(Self.plain))
        case .object(let members, _): .object(members.map { JSONValue.Member($0.key, Self.plain($0.value)) })
        }
    }

    // MARK: The schema

    private static func check(_ value: JSONValue, _ schema: JSONValue, _ place: String, _ faults: inout [Fault]) {
        guard faults.count < Self.faultsMax else { return }
        func misfit(_ problem: String) { faults.append(.misfit(place: place, problem: problem)) }
        if let type = schema["type"]?.string, !Self.isOf(type, value) { return misfit("must be \(Self.words(type))") }
        if let choices = schema["enum"]?.array, !choices.contains(where: { Self.isSame($0, value) }) {
            let list = choices.map { String(decoding: $0.bytes, as: UTF8.self) }.joined(separator: ", ")
            return misfit("must be one of \(list)")
        }
        switch value {
        case .int, .double:
            guard let number = value.double else { return }
            if let least = schema["minimum"]?.double, number < least { misfit("must be at least \(least)") }
            if let most = schema["maximum"]?.double, number > most { misfit("must be at most \(most)") }
        case .string(let text):
            Self.checkCount(text.unicodeScalars.count, "characters", schema, "Length", misfit)
        case .array(let elements):
            Self.checkCount(elements.count, "elements", schema, "Items", misfit)
            guard let inner = schema["items"] else { return }
            for (index, element) in elements.enumerated() { Self.check(element, inner, "\(place)[\(index)]", &faults) }
        case .object: Self.checkMembers(of: value, schema, place, &faults)
        case .null, .bool: break
        }
    }

    private static func checkCount(
        _ count: Int, _ what: String, _ schema: JSONValue, _ keyword: String, _ misfit: (String) -> Void
    ) {
        if let least = schema["min\(keyword)"]?.int, count < least { misfit("must have \(least) \(what) at least") }
        if let most = schema["max\(keyword)"]?.int, count > most { misfit("must have \(most) \(what) at most") }
    }

    private static func checkMembers(
        of value: JSONValue, _ schema: JSONValue, _ place: String, _ faults: inout [Fault]
    ) {
        func inside(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }
        for name in (schema["required"]?.array ?? []).compactMap(\.string) where value[name] == nil {
            faults.append(.misfit(place: inside(name), problem: "is missing"))
        }
        guard case .object(let properties)? = schema["properties"] else { return }
        for property in properties {
            if let member = value[property.key] { Self.check(member, property.value, inside(property.key), &faults) }
        }
    }

    private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool), ("null", .null),
            ("integer", .int), ("number", .int):
            true
        case ("number", .double(let number)): number.isFinite
        case ("object", _), ("array", _), ("string", _), ("boolean", _), ("null", _), ("integer", _), ("number", _):
            false
        default: true
        }
    }

    private static func words(_ type: String) -> String {
        switch type {
        case "object": "an object"
        case "array": "a list"
        case "string": "a text"
        case "boolean": "true or false"
        case "integer": "a whole number"
        case "number": "a number"
        default: type
        }
    }

    /// Tells whether two values are the same; whole numbers are, however they are spelled.
    private static func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
        if let left = left.double, let right = right.double { return left == right }
        return left == right
    }
}
