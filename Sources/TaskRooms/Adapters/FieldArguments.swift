// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import DurableFiles

/// The command line of a source by the fields of its adapter.
///
/// The parser finds the options of a type by looking at its properties. Here they are those that the mirror shows, one
/// a field; so help, completion and the parser's own errors know them as they know any others.
public struct FieldArguments<Adapter: ConfigurableAdapter>: SourceArguments, CustomReflectable {
    /// The words that were given, by the field's name.
    private var words: [String: [String]] = [:]

    /// A line about the source for the list of sources.
    public static var abstract: String { Adapter.specification.summary }

    /// Examples of its use.
    public static var discussion: String {
        let examples = Adapter.specification.examples
        return examples.isEmpty ? "" : "EXAMPLES\n" + examples.map { "  \($0)" }.joined(separator: "\n")
    }

    /// Creates arguments that are to be parsed.
    public init() {}

    /// Takes what was parsed.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FieldKey.self)
        for field in Adapter.specification.fields {
            let key = FieldKey(stringValue: field.name)
            switch field.form {
            case .flag:
                if let isSet = try container.decodeIfPresent(Bool.self, forKey: key) {
                    self.words[field.name] = [isSet ? "true" : "false"]
                }
            case .word:
                if field.isRequired {
                    // By the wrapper, which says in the parser's words that it is missing.
                    self.words[field.name] = [
                        try container.decode(Option<String>.self, forKey: key).wrappedValue
                    ]
                } else if let word = try container.decodeIfPresent(String.self, forKey: key) {
                    self.words[field.name] = [word]
                }
            case .list:
                let words = try container.decodeIfPresent([String].self, forKey: key) ?? []
                if !words.isEmpty { self.words[field.name] = words }
            }
        }
    }

    /// Shows an option a field.
    public var customMirror: Mirror {
        let options = Adapter.specification.fields.map { (label: String?.some($0.name), value: Self.option($0)) }
        return Mirror(self, children: options, displayStyle: .struct)
    }

    private static func option(_ field: any FieldDescription) -> Any {
        let name = NameSpecification.customLong(field.name)
        let help = ArgumentHelp(Self.help(field), valueName: Self.valueName(field))
        switch field.form {
        case .flag:
            return field.isDefault(true)
                ? Flag(wrappedValue: true, name: name, inversion: .prefixedNo, help: help)
                : Flag(wrappedValue: false, name: name, help: help)
        case .word:
            return field.isRequired ? Option<String>(name: name, help: help) : Option<String?>(name: name, help: help)
        case .list: return Option<[String]>(wrappedValue: [], name: name, parsing: .singleValue, help: help)
        }
    }

    /// The help of a field, with the words that it takes and its default, as the parser says them of other options.
    private static func help(_ field: any FieldDescription) -> String {
        var help = field.help
        if field.typeName.hasPrefix("one of ") { help += " Takes \(field.typeName)." }
        if field.form == .list { help += " May be repeated." }
        if field.form == .word, !field.isRequired, let text = field.defaultText, !text.isEmpty, text != "none" {
            help += " (default: \(text))"
        }
        return help
    }

    private static func valueName(_ field: any FieldDescription) -> String? {
        switch field.typeName {
        case Int.typeName: "n"
        case Double.typeName: "number"
        case FileReference.typeName: "file"
        default: nil
        }
    }

    /// Reads the words by the fields, and opens the adapter.
    /// - Throws: `TaskFailure` that names the option; what the adapter throws else.
    public func makeAdapter() throws -> Adapter {
        let configuration = try self.configuration()
        do {
            return try Adapter(configuration)
        } catch let error as ConfigurationError {
            throw TaskFailure(.usage, (error.field.map { "--\($0): " } ?? "") + error.message)
        }
    }

    private func configuration() throws -> Configuration {
        let fields = Adapter.specification.fields
        var members: [(key: String, mark: SourceMark, value: ConfigurationNode)] = []
        for (index, field) in fields.enumerated() {
            guard let words = self.words[field.name] else { continue }
            // The line of a mark says which field it is about.
            let mark = SourceMark(line: index + 1, column: 1)
            let nodes = words.map { ConfigurationNode(.scalar($0), mark: mark, isQuoted: true) }
            let value = field.form == .list ? ConfigurationNode(.sequence(nodes), mark: mark) : nodes[0]
            members.append((field.name, mark, value))
        }
        var reader = ConfigurationReader(file: "") { path in
            String(decoding: try UserFile.contents(path), as: UTF8.self)
        }
        let node = ConfigurationNode(.mapping(members), mark: SourceMark(line: 0, column: 1))
        if let configuration = reader.configuration(node, fields: fields) { return configuration }
        let problems = reader.diagnostics.map { problem in
            let index = (problem.mark?.line ?? 0) - 1
            guard fields.indices.contains(index) else { return problem.message }
            let name = fields[index].name
            let prefix = "`\(name)`: "
            let message =
                problem.message.hasPrefix(prefix) ? problem.message.dropFirst(prefix.count) : problem.message[...]
            return "--\(name): \(message)"
        }
        throw TaskFailure(.usage, problems.joined(separator: "\n"))
    }
}

/// The key of an option: a field's name.
private struct FieldKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
