// SPDX-License-Identifier: Apache-2.0

public import Dataflow
public import ModelRequests

/// A prompt with places for what differs from record to record.
///
/// The file is text. A line `@system`, `@user` or `@assistant` begins a message, which goes on to the next such line;
/// white space around a message is dropped. Lines before the first message are comments. `{{name}}` is a placeholder,
/// one of those that the task gives: it stands for the same text in every prompt, or for a text about the subject.
///
/// The first message is the system's and the same for every subject, so that servers which keep the state of a common
/// prefix compute it once; the last is the user's and holds what the prompt is about.
public struct PromptTemplate<Subject>: Sendable {
    /// A name in double braces, and the text that it stands for.
    public struct Placeholder: Sendable {
        fileprivate enum Text: Sendable {
            case constant(String)
            case varying(@Sendable (Subject) -> String)
        }

        /// The name, as it stands between the braces.
        public let name: String
        fileprivate let text: Text

        /// A placeholder for the same text in every prompt. It may stand in the system message.
        public static func constant(_ name: String, _ text: String) -> Placeholder {
            Placeholder(name: name, text: .constant(text))
        }

        /// A placeholder for a text about the subject. Everything that decides the text is in the subject: equal
        /// subjects have equal prompts.
        public static func about(_ name: String, _ text: @escaping @Sendable (Subject) -> String) -> Placeholder {
            Placeholder(name: name, text: .varying(text))
        }
    }

    private enum Segment: Sendable {
        case text(String)
        case field(Placeholder)
    }

    private struct Message: Sendable {
        let role: ChatMessage.Role
        let segments: [Segment]
        /// The content, where it is the same for every subject.
        let constant: String?
    }

    private let messages: [Message]

    /// The names of the placeholders for texts about the subject that stand in the file.
    public var shown: Set<String> {
        var names: Set<String> = []
        for case .field(let placeholder) in self.messages.flatMap(\.segments) { names.insert(placeholder.name) }
        return names
    }

    /// Reads a template.
    /// - Parameters:
    ///   - field: the field of the step's configuration that names the file; errors are about it.
    ///   - placeholders: the names that may stand in the file, each once.
    ///   - required: the name of the placeholder that the last message has to hold.
    /// - Throws: `ConfigurationError` with the line of what is wrong.
    public init(
        _ file: FileReference, field: String, _ placeholders: [Placeholder], required: String
    ) throws(ConfigurationError) {
        precondition(placeholders.contains { $0.name == required }, "`\(required)` is no placeholder")
        let reader = TemplateReader(path: file.path, field: field)
        let sections = reader.sections(of: file.content)
        var messages: [Message] = []
        for section in sections {
            let segments = try Self.segments(of: section, placeholders, reader)
            messages.append(Message(role: section.role, segments: segments, constant: Self.constant(segments)))
        }
        try Self.check(messages, sections, required, reader)
        self.messages = messages
    }

    /// The messages about a subject.
    public func render(_ subject: Subject) -> [ChatMessage] {
        self.messages.map { message in
            let content = message.constant ?? message.segments.map { Self.text(of: $0, for: subject) }.joined()
            return ChatMessage(role: message.role, content: content)
        }
    }

    private static func text(of segment: Segment, for subject: Subject) -> String {
        switch segment {
        case .text(let text): return text
        case .field(let placeholder):
            switch placeholder.text {
            case .constant(let text): return text
            case .varying(let text): return text(subject)
            }
        }
    }

    private static func constant(_ segments: [Segment]) -> String? {
        var content = ""
        for segment in segments {
            guard case .text(let text) = segment else { return nil }
            content += text
        }
        return content
    }

    private static func segments(
        of section: TemplateReader.Section, _ placeholders: [Placeholder], _ reader: TemplateReader
    ) throws(ConfigurationError) -> [Segment] {
        var segments: [Segment] = []
        var rest = Substring(section.text)
        while let opening = rest.firstRange(of: "{{") {
            let line = section.line + section.text[..<opening.lowerBound].count { $0.isNewline }
            guard let closing = rest[opening.upperBound...].firstRange(of: "}}") else {
                throw reader.error(line, "`{{` without `}}`")
            }
            segments.append(.text(String(rest[..<opening.lowerBound])))
            let name = rest[opening.upperBound..<closing.lowerBound].filter { !$0.isWhitespace }
            guard let placeholder = placeholders.first(where: { $0.name == name }) else {
                let list = placeholders.map(\.name).sorted().map { "`{{\($0)}}`" }.joined(separator: ", ")
                throw reader.error(line, "unknown placeholder `{{\(name)}}`; valid here: \(list)")
            }
            if case .constant(let text) = placeholder.text {
                segments.append(.text(text))
            } else {
                segments.append(.field(placeholder))
            }
            rest = rest[closing.upperBound...]
        }
        segments.append(.text(String(rest)))
        return segments
    }

    private static func check(
        _ messages: [Message], _ sections: [TemplateReader.Section], _ required: String, _ reader: TemplateReader
    ) throws(ConfigurationError) {
        guard let first = messages.first, let last = messages.last else {
            throw reader.error(1, "no message; begin one with a line `@system`, `@user` or `@assistant`")
        }
        guard first.role == .system, messages.dropFirst().allSatisfy({ $0.role != .system }) else {
            throw reader.error(sections[0].line, "the first message, and no other, must be `@system`")
        }
        guard first.constant != nil else {
            throw reader.error(
                sections[0].line,
                "the system message must be the same for every record; move its placeholders to `@user`")
        }
        let isAbout = last.segments.contains { if case .field(let one) = $0 { one.name == required } else { false } }
        guard last.role == .user, isAbout else {
            throw reader.error(
                sections[sections.count - 1].line, "the last message must be `@user` and hold `{{\(required)}}`")
        }
    }
}

/// Takes a template's file apart.
struct TemplateReader {
    /// A message of the file.
    struct Section {
        let role: ChatMessage.Role
        /// The line of the file that its first line of text is, from 1.
        let line: Int
        let text: String
    }

    /// The file's path, and the field of the configuration that names it.
    let path: String
    let field: String

    func sections(of content: String) -> [Section] {
        var sections: [Section] = []
        var open: (role: ChatMessage.Role, line: Int, lines: [Substring])?
        func close() {
            guard let section = open else { return }
            let blank = section.lines.prefix { $0.allSatisfy(\.isWhitespace) }.count
            let lines = section.lines.dropFirst(blank).reversed().drop { $0.allSatisfy(\.isWhitespace) }.reversed()
            sections.append(
                Section(role: section.role, line: section.line + blank, text: lines.joined(separator: "\n")))
        }
        let lines = content.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            if line.first == "@", let role = ChatMessage.Role(rawValue: Self.word(line.dropFirst())) {
                close()
                open = (role, index + 2, [])
            } else {
                open?.lines.append(line)
            }
        }
        close()
        return sections
    }

    private static func word(_ text: Substring) -> String {
        String(text.reversed().drop(while: \.isWhitespace).reversed())
    }

    func error(_ line: Int, _ message: String) -> ConfigurationError {
        ConfigurationError("\(self.path):\(line): \(message)", field: self.field)
    }
}
