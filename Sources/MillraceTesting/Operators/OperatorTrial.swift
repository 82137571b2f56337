// SPDX-License-Identifier: Apache-2.0

import Codecs
public import Dataflow
public import Records

/// An operator with a configuration and some input, for the conformance suite to try.
///
/// ```swift
/// @Test(arguments: OperatorCase.all)
/// func keeps(_ promise: OperatorCase) async throws {
///     let trial = OperatorTrial(MyOperator.self, input: videos)
///     if let reason = try await promise.run(on: trial).skipReason { try Test.cancel("\(reason)") }
/// }
/// ```
///
/// The input is what the operator meets on a good day: whole videos, or whatever it takes, each with its end. The suite
/// breaks it itself. The more of what the operator does is in it, the more is tried.
public struct OperatorTrial: Sendable, CustomStringConvertible {
    /// A configuration that must be refused, with the field that has to be named.
    public struct Mistake: Sendable {
        /// The configuration.
        public var configuration: Configuration
        /// The field at fault.
        public var field: String

        /// Describes a mistake.
        public init(_ configuration: Configuration, field: String) {
            self.configuration = configuration
            self.field = field
        }
    }

    /// The operator, for the types it has here, and its configuration.
    public var step: Step
    /// The input, in order.
    public var input: [Record]
    /// Facts that the operator may know.
    public var context: OperatorContext
    /// Tells whether all that begins in the input has its end there, so that nothing may be open behind it.
    public var isComplete = true
    /// Configurations that only the operator can refuse.
    public var mistakes: [Mistake] = []
    /// The most output that one record may make, in records: what broken input must not exceed.
    public var outputsMax = 10_000

    /// Describes a trial of a step of a topology.
    /// - Parameter input: records with the headers of the type that the step takes.
    public init(
        _ step: Step, input: [Record], context: OperatorContext = OperatorContext(topologyHash: "trial")
    ) {
        self.step = step
        self.input = input
        self.context = context
    }

    /// Describes a trial of an operator.
    public init<Op: Operator>(
        _ type: Op.Type, _ configuration: Configuration = Configuration(), input: [(key: String, value: Op.Input)]
    ) {
        let step = Step(overload: OperatorOverload(type), configuration: configuration)
        self.init(step, input: Self.records(input))
    }

    /// Describes a trial of an operator that has to wait for its answers.
    public init<Op: AsyncOperator>(
        asynchronous type: Op.Type, _ configuration: Configuration = Configuration(),
        input: [(key: String, value: Op.Input)]
    ) {
        let step = Step(overload: OperatorOverload(asynchronous: type), configuration: configuration)
        self.init(step, input: Self.records(input))
    }

    /// Records of values, as a topic has them.
    public static func records<Value: StreamValue>(_ values: [(key: String, value: Value)]) -> [Record] {
        values.map { Record(key: Bytes($0.key.utf8), value: $0.value.json, headers: Value.headers) }
    }

    /// The records that the step makes of its input, for a trial of the step behind it.
    public func output() async throws -> [Record] {
        var run = try OperatorRun(self)
        try await run.take(self.input, from: 0)
        return run.result.output
    }

    /// The operator with its types.
    public var description: String {
        "\(self.step.name) (\(self.step.overload.input.name) → \(self.step.overload.output.name))"
    }

    var specification: OperatorSpecification { self.step.overload.specification }
}
