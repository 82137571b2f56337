// SPDX-License-Identifier: Apache-2.0

import Dataflow

extension TopologyLoader {
    /// Finds what each stage reads and makes, and reads the fields that its steps then have.
    mutating func typed(_ drafts: [StageDraft]) -> [Stage] {
        let declared = Dictionary(
            drafts.compactMap { draft in draft.type.map { (draft.from, $0) } }, uniquingKeysWith: { first, _ in first })
        var written: [String: StreamType] = [:]
        var readers: [String: Stage] = [:]
        var stages: [Stage] = []
        for draft in drafts {
            let given = written[draft.from] ?? draft.type ?? declared[draft.from]
            guard let destination = draft.destination, let (input, overloads) = self.types(of: draft, given) else {
                self.checkKeys(of: draft)
                self.untold.formUnion(draft.writtenTopics)
                continue
            }
            let output = overloads.last?.output ?? input
            if case .topic(let topic) = destination, output.name != StreamType.untouched.name {
                written[topic] = output
            }
            let steps = zip(draft.steps, overloads).map { self.step($0, $1) }
            self.checkWaiting(steps, of: draft)
            let stage = Stage(
                name: draft.name, from: draft.from, steps: steps, destination: destination,
                rejects: draft.rejects, maxConsecutiveDeadLetters: draft.letters, commit: draft.commit,
                inputType: input, outputType: output, toMark: draft.toMark, rejectsMark: draft.rejectsMark)
            self.checkType(of: draft, stage, readers[draft.from])
            if input.name != StreamType.untouched.name { readers[draft.from] = stage }
            stages.append(stage)
        }
        return stages
    }

    /// A topic holds one type: of two stages that read it as two, one would get nothing but dead letters.
    private mutating func checkType(of draft: StageDraft, _ stage: Stage, _ other: Stage?) {
        let read = stage.inputType.name
        if let type = draft.type, type.name != read {
            self.reader.report(
                draft.fromMark, "the topic `\(draft.from)` is given `\(read)` by its stage, not `\(type.name)`")
        } else if let other, read != StreamType.untouched.name, other.inputType.name != read {
            self.reader.report(
                draft.fromMark,
                "the topic `\(draft.from)` is read as `\(read)` here, and as `\(other.inputType.name)` by the stage "
                    + "`\(other.name)`: a topic holds one type")
        }
    }

    /// The type a stage reads, and the overload of each of its steps; `nil`, after a report, where that cannot be told.
    private mutating func types(
        of draft: StageDraft, _ given: StreamType?
    ) -> (input: StreamType, overloads: [OperatorOverload])? {
        guard draft.isWhole else { return nil }
        if draft.steps.isEmpty { return self.relay(draft, given) }
        switch ChainTyping(draft.steps.map(\.overloads), given: given) {
        case .typed(let input, let overloads): return (input, overloads)
        case .ambiguous(let inputs): self.reportAmbiguity(draft, inputs)
        case .misfit(let position, let found): self.reportMisfit(draft, position, found)
        }
        return nil
    }

    /// A stage without steps copies records as they are.
    private mutating func relay(
        _ draft: StageDraft, _ given: StreamType?
    ) -> (input: StreamType, overloads: [OperatorOverload])? {
        guard case .topic? = draft.destination else {
            self.reader.report(
                draft.toMark, "a stage without steps copies records to a topic; shards take what `format` gives")
            return nil
        }
        return (given ?? .untouched, [])
    }

    // MARK: Fields

    private mutating func step(_ draft: StageDraft.Step, _ overload: OperatorOverload) -> Step {
        let configuration = self.reader.configuration(draft.body, fields: overload.specification.fields)
        // An unreadable configuration is reported, and no topology comes of it.
        return Step(overload: overload, configuration: configuration ?? Configuration(), mark: draft.mark)
    }

    /// Looks at the fields of steps of which nobody knows which overload they are.
    mutating func checkKeys(of draft: StageDraft) {
        for step in draft.steps {
            self.reader.check(step.body, againstAny: step.overloads.map(\.specification.fields))
        }
    }

    // MARK: Errors

    private mutating func reportAmbiguity(_ draft: StageDraft, _ inputs: [StreamType]) {
        // The stage that writes the topic has a mistake of its own: mended, it will tell.
        if self.untold.contains(draft.from) { return }
        self.reader.report(
            draft.fromMark,
            "cannot tell what the topic `\(draft.from)` holds: all steps fit \(Self.list(inputs, "and")); say which, as in "
                + "`from: { topic: \(draft.from), type: \(inputs.map(\.name).min() ?? "") }`")
    }

    private mutating func reportMisfit(_ draft: StageDraft, _ position: Int, _ found: [StreamType]) {
        let step = draft.steps[position]
        let before = position == 0 ? "the topic `\(draft.from)`" : "`\(draft.steps[position - 1].name)`"
        let makers = self.registry.overloads.filter { overload in
            found.contains { $0.name == overload.input.name }
                && step.overloads.contains { $0.input.name == overload.output.name }
        }
        let bridge = Set(makers.map { "`\($0.specification.name)`" }).sorted().joined(separator: " or ")
        let help = bridge.isEmpty ? "" : "; \(bridge) makes one of the other"
        self.reader.report(
            step.mark,
            "`\(step.name)` takes \(Self.list(step.overloads.map(\.input), "or")), but \(before) gives "
                + "\(Self.list(found, "or"))\(help)")
    }

    private static func list(_ types: [StreamType], _ word: String) -> String {
        Set(types.map { "`\($0.name)`" }).sorted().joined(separator: " \(word) ")
    }

    // MARK: Waiting, and what only operators know

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
                for warning in step.overload.specification.warnings(step.configuration) {
                    self.reader.report(step.mark, "`\(step.name)`: \(warning)", severity: .warning)
                }
            }
        }
    }
}
