// SPDX-License-Identifier: Apache-2.0

public import Codecs

/// One thing that may be configured. Lint, help and the reading of values all come from this one declaration.
public protocol FieldDescription: Sendable {
    /// The key in YAML.
    var name: String { get }
    /// The help text: what the field does, with its unit.
    var help: String { get }
    /// Tells whether the field must be given.
    var isRequired: Bool { get }
    /// Tells whether the field affects the output. Endpoints, timeouts and concurrency do not, and stay out of hashes.
    var shapesOutput: Bool { get }
    /// Tells whether the field was added to an operator that had already shipped. At its default it stays out of
    /// hashes, so that work begun before it came can be continued.
    var isAdded: Bool { get }
    /// The kind of value, in words.
    var typeName: String { get }
    /// The default as text, if there is one.
    var defaultText: String? { get }
    /// Reads a value.
    func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> (any Sendable)?
    /// The value as it goes into hashes.
    func canonical(_ value: (any Sendable)?) -> String
    /// Tells whether a value, or no value, means the default.
    func isDefault(_ value: (any Sendable)?) -> Bool
    /// Writes the members of a JSON schema's object, which has been begun: what may be written, with the help.
    func writeSchema(_ json: inout JSONWriter)
    /// The form in which it is given on a command line, where it is an adapter's.
    var form: FieldForm { get }
}

/// A field with a type. Declare it as a static constant and read it by `configuration[Self.size]`.
public struct Field<Value: FieldValue>: FieldDescription {
    /// The key in YAML.
    public let name: String
    /// The help text: what the field does, with its unit.
    public let help: String
    /// Tells whether the field must be given.
    public let isRequired: Bool
    /// Tells whether the field affects the output.
    public let shapesOutput: Bool
    /// Tells whether the field was added to an operator that had already shipped.
    public let isAdded: Bool
    /// The value where none is given.
    public let defaultValue: Value
    let check: @Sendable (Value) -> String?

    /// Declares a field that may be left out.
    /// - Parameters:
    ///   - isAdded: says that the operator has shipped without it. Its default then means what the operator did before.
    ///   - check: answers what is wrong with a value, if something is.
    public init(
        _ name: String, default defaultValue: Value, shapesOutput: Bool = true, isAdded: Bool = false, help: String,
        check: @escaping @Sendable (Value) -> String? = { _ in nil }
    ) {
        self.name = name
        self.help = help
        self.isRequired = false
        self.shapesOutput = shapesOutput
        self.isAdded = isAdded
        self.defaultValue = defaultValue
        self.check = check
    }

    /// Declares a field that must be given; `example` is a valid value. No shipped operator can be given one: the files
    /// that name it lack the field.
    public init(
        _ name: String, required example: Value, shapesOutput: Bool = true, help: String,
        check: @escaping @Sendable (Value) -> String? = { _ in nil }
    ) {
        self.name = name
        self.help = help
        self.isRequired = true
        self.shapesOutput = shapesOutput
        self.isAdded = false
        self.defaultValue = example
        self.check = check
    }

    /// The kind of value, in words.
    public var typeName: String { Value.typeName }

    /// The form in which it is given on a command line.
    public var form: FieldForm { Value.form }

    /// The default as text, if there is one.
    public var defaultText: String? { self.isRequired ? nil : self.defaultValue.canonical }

    /// Reads a value, or reports what is wrong with the node.
    public func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> (any Sendable)? {
        guard let value = Value.read(node, &reader) else { return nil }
        if let problem = self.check(value) {
            reader.report(node.mark, "`\(self.name)`: \(problem)")
            return nil
        }
        return value
    }

    /// The value as text, the same for equal values.
    public func canonical(_ value: (any Sendable)?) -> String {
        (value as? Value ?? self.defaultValue).canonical
    }

    /// Tells whether a value, or no value, means the default.
    public func isDefault(_ value: (any Sendable)?) -> Bool {
        let value = value as? Value ?? self.defaultValue
        return value.canonical == self.defaultValue.canonical && value.isNone == self.defaultValue.isNone
    }
}

extension Field where Value: Comparable {
    /// Declares a field whose value lies in a range.
    public init(
        _ name: String, default defaultValue: Value, in range: ClosedRange<Value>, shapesOutput: Bool = true,
        isAdded: Bool = false, help: String
    ) {
        self.init(name, default: defaultValue, shapesOutput: shapesOutput, isAdded: isAdded, help: help) { value in
            range.contains(value)
                ? nil : "\(value.canonical) is outside \(range.lowerBound.canonical)…\(range.upperBound.canonical)"
        }
    }
}

/// A group of fields under one key, which may be left out as a whole.
public struct Section: FieldDescription {
    /// The key in YAML.
    public let name: String
    /// The help text: what the group does.
    public let help: String
    /// The fields of the group.
    public let fields: [any FieldDescription]
    /// Tells whether the group was added to an operator that had already shipped.
    public let isAdded: Bool

    /// Declares a group.
    /// - Parameter isAdded: says that the operator has shipped without it. Left out, it then means what the operator
    ///   did before; given empty, it is another configuration.
    public init(_ name: String, isAdded: Bool = false, help: String, fields: [any FieldDescription]) {
        self.name = name
        self.isAdded = isAdded
        self.help = help
        self.fields = fields
    }

    /// Tells whether the group must be given: never.
    public var isRequired: Bool { false }
    /// Tells whether the group affects the output: always.
    public var shapesOutput: Bool { true }
    /// The kind of value, in words.
    public var typeName: String { "a mapping" }
    /// The default as text, if there is one.
    public var defaultText: String? { nil }

    /// Reads a value, or reports what is wrong with the node.
    public func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> (any Sendable)? {
        reader.configuration(node, fields: self.fields)
    }

    /// The value as text, the same for equal values.
    public func canonical(_ value: (any Sendable)?) -> String {
        (value as? Configuration)?.canonical(self.fields) ?? "absent"
    }

    /// Tells whether the group is left out.
    public func isDefault(_ value: (any Sendable)?) -> Bool { value as? Configuration == nil }
}

/// A type that a field may have.
public protocol FieldValue: Sendable {
    /// The kind of value, in words: "a whole number".
    static var typeName: String { get }
    /// Reads a value, or reports what is wrong with the node.
    static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> Self?
    /// The value as text, the same for equal values.
    var canonical: String { get }
    /// Tells whether this is the absence of a value, which as text might also be a word.
    var isNone: Bool { get }
    /// Writes the members of a JSON schema's object, which has been begun: what may stand for a value.
    static func writeSchema(_ json: inout JSONWriter)
    /// The form in which a value is given on a command line.
    static var form: FieldForm { get }
}

extension FieldValue {
    /// Most values are present.
    public var isNone: Bool { false }
}

extension Int: FieldValue {
    /// The kind of value, in words.
    public static var typeName: String { "a whole number" }
    /// Reads a value, or reports what is wrong with the node.
    public static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> Int? {
        reader.scalar(node, as: Self.typeName) { Int($0.replacing("_", with: "")) }
    }
    /// The value as text, the same for equal values.
    public var canonical: String { String(self) }
}

extension Double: FieldValue {
    /// The kind of value, in words.
    public static var typeName: String { "a number" }
    /// Reads a value, or reports what is wrong with the node.
    public static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> Double? {
        reader.scalar(node, as: Self.typeName) { Double($0).flatMap { $0.isFinite ? $0 : nil } }
    }
    /// The value as text, the same for equal values.
    public var canonical: String { String(self) }
}

extension Bool: FieldValue {
    /// The kind of value, in words.
    public static var typeName: String { "true or false" }
    /// Reads a value, or reports what is wrong with the node.
    public static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> Bool? {
        reader.scalar(node, as: Self.typeName) { ["true": true, "false": false][$0.lowercased()] }
    }
    /// The value as text, the same for equal values.
    public var canonical: String { String(self) }
}

extension String: FieldValue {
    /// The kind of value, in words.
    public static var typeName: String { "text" }
    /// Reads a value, or reports what is wrong with the node.
    public static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> String? {
        reader.scalar(node, as: Self.typeName) { $0 }
    }
    /// The value as text, the same for equal values.
    public var canonical: String { self }
}

extension Array: FieldValue where Element: FieldValue {
    /// The kind of value, in words.
    public static var typeName: String { "a list, each \(Element.typeName)" }
    /// Reads a value, or reports what is wrong with the node.
    public static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> [Element]? {
        guard case .sequence(let nodes) = node.content else {
            reader.report(node.mark, "expected \(Self.typeName), found \(node.kindName)")
            return nil
        }
        let elements = nodes.map { Element.read($0, &reader) }
        return elements.contains { $0 == nil } ? nil : elements.compactMap { $0 }
    }
    /// The value as text, the same for equal values.
    public var canonical: String {
        // Quotes keep `[a, b]` and `["a,b"]` apart.
        let elements = self.map { element in
            let text = element.canonical
            if !text.isEmpty, !text.contains(where: { "[],\"\\".contains($0) }) { return text }
            return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        return "[" + elements.joined(separator: ",") + "]"
    }
}

extension Optional: FieldValue where Wrapped: FieldValue {
    /// The kind of value, in words.
    public static var typeName: String { Wrapped.typeName }
    /// Reads a value, or reports what is wrong with the node.
    public static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> Wrapped?? {
        Wrapped.read(node, &reader).map(Optional.some)
    }
    /// The value as text, the same for equal values.
    public var canonical: String { self?.canonical ?? "none" }
    /// Tells whether this is the absence of a value.
    public var isNone: Bool { self == nil }
}

/// One of a few words: an enumeration whose raw values are the words.
public protocol Choice: FieldValue, CaseIterable, RawRepresentable where RawValue == String {}

extension Choice {
    /// The kind of value, in words.
    public static var typeName: String { "one of " + Self.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ") }
    /// Reads a value, or reports what is wrong with the node.
    public static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> Self? {
        guard let word = reader.scalar(node, as: Self.typeName, { $0 }) else { return nil }
        if let value = Self(rawValue: word) { return value }
        let words = Self.allCases.map(\.rawValue)
        reader.report(node.mark, "`\(word)` is not \(Self.typeName); \(Spelling.help(for: word, among: words))")
        return nil
    }
    /// The value as text, the same for equal values.
    public var canonical: String { self.rawValue }
}

/// A file beside the topology, read when the topology is loaded. Its content, not its name, goes into hashes.
public struct FileReference: FieldValue, Hashable {
    /// The path as it is written.
    public var path: String
    /// The text in the file.
    public var content: String

    /// Creates a reference.
    public init(path: String, content: String) {
        self.path = path
        self.content = content
    }

    /// The kind of value, in words.
    public static var typeName: String { "the path of a text file" }
    /// Reads a value, or reports what is wrong with the node.
    public static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> FileReference? {
        guard let path = reader.scalar(node, as: Self.typeName, { $0.isEmpty ? nil : $0 }) else { return nil }
        do {
            return FileReference(path: path, content: try reader.files(path))
        } catch let error as ConfigurationError {
            reader.report(node.mark, error.message)
            return nil
        } catch {
            reader.report(node.mark, "cannot read `\(path)`: \(error)")
            return nil
        }
    }
    /// The value as text, the same for equal values.
    public var canonical: String { self.content }
}
