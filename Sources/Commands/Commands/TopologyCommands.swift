// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Dataflow
import Foundation
import TaskRooms
import Topologies

/// `millrace lint`
struct LintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Check topologies, and say everything that is wrong with them.",
        discussion: """
            Several files are those that are to run in one home: none may write what another does.

            EXAMPLES
              millrace lint topologies/nlq.yaml
              millrace lint topologies/nlq.yaml topologies/naq.yaml
              millrace lint --json topologies/nlq.yaml | jq .diagnostics
              millrace lint --operators
              millrace lint --schema > topology.schema.json
            """)

    @Argument(help: "The topology files; - is standard input.")
    var files: [String] = []

    @Flag(help: "List the operators with their fields instead.")
    var operators = false

    @Flag(help: "Print the JSON schema of topologies instead, for editors.")
    var schema = false

    @OptionGroup(title: "The topology") var topologyOptions: TopologyOptions
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func validate() throws {
        if self.files.isEmpty, !self.operators, !self.schema {
            throw ValidationError("Name a topology file, or ask for --operators or --schema.")
        }
    }

    func run() throws {
        _ = try self.common.makeHome()
        if self.operators { return try Results.lines(OperatorHelp.lines(Tasks.registered.operators)) }
        if self.schema { return try Results.json(TopologySchema.json(Tasks.registered.operators)) }
        var reports = self.files.map(self.report)
        var paths: Set<String> = []
        // A file that is given twice does not collide with itself.
        let topologies = reports.filter {
            paths.insert(URL(fileURLWithPath: $0.file).resolvingSymlinksInPath().path).inserted
        }.compactMap(\.topology)
        for collision in Topology.collisions(among: topologies) {
            let index = reports.firstIndex { $0.file == collision.file } ?? reports.endIndex - 1
            reports[index].diagnostics.append(collision)
        }
        for report in reports { try self.common.json ? Results.json(report.json) : report.print() }
        if reports.contains(where: { !$0.isSound }) { throw CommandFailure(.usage, "") }
    }

    private func report(on file: String) -> LintReport {
        do throws(TopologyError) {
            let (topology, warnings) = try Topology.load(
                path: file, registry: Tasks.registered.operators, environment: ProcessInfo.processInfo.environment,
                overrides: self.topologyOptions.overrides)
            return LintReport(file: file, topology: topology, diagnostics: warnings)
        } catch {
            return LintReport(file: file, topology: nil, diagnostics: error.diagnostics)
        }
    }
}

/// Everything that is to be said about a file.
struct LintReport {
    var file: String
    /// The topology, if it could be made of the file.
    var topology: Topology?
    var diagnostics: [Diagnostic]

    /// Tells whether the file may run.
    var isSound: Bool { self.topology != nil && !self.diagnostics.contains { $0.severity == .error } }

    /// The report as people read it: the topology on standard output, the rest on standard error.
    func print() throws {
        if let topology = self.topology {
            let stages = topology.stages.count == 1 ? "1 stage" : "\(topology.stages.count) stages"
            try Results.line("\(self.file): \(topology.name), \(stages), hash \(topology.hash.prefix(12))")
        }
        for diagnostic in self.diagnostics {
            if diagnostic.severity == .warning {
                Console.warning(diagnostic.description)
            } else {
                Console.text(diagnostic.description)
            }
        }
    }

    /// The report as an object.
    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("file", self.file)
        json.field("sound", self.isSound)
        if let topology = self.topology {
            json.field("name", topology.name)
            json.field("stages", topology.stages.count)
            json.field("hash", topology.hash)
        }
        json.key("diagnostics")
        json.beginArray()
        for diagnostic in self.diagnostics {
            json.beginObject()
            json.field("file", diagnostic.file)
            if let mark = diagnostic.mark {
                json.field("line", mark.line)
                json.field("column", mark.column)
            }
            json.field("severity", diagnostic.severity.rawValue)
            json.field("message", diagnostic.message)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}

/// `millrace graph`
struct GraphCommand: ParsableCommand {
    /// The forms of a drawing.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case mermaid, svg
    }

    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Draw a topology.",
        discussion: """
            EXAMPLES
              millrace graph topologies/nlq.yaml
              millrace graph topologies/nlq.yaml --format svg > nlq.svg
            """)

    @Argument(help: "The topology file; - is standard input.")
    var file: String

    @Option(help: "mermaid or svg.")
    var format: Format = .mermaid

    @OptionGroup(title: "The topology") var topologyOptions: TopologyOptions
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func run() throws {
        _ = try self.common.makeHome()
        try CommandFailure.reporting {
            let graph = TopologyGraph(try self.topologyOptions.load(self.file))
            try Results.text(self.format == .mermaid ? graph.mermaid : graph.svg)
        }
    }
}

/// `millrace test`
struct TestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run the cases beside a topology: input records and what must come of them.",
        discussion: """
            The cases of topologies/nlq.yaml are in topologies/nlq.test.yaml. A case names a stage, gives input records, and says \
            which records, rejects, dead letters and counts it expects; of each expected record only the given fields count.

            EXAMPLES
              millrace test topologies/nlq.yaml
            """)

    @Argument(help: "The topology file; - is standard input.")
    var file: String

    @Option(help: ArgumentHelp("The cases, if they are elsewhere.", valueName: "file"))
    var cases: String?

    @OptionGroup(title: "The topology") var topologyOptions: TopologyOptions
    @OptionGroup(title: "Options of every command") var common: CommonOptions

    func run() throws {
        _ = try self.common.makeHome()
        try CommandFailure.reporting {
            let topology = try self.topologyOptions.load(self.file)
            if self.file == "-", self.cases == nil {
                throw CommandFailure(.usage, "standard input has no cases beside it: name them with --cases FILE")
            }
            let path = self.cases ?? self.file.replacing(/\.ya?ml$/, with: ".test.yaml")
            let suite = try TopologyTestSuite.load(path: path, environment: ProcessInfo.processInfo.environment)
            var failures = 0
            for test in suite.cases {
                let problems = try TopologyTestRunner(topology).run(test)
                try Results.line("\(problems.isEmpty ? "ok  " : "FAIL") \(test.name)")
                for problem in problems { try Results.line("     \(problem)") }
                failures += problems.isEmpty ? 0 : 1
            }
            try Results.line("\(suite.cases.count - failures) passed, \(failures) failed")
            if failures > 0 { throw CommandFailure(.failed, "") }
        }
    }
}

/// The operators and their fields as text.
enum OperatorHelp {
    static func lines(_ registry: OperatorRegistry) -> [String] {
        registry.names.flatMap { Self.lines($0, registry.overloads(named: $0)) }
    }

    /// Overloads that say the same of themselves are told together, others each by themselves.
    private static func lines(_ name: String, _ overloads: [OperatorOverload]) -> [String] {
        var told: [(types: [String], body: [String])] = []
        for overload in overloads {
            let types = "\(overload.input.name) → \(overload.output.name)"
            var body = ["    \(overload.specification.summary)"]
            Self.append(overload.specification.fields, indent: "    ", to: &body)
            if let index = told.firstIndex(where: { $0.body == body }) {
                told[index].types.append(types)
            } else {
                told.append(([types], body))
            }
        }
        return told.flatMap { ["\(name)   (\($0.types.joined(separator: ", ")))"] + $0.body + [""] }
    }

    private static func append(_ fields: [any FieldDescription], indent: String, to lines: inout [String]) {
        for field in fields {
            let defaultText = field.defaultText.map { ", default \($0)" } ?? (field.isRequired ? ", required" : "")
            lines.append("\(indent)\(field.name): \(field.typeName)\(defaultText)")
            lines.append("\(indent)    \(field.help)")
            if let section = field as? Section { Self.append(section.fields, indent: indent + "    ", to: &lines) }
        }
    }
}
