// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import Foundation
import TaskRooms
import Testing

/// A grain of rice, which nobody has to ingest here.
private struct Rice: RecordGroup {
    struct Grain: StreamValue {
        static let typeName = "rice"
        static let schemaVersion = 1
        init() {}
        init(json: inout JSONScanner) throws(JSONError) { try json.skip() }
        func write(to json: inout JSONWriter) { json.null() }
    }
    static let words = GroupWords(groups: "bags", wholeGroups: "bags", records: "grains")
    let name = "rice"
    let key = "rice"
    let count = 0
    func first(revision: Int) -> Grain { Grain() }
    func forEach(_ body: (Grain) -> Void) {}
    let end = Grain()
}

/// An adapter with a field of each form.
private struct RiceAdapter: ConfigurableAdapter {
    enum Color: String, Choice { case white, brown }
    static let file = Field("file", required: "", help: "The bag.")
    static let size = Field("size", default: 3, in: 1...9, help: "Grains at a time.")
    static let color = Field("color", default: Color.white, help: "The color.")
    static let label = Field<String?>("label", default: nil, help: "Words on it.")
    static let tags = Field<[String]>("tag", default: [], help: "A tag.")
    static let washed = Field("washed", default: false, help: "Washes it.")
    static let boiled = Field("boiled", default: true, help: "Boils it.")
    static let list = Field<FileReference?>("list", default: nil, help: "A list of grains.")
    static let topic = "rice"
    static let specification = SourceSpecification(
        name: "rice", summary: "Rice.",
        fields: [
            Self.file, Self.size, Self.color, Self.label, Self.tags, Self.washed, Self.boiled, Self.list,
        ],
        examples: ["millrace ingest rice --file bag"])

    let configuration: Configuration
    init(_ configuration: Configuration) throws {
        self.configuration = configuration
        if configuration[Self.label] == "none" { throw ConfigurationError("leave it out", field: "label") }
    }

    func read(progress: ProgressHandler?, _ body: (SourceItem<Rice>) throws -> Void) throws {}
}

/// The command that `ingest` makes of a source.
private struct RiceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rice", abstract: FieldArguments<RiceAdapter>.abstract,
        discussion: FieldArguments<RiceAdapter>.discussion)
    @OptionGroup var source: FieldArguments<RiceAdapter>
    @Option var topic = "rice"
}

@Suite("Options of an adapter's fields") struct FieldArgumentsTests {
    private func adapter(_ arguments: String...) throws -> Configuration {
        let command = try #require(try RiceCommand.parseAsRoot(arguments) as? RiceCommand)
        return try command.source.makeAdapter().configuration
    }

    @Test("What is given is read by the fields, and what is not has its default")
    func values() throws {
        let plain = try self.adapter("--file", "bag")
        #expect(plain[RiceAdapter.file] == "bag" && plain[RiceAdapter.size] == 3 && plain[RiceAdapter.color] == .white)
        #expect(plain[RiceAdapter.label] == nil && plain[RiceAdapter.tags] == [] && plain[RiceAdapter.list] == nil)
        #expect(!plain[RiceAdapter.washed] && plain[RiceAdapter.boiled])
        let full = try self.adapter(
            "--file", "bag", "--size=7", "--color", "brown", "--label", "a b", "--tag", "x", "--tag", "y,z", "--washed",
            "--no-boiled")
        #expect(full[RiceAdapter.size] == 7 && full[RiceAdapter.color] == .brown && full[RiceAdapter.label] == "a b")
        #expect(full[RiceAdapter.tags] == ["x", "y,z"] && full[RiceAdapter.washed] && !full[RiceAdapter.boiled])
    }

    @Test("A file is read where it is named")
    func file() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("rice-\(UUID().uuidString)").path
        try Data("one\n".utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(try self.adapter("--file", "bag", "--list", path)[RiceAdapter.list]?.content == "one\n")
    }

    @Test("Help tells each field with its help, its words and its default")
    func help() {
        let help = RiceCommand.helpMessage(columns: 100)
        for text in [
            "--file <file>", "The bag.", "--size <n>", "Grains at a time. (default: 3)", "--color <color>",
            "one of `white`, `brown`", "(default: white)", "--tag <tag>", "May be repeated.", "--washed",
            "--boiled/--no-boiled", "--list <file>", "millrace ingest rice --file bag",
        ] { #expect(help.contains(text), "\(text)\n\(help)") }
        #expect(!help.contains("default: none"))
    }

    @Test("What a field refuses is told by the option's name")
    func refusals() throws {
        for (arguments, words) in [
            (["--file", "bag", "--size", "70"], ["--size: ", "70 is outside 1…9"]),
            (["--file", "bag", "--size", "many"], ["--size: ", "a whole number", "many"]),
            (["--file", "bag", "--color", "browm"], ["--color: ", "did you mean `brown`?"]),
            (["--file", "bag", "--label", "none"], ["--label: leave it out"]),
            (["--file", "bag", "--list", "/nowhere/at/all"], ["--list: ", "/nowhere/at/all"]),
        ] {
            let command = try #require(try RiceCommand.parseAsRoot(arguments) as? RiceCommand)
            let failure = #expect(throws: TaskFailure.self) { try command.source.makeAdapter() }
            #expect(failure?.code == .usage)
            for word in words { #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "")") }
        }
    }

    @Test("What is missing, unknown or given no value is the parser's to refuse")
    func parsing() {
        for arguments in [[], ["--file"], ["--file", "bag", "--sise", "3"], ["--file", "bag", "--washed=1"]] {
            #expect(throws: (any Error).self, "\(arguments)") { try RiceCommand.parseAsRoot(arguments) }
        }
        let message = #expect(throws: (any Error).self) { try RiceCommand.parseAsRoot([]) }
        let text = message.map { RiceCommand.message(for: $0) } ?? ""
        #expect(text.contains("--file <file>"), "\(text)")
    }
}
