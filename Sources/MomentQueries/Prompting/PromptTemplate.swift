// SPDX-License-Identifier: Apache-2.0

public import Dataflow
public import ModelRequests
internal import NarrationGrammar
public import VideoAnnotations

/// A prompt with places for what differs from block to block.
///
/// The file is text. A line `@system`, `@user` or `@assistant` begins a message, which goes on to the next such line;
/// white space around a message is dropped. Lines before the first message are comments. `{{name}}` is a placeholder:
///
/// | placeholder | becomes | in the system message |
/// |---|---|---|
/// | `{{templates}}` | the names of the 13 query templates, one a line | yes |
/// | `{{schema}}` | the JSON schema of an answer (`AnswerSchema.promptText`) | yes |
/// | `{{narrations}}` | the narrations, cleaned, one a line, each after its id in brackets | no |
/// | `{{narration_ids}}` | their ids, separated by commas | no |
/// | `{{narration_count}}` | how many they are | no |
///
/// Ids count from 1 in each block (`PromptedBlock.ids`), and nothing in a prompt tells the block's place, time or
/// video: blocks of the same texts have the same prompt, and a narration that is inserted into a video changes the
/// prompts of the blocks that it is in and no others.
///
/// The first message is the system's and the same for every block, so that servers which keep the state of a common
/// prefix compute it once; the last is the user's and holds the narrations.
public struct PromptTemplate: Sendable {
    private enum Segment: Sendable {
        case text(String)
        case field(Field)
    }

    private enum Field: String, CaseIterable {
        case narrations
        case narrationIDs = "narration_ids"
        case narrationCount = "narration_count"
    }

    private enum Constant: String, CaseIterable {
        case templates
        case schema

        var text: String {
            switch self {
            case .templates: QueryTemplate.allCases.map { "- \($0.rawValue)" }.joined(separator: "\n")
            case .schema: AnswerSchema.promptText
            }
        }
    }

    private struct Message: Sendable {
        let role: ChatMessage.Role
        let segments: [Segment]
        /// The content, where it is the same for every block.
        let constant: String?
    }

    private let messages: [Message]

    /// Reads a template.
    /// - Throws: `ConfigurationError` with the line of what is wrong.
    public init(_ file: FileReference) throws(ConfigurationError) {
        let sections = Self.sections(of: file.content)
        var messages: [Message] = []
        for section in sections {
            let segments = try Self.segments(of: section, in: file.path)
            messages.append(Message(role: section.role, segments: segments, constant: Self.constant(segments)))
        }
        try Self.check(messages, sections, file.path)
        self.messages = messages
    }

    /// The messages for a block.
    public func render(_ block: Block) -> [ChatMessage] { self.render(BlockReading(block)) }

    /// The messages for a block that has been read.
    func render(_ reading: BlockReading) -> [ChatMessage] {
        self.messages.map { message in
            let content = message.constant ?? message.segments.map { Self.text(of: $0, for: reading) }.joined()
            return ChatMessage(role: message.role, content: content)
        }
    }

    private static func text(of segment: Segment, for reading: BlockReading) -> String {
        let ids = PromptedBlock.ids(of: reading.block)
        switch segment {
        case .text(let text): return text
        case .field(.narrations):
            return zip(ids, reading.narrations).map { "[\($0)] \($1.text.display)" }.joined(separator: "\n")
        case .field(.narrationIDs): return ids.map(String.init).joined(separator: ", ")
        case .field(.narrationCount): return String(ids.count)
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
}

extension PromptTemplate {
    private struct Section {
        let role: ChatMessage.Role
        /// The line of the file that its first line of text is, from 1.
        let line: Int
        let text: String
    }

    private static func sections(of content: String) -> [Section] {
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

    private static func segments(of section: Section, in path: String) throws(ConfigurationError) -> [Segment] {
        var segments: [Segment] = []
        var rest = Substring(section.text)
        while let opening = rest.firstRange(of: "{{") {
            let line = section.line + section.text[..<opening.lowerBound].count { $0.isNewline }
            guard let closing = rest[opening.upperBound...].firstRange(of: "}}") else {
                throw self.error(path, line, "`{{` without `}}`")
            }
            segments.append(.text(String(rest[..<opening.lowerBound])))
            let name = rest[opening.upperBound..<closing.lowerBound].filter { !$0.isWhitespace }
            if let constant = Constant(rawValue: name) {
                segments.append(.text(constant.text))
            } else if let field = Field(rawValue: name) {
                segments.append(.field(field))
            } else {
                let valid = (Constant.allCases.map(\.rawValue) + Field.allCases.map(\.rawValue)).sorted()
                let list = valid.map { "`{{\($0)}}`" }.joined(separator: ", ")
                throw self.error(path, line, "unknown placeholder `{{\(name)}}`; valid here: \(list)")
            }
            rest = rest[closing.upperBound...]
        }
        segments.append(.text(String(rest)))
        return segments
    }

    private static func check(
        _ messages: [Message], _ sections: [Section], _ path: String
    ) throws(ConfigurationError) {
        guard let first = messages.first, let last = messages.last else {
            throw self.error(path, 1, "no message; begin one with a line `@system`, `@user` or `@assistant`")
        }
        guard first.role == .system, messages.dropFirst().allSatisfy({ $0.role != .system }) else {
            throw self.error(path, sections[0].line, "the first message, and no other, must be `@system`")
        }
        guard first.constant != nil else {
            throw self.error(
                path, sections[0].line,
                "the system message must be the same for every block; move its placeholders to `@user`")
        }
        let hasNarrations = last.segments.contains { if case .field(.narrations) = $0 { true } else { false } }
        guard last.role == .user, hasNarrations else {
            throw self.error(
                path, sections[sections.count - 1].line, "the last message must be `@user` and hold `{{narrations}}`")
        }
    }

    private static func error(_ path: String, _ line: Int, _ message: String) -> ConfigurationError {
        ConfigurationError("\(path):\(line): \(message)", field: "template")
    }
}
