// SPDX-License-Identifier: Apache-2.0

public import Dataflow
import Foundation

extension Topology {
    /// Reads and checks a topology file.
    ///
    /// - Parameters:
    ///   - path: the YAML file, or `-` for standard input; files that it names are looked for beside it.
    ///   - environment: what `${NAME}` stands for.
    ///   - overrides: values in place of the file's, one after the other.
    /// - Returns: the topology, and warnings that do not keep it from running.
    /// - Throws: everything that is wrong with it, at once.
    public static func load(
        path: String, registry: OperatorRegistry, environment: [String: String], overrides: [TopologyOverride] = []
    ) throws(TopologyError) -> (topology: Topology, warnings: [Diagnostic]) {
        let url = URL(fileURLWithPath: path)
        let text = try TopologyFile.text(path)
        let folder = url.deletingLastPathComponent()
        return try self.parse(
            text, file: path, registry: registry, environment: environment, overrides: overrides
        ) { name in
            do throws(TopologyError) {
                return try TopologyFile.text(URL(fileURLWithPath: name, relativeTo: folder).path, what: "`\(name)`")
            } catch {
                throw ConfigurationError(error.diagnostics.map(\.message).joined(separator: "; "))
            }
        }
    }

    /// Parses and checks a topology's text.
    /// - Parameter files: reads a file that the topology names.
    public static func parse(
        _ text: String, file: String, registry: OperatorRegistry, environment: [String: String],
        overrides: [TopologyOverride] = [], files: @escaping @Sendable (String) throws -> String
    ) throws(TopologyError) -> (topology: Topology, warnings: [Diagnostic]) {
        let source = TopologyFile(path: file, environment: environment)
        var node = try source.parse(text)
        for override in overrides { node = try override.apply(to: node, of: source) }
        var loader = TopologyLoader(reader: ConfigurationReader(file: file, files: files), registry: registry)
        let topology = loader.topology(node)
        if let topology, !loader.reader.hasErrors { loader.tryOperators(of: topology) }
        let diagnostics = loader.reader.diagnostics.sorted {
            ($0.mark?.line ?? 0, $0.mark?.column ?? 0) < ($1.mark?.line ?? 0, $1.mark?.column ?? 0)
        }
        guard let topology, !loader.reader.hasErrors else { throw TopologyError(diagnostics) }
        return (topology, diagnostics)
    }
}

/// Turns a topology file's nodes into a topology, or into a list of everything that is wrong.
struct TopologyLoader {
    var reader: ConfigurationReader
    let registry: OperatorRegistry
    /// Topics of which nothing can be told, because the stage that writes them has a mistake of its own.
    var untold: Set<String> = []

    init(reader: ConfigurationReader, registry: OperatorRegistry) {
        self.reader = reader
        self.registry = registry
    }

    static let headFields: [any FieldDescription] = [name, partitions, letters, retention]

    private static let name = Field<String>(
        "name", required: "name", help: "the topology's name; its groups and tasks bear it",
        check: { Topology.problem(name: $0) })
    private static let partitions = Field<Int>(
        "partitions", default: 4, in: 1...1024, help: "partitions of every topic, fixed when it is created")
    static let letters = Field<Int>(
        "max-consecutive-dead-letters", default: 100, in: 1...1_000_000,
        help: "input records in a row that may end as dead letters before a stage stops")
    private static let retentionSeconds = Field<Int?>(
        "seconds", default: nil, help: "how long topics keep records", check: Self.checkLimit)
    private static let retentionBytes = Field<ByteCount?>(
        "bytes", default: nil, help: "how much a partition keeps", check: { Self.checkLimit($0?.bytes) })
    private static let retention = Section(
        "retention", help: "what the topics that this topology creates keep; everything by default",
        fields: [retentionSeconds, retentionBytes])

    private static func checkLimit(_ limit: Int?) -> String? {
        if limit ?? 1 < 1 { return "must be at least 1" }
        return limit ?? 1 > Self.limitMax ? "must be at most \(Self.limitMax); leave it out to keep everything" : nil
    }

    /// Seconds are counted in thousandths, too.
    private static let limitMax = 1 << 48

    static func checkName(_ name: String) -> String? {
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        if !(1...200).contains(name.utf8.count) || !allowed || name.hasPrefix(".") {
            return "`\(name)` is not a name: letters, digits, `.`, `_` and `-`, not starting with a dot"
        }
        return nil
    }

    mutating func topology(_ node: ConfigurationNode) -> Topology? {
        guard let members = self.reader.members(of: node) else { return nil }
        let plain = members.filter { $0.key != "stages" }
        let known = Self.headFields.map(\.name) + ["stages"]
        for member in plain where !known.contains(member.key) {
            self.reader.report(
                member.mark, "unknown key `\(member.key)`; \(Spelling.help(for: member.key, among: known))")
        }
        let head = ConfigurationNode(.mapping(plain.filter { known.contains($0.key) }), mark: node.mark)
        let configuration = self.reader.configuration(head, fields: Self.headFields) ?? Configuration()
        guard let stages = members.first(where: { $0.key == "stages" }) else {
            self.reader.report(
                node.mark, "missing key `stages`: the stages by name, each with `from`, `steps` and `to`")
            return nil
        }
        var drafts: [StageDraft] = []
        for member in self.reader.members(of: stages.value) ?? [] {
            // Groups and tasks are named topology.stage: a dot in the stage would let two of them share a name.
            let dot = member.key.contains(".") ? "`\(member.key)`: a stage's name has no dot" : nil
            if let problem = Self.checkName(member.key) ?? dot { self.reader.report(member.mark, problem) }
            if let draft = self.draft(member.key, member.mark, member.value, letters: configuration[Self.letters]) {
                drafts.append(draft)
            }
        }
        if drafts.isEmpty, !self.reader.hasErrors { self.reader.report(stages.mark, "there are no stages") }
        let mark = plain.first { $0.key == Self.name.name }?.value.mark
        let ordered = self.order(drafts)
        let typed = self.typed(ordered)
        guard !self.reader.hasErrors else { return nil }
        let retention = configuration[Self.retention]
        return Topology(
            name: configuration[Self.name], partitions: configuration[Self.partitions],
            retention: TopicRetention(
                seconds: retention?[Self.retentionSeconds], bytes: retention?[Self.retentionBytes]?.bytes),
            stages: typed, file: self.reader.file, mark: mark)
    }
}
