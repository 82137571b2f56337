// SPDX-License-Identifier: Apache-2.0

import Codecs

/// Tells two runs that they are at the same place in the same stream: what a line says of where it came from, or what
/// it holds. The manifest keeps that of each shard's last line, in fields of its own.
public struct LineIdentity: Hashable, Sendable {
    /// A value of a field.
    public enum Value: Hashable, Sendable {
        /// A text.
        case text(String)
        /// A whole number.
        case number(Int)
        /// The line does not say it.
        case absent

        /// The text, or else nothing.
        public init(_ text: String?) { self = text.map(Self.text) ?? .absent }

        /// The number, or else nothing.
        public init(_ number: Int?) { self = number.map(Self.number) ?? .absent }
    }

    /// One thing that a line is known by.
    public struct Field: Hashable, Sendable {
        /// The field's name in the manifest.
        public var name: String
        /// Its value.
        public var value: Value
    }

    /// Prefix of the names of all fields, by which they are known in a manifest, whatever the schema.
    public static let prefix = "last_"

    /// The fields, in the manifest's order.
    public private(set) var fields: [Field]

    /// Describes an identity.
    /// - Parameter fields: the values by their names in the manifest, each of which starts with `prefix`.
    public init(_ fields: KeyValuePairs<String, Value> = [:]) {
        self.fields = fields.map { Field(name: $0.key, value: $0.value) }
    }

    /// Takes a field of a manifest; a name that is there already gets the new value.
    mutating func set(_ name: String, _ value: Value) {
        if let index = self.fields.firstIndex(where: { $0.name == name }) {
            self.fields[index].value = value
        } else {
            self.fields.append(Field(name: name, value: value))
        }
    }

    /// Tells whether nothing is known: earlier programs wrote three absent fields for lines of schemas that they did
    /// not know.
    public var isUnknown: Bool { self.fields.allSatisfy { $0.value == .absent } }

    /// The identity in words, for messages.
    var text: String {
        let fields = self.fields.map { field in
            let name = field.name.dropFirst(Self.prefix.count).replacing("_", with: " ")
            return switch field.value {
            case .text(let text): "\(name) \(text)"
            case .number(let number): "\(name) \(number)"
            case .absent: "no \(name)"
            }
        }
        return fields.isEmpty ? "nothing known" : fields.joined(separator: ", ")
    }
}

extension LineIdentity {
    /// The identity of a line of any schema: the SHA-256 of what it holds, its lineage left out, because that names the
    /// topology, which a replay under another may share all content with.
    ///
    /// Of an object it is that of the texts of its members, each with a line feed behind it, but for `lineage`; of any
    /// other line that of its bytes.
    static func ofContent(_ line: UnsafeBufferPointer<UInt8>) -> LineIdentity {
        let hash = (try? self.hashOfMembers(line)) ?? ContentHash.sha256(Bytes(line))
        return LineIdentity(["last_line_sha256": .text(hash)])
    }

    private static func hashOfMembers(_ line: UnsafeBufferPointer<UInt8>) throws(JSONError) -> String {
        var hash = ContentHash.Stream()
        var json = JSONScanner(line)
        try json.beginObject()
        var start = json.offset
        while let key = try json.nextKey() {
            let end = try json.skip().upperBound
            defer { start = end }
            if key == "lineage" { continue }
            // A member starts behind a comma and white space, with its key's quote.
            let member = line[start..<end].drop { $0 != UInt8(ascii: "\"") }
            hash.update(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: member)))
            hash.update([UInt8(ascii: "\n")])
        }
        try json.finish()
        return hash.finish()
    }
}

/// Knowledge that shards need of the lines they hold. A task's room has one for each schema of its samples.
public struct LineSchema: Sendable {
    /// Says what a line is known by; the line has no newline.
    public typealias Identify = @Sendable (UnsafeBufferPointer<UInt8>) -> LineIdentity

    /// The name of the type of stream whose values are the lines.
    public let streamType: String
    /// Says what a line is known by.
    public let identity: Identify

    /// Describes a schema.
    public init(streamType: String, identity: @escaping Identify) {
        self.streamType = streamType
        self.identity = identity
    }

    /// Lines of which nothing is known: each is known by its content.
    public static let any = LineSchema(streamType: "any", identity: LineIdentity.ofContent)
}
