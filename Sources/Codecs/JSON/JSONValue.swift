// SPDX-License-Identifier: Apache-2.0

/// A JSON value as a tree, for places where records of any shape pass and speed does not matter.
public indirect enum JSONValue: Hashable, Sendable {
    /// `null`
    case null
    /// `true` or `false`
    case bool(Bool)
    /// A whole number of `JSONScanner.wholeNumbers`.
    case int(Int)
    /// Any other number.
    case double(Double)
    /// Text.
    case string(String)
    /// A list.
    case array([JSONValue])
    /// Members in their order; of a repeated key the last counts.
    case object([Member])

    /// One member of an object.
    public struct Member: Hashable, Sendable {
        /// The member's key.
        public var key: String
        /// The member's value.
        public var value: JSONValue

        /// Creates a member.
        public init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Reads the next value of a scanner.
    public init(_ json: inout JSONScanner) throws(JSONError) { try self.init(&json, depth: 0) }

    /// Reads bytes that hold one value.
    public init(parsing bytes: some Sequence<UInt8>) throws(JSONError) {
        self = try JSONScanner.scan(bytes) { json throws(JSONError) in try JSONValue(&json) }
    }

    private init(_ json: inout JSONScanner, depth: Int) throws(JSONError) {
        guard depth < JSONScanner.depthMax else {
            throw json.error("nested deeper than \(JSONScanner.depthMax) levels")
        }
        switch try json.kind() {
        case .null: self = try json.isNull() ? .null : .null
        case .boolean: self = .bool(try json.bool())
        case .string: self = .string(try json.string())
        case .number:
            let double = try json.double()
            let int = Int(exactly: double).flatMap { JSONScanner.wholeNumbers.contains($0) ? $0 : nil }
            self = int.map(JSONValue.int) ?? .double(double)
        case .array:
            var elements: [JSONValue] = []
            try json.beginArray()
            while try json.nextElement() { elements.append(try JSONValue(&json, depth: depth + 1)) }
            self = .array(elements)
        case .object:
            var members: [Member] = []
            try json.beginObject()
            while let key = try json.nextKey() {
                members.append(Member(key.text, try JSONValue(&json, depth: depth + 1)))
            }
            self = .object(members)
        }
    }

    /// The value of a key, where this is an object that has it.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// The text, where this is one.
    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The number, where this is one.
    public var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The whole number, where this is one.
    public var int: Int? {
        guard case .int(let value) = self else { return nil }
        return value
    }

    /// The whole number, where this is one of `JSONScanner.counts`.
    public var count: Int? { self.int.flatMap { JSONScanner.counts.contains($0) ? $0 : nil } }

    /// The elements, where this is a list.
    public var array: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// Writes the value.
    public func write(to json: inout JSONWriter) {
        switch self {
        case .null: json.null()
        case .bool(let value): json.value(value)
        case .int(let value): json.value(value)
        case .double(let value): json.value(value)
        case .string(let value): json.value(value)
        case .array(let elements):
            json.beginArray()
            for element in elements { element.write(to: &json) }
            json.endArray()
        case .object(let members):
            json.beginObject()
            for member in members {
                json.key(text: member.key)
                member.value.write(to: &json)
            }
            json.endObject()
        }
    }

    /// The value as bytes, in the order its members have.
    public var bytes: Bytes {
        var writer = JSONWriter()
        self.write(to: &writer)
        return writer.bytes
    }
}
