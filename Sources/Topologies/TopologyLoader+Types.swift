// SPDX-License-Identifier: Apache-2.0

internal import Dataflow

extension TopologyLoader {
    mutating func typed(_ drafts: [StageDraft]) -> [Stage] {
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
