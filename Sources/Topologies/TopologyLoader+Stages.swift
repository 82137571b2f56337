// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Records

extension TopologyLoader {
    private static let keys = ["from", "steps", "to", "rejects", "max-consecutive-dead-letters", "commit"]

    /// Reads a stage's parts, each on its own, so that one bad part does not hide another.
    mutating func draft(_ name: String, _ mark: SourceMark, _ node: ConfigurationNode, letters: Int) -> StageDraft? {
        guard let members = self.reader.members(of: node) else { return nil }
        for member in members where !Self.keys.contains(member.key) {
            let help = Spelling.help(for: member.key, among: Self.keys)
            self.reader.report(member.mark, "unknown key `\(member.key)` in stage `\(name)`; \(help)")
        }
        for key in ["from", "steps", "to"] where !members.contains(where: { $0.key == key }) {
            self.reader.report(mark, "stage `\(name)` lacks the key `\(key)`")
        }
        var draft = StageDraft(
            name: name, mark: mark, from: "", fromMark: mark, steps: [], destination: nil, toMark: mark, rejects: nil,
            letters: letters, commit: CommitLimits())
        for member in members { self.read(member.key, member.value, into: &draft) }
        if !draft.from.isEmpty, draft.destination != nil { return draft }
        self.checkKeys(of: draft)
        return nil
    }

    private mutating func read(_ key: String, _ node: ConfigurationNode, into draft: inout StageDraft) {
        switch key {
        case "from":
            self.readSource(node, into: &draft)
        case "steps":
            let steps = self.steps(node)
            draft.steps = steps.compactMap { $0 }
            if steps.count > draft.steps.count { draft.isWhole = false }
        case "to":
            draft.destination = self.destination(node)
            draft.toMark = node.mark
        case "rejects":
            draft.rejects = self.topic(node, check: Self.checkDestination)
            draft.rejectsMark = node.mark
        case "max-consecutive-dead-letters":
            guard let count = Int.read(node, &self.reader) else { return }
            if count < 1 { self.reader.report(node.mark, "`\(key)` is at least 1") }
            draft.letters = max(1, count)
        case "commit":
            guard let limits = self.reader.configuration(node, fields: CommitFields.all) else { return }
            draft.commit = CommitFields.limits(limits)
        default: break
        }
    }

    private mutating func readSource(_ node: ConfigurationNode, into draft: inout StageDraft) {
        draft.fromMark = node.mark
        guard case .mapping(let members) = node.content else {
            draft.from = self.topic(node, check: Self.checkSource) ?? ""
            return
        }
        guard let source = self.reader.configuration(node, fields: SourceFields.all) else { return }
        draft.from = source[SourceFields.topic]
        guard let name = source[SourceFields.type] else { return }
        draft.type = self.registry.types.first { $0.name == name }
        if draft.type == nil {
            draft.isWhole = false
            let help = Spelling.help(for: name, among: self.registry.types.map(\.name))
            let mark = members.first { $0.key == SourceFields.type.name }?.value.mark
            self.reader.report(mark, "no operator takes or makes `\(name)`; \(help)")
        }
    }

    private mutating func topic(_ node: ConfigurationNode, check: (String) -> String?) -> String? {
        guard let name = String.read(node, &self.reader) else { return nil }
        if let problem = check(name) {
            self.reader.report(node.mark, problem)
            return nil
        }
        return name
    }

    /// Dead letters may be taken up again; nothing else that the program keeps is for stages.
    static func checkSource(_ topic: String) -> String? {
        if let problem = Self.checkName(topic) { return problem }
        return topic.hasSuffix(ReservedTopics.deadLetters(of: ""))
            ? nil : ReservedTopics.use(of: topic).map { "`\(topic)` is kept for \($0), which no stage can read" }
    }

    private static func checkDestination(_ topic: String) -> String? {
        Self.checkName(topic) ?? ReservedTopics.problem(writing: topic)
    }

    private mutating func destination(_ node: ConfigurationNode) -> Stage.Destination? {
        if case .scalar = node.content { return self.topic(node, check: Self.checkDestination).map { .topic($0) } }
        return self.reader.configuration(node, fields: DestinationFields.all)
            .map { .shards(DestinationFields.destination($0)) }
    }

    private mutating func steps(_ node: ConfigurationNode) -> [StageDraft.Step?] {
        guard case .sequence(let nodes) = node.content else {
            self.reader.report(node.mark, "expected a list of steps, found \(node.kindName)")
            return []
        }
        return nodes.map { self.step($0) }
    }

    private mutating func step(_ node: ConfigurationNode) -> StageDraft.Step? {
        let name: String
        let mark: SourceMark
        let body: ConfigurationNode
        switch node.content {
        case .scalar(let word):
            (name, mark, body) = (word, node.mark, ConfigurationNode(.scalar(""), mark: node.mark))
        case .mapping(let members) where members.count == 1:
            (name, mark, body) = (members[0].key, members[0].mark, members[0].value)
        default:
            self.reader.report(node.mark, "a step is an operator's name, with its configuration behind a colon")
            return nil
        }
        let overloads = self.registry.overloads(named: name)
        if overloads.isEmpty {
            let help = Spelling.help(for: name, among: self.registry.names)
            self.reader.report(mark, "unknown operator `\(name)`; \(help)")
            return nil
        }
        return StageDraft.Step(name: name, mark: mark, overloads: overloads, body: body)
    }
}
