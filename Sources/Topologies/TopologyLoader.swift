// SPDX-License-Identifier: Apache-2.0

public import Dataflow
internal import Foundation
internal import Records

extension Topology {
    /// Reads and checks a topology file.
    ///
    /// - Parameters:
    ///   - path: the YAML file; files that it names are looked for beside it.
    ///   - environment: what `${NAME}` stands for.
    /// - Returns: the topology, and warnings that do not keep it from running.
    /// - Throws: everything that is wrong with it, at once.
    public static func load(
        path: String, registry: OperatorRegistry, environment: [String: String]
    ) throws(TopologyError) -> (topology: Topology, warnings: [Diagnostic]) {
        let url = URL(fileURLWithPath: path)
        let text = try TopologyFile.text(path)
        let folder = url.deletingLastPathComponent()
        return try self.parse(text, file: path, registry: registry, environment: environment) { name in
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
        files: @escaping @Sendable (String) throws -> String
    ) throws(TopologyError) -> (topology: Topology, warnings: [Diagnostic]) {
        let node = try TopologyFile(path: file, environment: environment).parse(text)
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
    /// Topics of which nothing can be told, because what writes them has a mistake of its own.
    private var untold: Set<String> = []

    init(reader: ConfigurationReader, registry: OperatorRegistry) {
        self.reader = reader
        self.registry = registry
    }

    private static let name = Field<String>(
        "name", required: "name", help: "the topology's name; its groups and tasks bear it",
        check: { Topology.problem(name: $0) })
    private static let partitions = Field<Int>(
        "partitions", default: 4, in: 1...1024, help: "partitions of every topic, fixed when it is created")
    private static let letters = Field<Int>(
        "max-consecutive-dead-letters", default: 100, in: 1...1_000_000,
        help: "input records in a row that may end as dead letters before a stage stops")
    private static let retentionSeconds = Field<Int?>(
        "seconds", default: nil, help: "how long topics keep records", check: Self.checkLimit)
    private static let retentionBytes = Field<Int?>(
        "bytes", default: nil, help: "how much a partition keeps", check: Self.checkLimit)
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
        let fields: [any FieldDescription] = [Self.name, Self.partitions, Self.letters, Self.retention]
        let plain = members.filter { $0.key != "stages" }
        let known = fields.map(\.name) + ["stages"]
        for member in plain where !known.contains(member.key) {
            self.reader.report(
                member.mark, "unknown key `\(member.key)`; \(Spelling.help(for: member.key, among: known))")
        }
        let head = ConfigurationNode(.mapping(plain.filter { known.contains($0.key) }), mark: node.mark)
        let configuration = self.reader.configuration(head, fields: fields) ?? Configuration()
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
                seconds: retention?[Self.retentionSeconds], bytes: retention?[Self.retentionBytes]),
            stages: typed, file: self.reader.file, mark: mark)
    }

    // MARK: Order

    /// Puts each stage behind those it reads from, and reports circles, topics written twice, and likely misspellings.
    private mutating func order(_ drafts: [StageDraft]) -> [StageDraft] {
        var writers: [String: StageDraft] = [:]
        for draft in drafts {
            for topic in draft.writtenTopics {
                if let other = writers[topic] {
                    self.reader.report(
                        draft.toMark, "topic `\(topic)` is written by the stages `\(other.name)` and `\(draft.name)`")
                }
                writers[topic] = draft
            }
        }
        self.checkShardSets(drafts)
        self.checkSources(drafts, written: Array(writers.keys))
        var ordered: [StageDraft] = []
        var waiting = drafts
        while !waiting.isEmpty {
            let ready = waiting.filter { draft in
                guard let writer = writers[draft.from] else { return true }
                return ordered.contains { $0.name == writer.name }
            }
            if ready.isEmpty {
                let circle = waiting.map { "`\($0.name)`" }.joined(separator: ", ")
                self.untold.formUnion(waiting.map(\.from))
                self.reader.report(waiting.first?.mark, "a cycle: the stages \(circle) wait for each other's output")
                return drafts
            }
            ordered.append(contentsOf: ready)
            waiting.removeAll { draft in ready.contains { $0.name == draft.name } }
        }
        return ordered
    }

    private mutating func checkShardSets(_ drafts: [StageDraft]) {
        var writers: [String: String] = [:]
        for draft in drafts {
            guard case .shards(let shards)? = draft.destination else { continue }
            if let other = writers[shards.name] {
                self.reader.report(
                    draft.toMark, "the shards `\(shards.name)` are written by the stages `\(other)` and `\(draft.name)`"
                )
            }
            writers[shards.name] = draft.name
        }
    }

    /// A topic that no stage writes comes from outside, unless it looks like a slip of the pen.
    private mutating func checkSources(_ drafts: [StageDraft], written: [String]) {
        let read = Set(drafts.map(\.from))
        for draft in drafts where !written.contains(draft.from) {
            // A stage that meant its own output would be a cycle.
            let unread = written.filter { !read.contains($0) && !draft.writtenTopics.contains($0) }
            if let nearest = Spelling.nearest(to: draft.from, among: unread) {
                self.untold.insert(draft.from)
                self.reader.report(
                    draft.fromMark, "no stage writes the topic `\(draft.from)`; did you mean `\(nearest)`?")
            }
        }
    }

    // MARK: Types

    private mutating func typed(_ drafts: [StageDraft]) -> [Stage] {
        var types: [String: StreamType] = [:]
        var stages: [Stage] = []
        for draft in drafts {
            guard let destination = draft.destination else { continue }
            guard draft.isWhole, let (steps, input, output) = self.steps(of: draft, given: types[draft.from]) else {
                self.untold.formUnion(draft.writtenTopics)
                continue
            }
            if case .topic(let topic) = destination, output.name != StreamType.untouched.name { types[topic] = output }
            self.checkWaiting(steps, of: draft)
            stages.append(
                Stage(
                    name: draft.name, from: draft.from, steps: steps, destination: destination,
                    rejects: draft.rejects, maxConsecutiveDeadLetters: draft.letters, commit: draft.commit,
                    inputType: input, outputType: output, toMark: draft.toMark, rejectsMark: draft.rejectsMark))
        }
        return stages
    }

    /// Finds for each step the overload that takes what the step before it makes.
    private mutating func steps(
        of draft: StageDraft, given: StreamType?
    ) -> (steps: [Step], input: StreamType, output: StreamType)? {
        if draft.steps.isEmpty { return self.relay(draft, given: given) }
        var type = given
        var input = given
        var steps: [Step] = []
        for (position, step) in draft.steps.enumerated() {
            let overloads = self.registry.overloads(named: step.name)
            let fitting = type.map { type in overloads.filter { $0.input.name == type.name } } ?? overloads
            let inputs = Set(fitting.map(\.input.name)).sorted()
            guard let overload = fitting.first, inputs.count == 1 else {
                self.reportMisfit(step, position, draft, overloads, type)
                return nil
            }
            guard let configuration = step.configuration else { return nil }
            steps.append(Step(overload: overload, configuration: configuration, mark: step.mark))
            input = input ?? overload.input
            type = overload.output
        }
        guard let input, let type else { return nil }
        return (steps, input, type)
    }

    /// A stage without steps copies records as they are.
    private mutating func relay(
        _ draft: StageDraft, given: StreamType?
    ) -> (steps: [Step], input: StreamType, output: StreamType)? {
        guard case .topic? = draft.destination else {
            self.reader.report(
                draft.toMark, "a stage without steps copies records to a topic; shards take what `format` gives")
            return nil
        }
        return ([], given ?? .untouched, given ?? .untouched)
    }

    private mutating func reportMisfit(
        _ step: StageDraft.Step, _ position: Int, _ draft: StageDraft, _ overloads: [OperatorOverload],
        _ type: StreamType?
    ) {
        let inputs = Set(overloads.map { "`\($0.input.name)`" }).sorted().joined(separator: " or ")
        guard let type else {
            if self.untold.contains(draft.from) { return }
            let message =
                "cannot tell what the topic `\(draft.from)` holds: `\(step.name)` takes \(inputs); put a step before it "
                + "that takes one type only"
            self.reader.report(step.mark, message)
            return
        }
        let before = position == 0 ? "the topic `\(draft.from)`" : "`\(draft.steps[position - 1].name)`"
        let makers = self.registry.overloads.filter { overload in
            overload.input.name == type.name && overloads.contains { $0.input.name == overload.output.name }
        }
        let bridge = Set(makers.map { "`\($0.specification.name)`" }).sorted().joined(separator: " or ")
        let help = bridge.isEmpty ? "" : "; \(bridge) makes one of the other"
        self.reader.report(
            step.mark, "`\(step.name)` takes \(inputs), but \(before) gives `\(type.name)`\(help)")
    }

    private mutating func checkWaiting(_ steps: [Step], of draft: StageDraft) {
        let waiting = steps.indices.filter { steps[$0].overload.isAsynchronous }
        guard let first = waiting.first else { return }
        if waiting.count > 1 {
            let step = steps[waiting[1]]
            let message =
                "`\(step.name)` is the second step of this stage that waits; split the stage by a topic before it"
            self.reader.report(step.mark, message)
        }
        if let stateful = steps[..<first].first(where: { $0.overload.specification.isStateful }) {
            let message =
                "`\(stateful.name)` keeps state and stands before `\(steps[first].name)`, which waits; split the stage by a "
                + "topic between them, so that commits need not drain what is in flight"
            self.reader.report(stateful.mark, message)
        }
    }

    /// Creates every operator once, for what only they can check.
    mutating func tryOperators(of topology: Topology) {
        let context = OperatorContext(topologyHash: topology.hash)
        for stage in topology.stages {
            for step in stage.steps {
                do throws(ConfigurationError) {
                    try step.overload.tryOut(step.configuration, context)
                } catch {
                    self.reader.report(step.mark, "`\(step.name)`: \(error)")
                }
            }
        }
    }
}
