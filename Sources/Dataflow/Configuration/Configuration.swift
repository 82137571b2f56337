// SPDX-License-Identifier: Apache-2.0

/// A piece of YAML with its place in the file, after the environment has been applied.
public struct ConfigurationNode: Sendable {
    /// The content of a node.
    public indirect enum Content: Sendable {
        /// A plain or quoted word; `null` where it is empty.
        case scalar(String)
        /// A list.
        case sequence([ConfigurationNode])
        /// Keys and values in file order.
        case mapping([(key: String, mark: SourceMark, value: ConfigurationNode)])
    }

    /// The content: a word, a list, or keys and values.
    public var content: Content
    /// The place in the file.
    public var mark: SourceMark
    /// Tells whether it is a word in quotes, which is text whatever it looks like.
    public var isQuoted: Bool

    /// Creates a node.
    public init(_ content: Content, mark: SourceMark, isQuoted: Bool = false) {
        self.content = content
        self.mark = mark
        self.isQuoted = isQuoted
    }

    /// The kind of node, in words.
    public var kindName: String {
        switch self.content {
        case .scalar(let text): text.isEmpty ? "nothing" : "`\(text)`"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// The values of some fields, checked.
public struct Configuration: Sendable {
    var values: [String: any Sendable] = [:]

    /// Creates an empty configuration, in which every field has its default.
    public init() {}

    /// The value of a field, or its default.
    public subscript<Value>(field: Field<Value>) -> Value { self.values[field.name] as? Value ?? field.defaultValue }

    /// The values of a section, where it is given.
    public subscript(section: Section) -> Configuration? { self.values[section.name] as? Configuration }

    /// Sets a field, for tests and programs.
    public mutating func set<Value>(_ field: Field<Value>, _ value: Value) { self.values[field.name] = value }

    /// Sets a section, for tests and programs.
    public mutating func set(_ section: Section, _ value: Configuration) { self.values[section.name] = value }

    /// The values that shape the output as text, defaults included, in the order of the fields. A field that was added
    /// to a shipped operator is included only at values other than its default.
    public func canonical(_ fields: [any FieldDescription]) -> String {
        let parts = fields.filter(\.shapesOutput).compactMap { field -> String? in
            let value = self.values[field.name]
            if field.isAdded, field.isDefault(value) { return nil }
            return "\(field.name)=\(Self.quoted(field.canonical(value)))"
        }
        return "{" + parts.joined(separator: ";") + "}"
    }

    /// Lengths before texts keep any two different configurations different.
    private static func quoted(_ text: String) -> String { "\(text.utf8.count):\(text)" }
}

/// Reads configurations from nodes and gathers everything that is wrong, not just the first thing.
public struct ConfigurationReader {
    /// The file that is read, for diagnostics.
    public let file: String
    /// Reads a text file by a path relative to the topology; what a `ConfigurationError` says is reported as it is.
    public let files: @Sendable (String) throws -> String
    /// The errors and warnings found so far.
    public private(set) var diagnostics: [Diagnostic] = []

    /// Creates a reader.
    public init(file: String, files: @escaping @Sendable (String) throws -> String) {
        self.file = file
        self.files = files
    }

    /// Notes an error, or a warning.
    public mutating func report(_ mark: SourceMark?, _ message: String, severity: Diagnostic.Severity = .error) {
        self.diagnostics.append(Diagnostic(file: self.file, mark: mark, severity: severity, message: message))
    }

    /// Tells whether an error has been noted.
    public var hasErrors: Bool { self.diagnostics.contains { $0.severity == .error } }

    /// Reads a mapping whose keys are the names of fields.
    public mutating func configuration(_ node: ConfigurationNode, fields: [any FieldDescription]) -> Configuration? {
        var configuration = Configuration()
        guard let members = self.members(of: node) else { return nil }
        let errorsBefore = self.diagnostics.count
        for member in members {
            guard let field = fields.first(where: { $0.name == member.key }) else {
                self.reportUnknown(member.key, member.mark, among: fields)
                continue
            }
            configuration.values[field.name] = field.read(member.value, &self)
        }
        for field in fields where field.isRequired && !members.contains(where: { $0.key == field.name }) {
            self.reportMissing(field, node.mark)
        }
        return self.diagnostics.count > errorsBefore ? nil : configuration
    }

    /// Checks a mapping that is meant for one of several lists of fields, nobody knows which: each key has to be in one
    /// of them, its value has to be right for one field of that name, and what all lists require has to be there.
    package mutating func check(_ node: ConfigurationNode, againstAny lists: [[any FieldDescription]]) {
        guard let members = self.members(of: node) else { return }
        for member in members {
            let fields = lists.compactMap { $0.first { $0.name == member.key } }
            let sections = fields.compactMap { $0 as? Section }
            if fields.isEmpty {
                self.reportUnknown(member.key, member.mark, among: lists.flatMap { $0 })
            } else if sections.count == fields.count {
                self.check(member.value, againstAny: sections.map(\.fields))
            } else {
                self.check(member.value, againstAny: fields)
            }
        }
        for field in lists.first ?? [] where !members.contains(where: { $0.key == field.name }) {
            let isRequired = lists.allSatisfy { $0.contains { $0.name == field.name && $0.isRequired } }
            if isRequired { self.reportMissing(field, node.mark) }
        }
    }

    /// Reports what the first field has against a value that is right for none.
    private mutating func check(_ node: ConfigurationNode, againstAny fields: [any FieldDescription]) {
        var first: ConfigurationReader?
        for field in fields {
            var attempt = self
            if field.read(node, &attempt) != nil { return }
            first = first ?? attempt
        }
        if let first { self = first }
    }

    private mutating func reportUnknown(_ key: String, _ mark: SourceMark, among fields: [any FieldDescription]) {
        let names = Set(fields.map(\.name)).sorted()
        self.report(mark, "unknown key `\(key)`; \(Spelling.help(for: key, among: names))")
    }

    private mutating func reportMissing(_ field: any FieldDescription, _ mark: SourceMark) {
        self.report(mark, "missing key `\(field.name)`: \(field.help)")
    }

    /// The members of a mapping; nothing at all counts as an empty one.
    package mutating func members(
        of node: ConfigurationNode
    ) -> [(key: String, mark: SourceMark, value: ConfigurationNode)]? {
        switch node.content {
        case .mapping(let members): return members
        case .scalar(""): return []
        default:
            self.report(node.mark, "expected a mapping, found \(node.kindName)")
            return nil
        }
    }

    /// Reads a scalar by a conversion that answers `nil` for what it cannot take.
    package mutating func scalar<Value>(
        _ node: ConfigurationNode, as typeName: String, _ convert: (String) -> Value?
    ) -> Value? {
        if case .scalar(let text) = node.content, let value = convert(text) { return value }
        self.report(node.mark, "expected \(typeName), found \(node.kindName)")
        return nil
    }
}
