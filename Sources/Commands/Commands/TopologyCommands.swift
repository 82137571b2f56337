// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
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
              millrace lint --operators
            """)

    @Argument(help: "The topology files.")
    var files: [String] = []

    @Flag(help: "List the operators with their fields instead.")
    var operators = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if self.files.isEmpty, !self.operators {
            throw ValidationError("Name a topology file, or ask for --operators.")
        }
    }

    func run() throws {
        _ = try self.common.makeHome()
        if self.operators { return try Results.lines(OperatorHelp.lines(Tasks.registered.operators)) }
        var failed = false
        var topologies: [Topology] = []
        var paths: Set<String> = []
        for file in self.files {
            do {
                let topology = try Home.loadTopology(file)
                // A file that is given twice does not collide with itself.
                let path = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
                if paths.insert(path).inserted { topologies.append(topology) }
                let stages = topology.stages.count == 1 ? "1 stage" : "\(topology.stages.count) stages"
                try Results.line("\(file): \(topology.name), \(stages), hash \(topology.hash.prefix(12))")
            } catch let error as TopologyError {
                failed = true
                Console.text(error.description)
            }
        }
        for collision in Topology.collisions(among: topologies) {
            failed = true
            Console.text(collision.description)
        }
        if failed { throw CommandFailure(.usage, "") }
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

    @Argument(help: "The topology file.")
    var file: String

    @Option(help: "mermaid or svg.")
    var format: Format = .mermaid

    @OptionGroup var common: CommonOptions

    func run() throws {
        _ = try self.common.makeHome()
        try CommandFailure.reporting {
            let graph = TopologyGraph(try Home.loadTopology(self.file))
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

    @Argument(help: "The topology file.")
    var file: String

    @Option(help: ArgumentHelp("The cases, if they are elsewhere.", valueName: "file"))
    var cases: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        _ = try self.common.makeHome()
        try CommandFailure.reporting {
            let topology = try Home.loadTopology(self.file)
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
