// SPDX-License-Identifier: Apache-2.0

public import Dataflow
import ModelRequests

/// A step of a topology that holds conversations about its records: the part that a task writes.
///
/// Register it by `OperatorRegistry.register(conversation:)`. Steps that share a YAML name (`llm`, most of all) and
/// differ in their input type are overloads of each other, with fields of their own.
public protocol ConversationStep: Sendable {
    /// The type of the records that it asks about.
    associatedtype Input: StreamValue
    /// The conversation about one of them.
    associatedtype Talk: Conversation where Talk.Output: StreamValue

    /// Its name, help and fields: those of `ModelOptions` that it has use for, those of `ModelEndpoint`, and its own.
    static var specification: OperatorSpecification { get }

    /// Reads its configuration.
    /// - Throws: `ConfigurationError` for what only the step can check.
    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError)

    /// Tells whether any conversation asks a model. If not, no server is looked for.
    var asksModel: Bool { get }

    /// The words for whoever runs the step where no server can be asked, in a test of a topology.
    static var withoutServer: String { get }

    /// Makes the conversation about a record.
    func conversation(about value: Input) -> Talk
}

extension ConversationStep {
    /// Most steps have no other way to an answer.
    public var asksModel: Bool { true }

    /// There is none to be had by another way.
    public static var withoutServer: String { "only `run` and `replay` ask a model" }
}

extension OperatorRegistry {
    /// Adds a step that holds conversations.
    public mutating func register<Step: ConversationStep>(conversation type: Step.Type) {
        self.register(asynchronous: ConversationOperator<Step>.self)
    }
}

/// Holds the conversations of a step: finds the answers, kept or asked for, and tells them to the conversation.
///
/// Counted, beside what the conversation counts:
///
/// | count | what it is |
/// |---|---|
/// | `calls` | answers for which the server was called |
/// | `cache-hits` | answers that were kept from before, or came of a call that another record shares |
/// | `tokens-in`, `tokens-out` | tokens of those calls, where the server counts |
/// | `call-milliseconds` | the time that the server took for the answers of those calls, summed up |
/// | `retries`, `server-failure.KIND` | failures of the server that were waited out before an answer came |
/// | `duplicate-calls` | calls that were made in vain or for the second time (`ModelCall.isDuplicate`) |
public struct ConversationOperator<Step: ConversationStep>: AsyncOperator {
    /// The step's own.
    public static var specification: OperatorSpecification { Step.specification }

    /// The number of conversations at a time where neither the topology nor the server says.
    static var inFlightDefault: Int { 64 }

    private let step: Step
    private let conversationsMax: Int
    private let forecast = CallForecast()
    /// `nil` where nobody may be asked, in lint and tests of topologies, or nobody is.
    private let source: (any CompletionSource)?

    /// Creates the step and looks for its server.
    public init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.step = try Step(configuration, context)
        guard self.step.asksModel else {
            (self.conversationsMax, self.source) = (0, nil)
            return
        }
        let endpoint = ModelEndpoint(configuration)
        self.conversationsMax = endpoint.inFlightMax ?? Self.inFlightDefault
        do throws(ModelEndpointProblem) {
            self.source = try context.services[(any CompletionProvider).self]?.source(for: endpoint)
        } catch {
            throw ConfigurationError(error.message, field: ModelEndpoint.url.name)
        }
    }

    /// One at least, which is answered at once where no model is asked. The server's own bound, on calls, is behind
    /// the source, and may be lower.
    public var inFlightMax: Int { max(1, self.conversationsMax) }

    /// As many again wait inside for a place at the server, so that a free place is taken at once.
    public var askedAheadMax: Int { self.conversationsMax }

    /// By what the conversations say that are under way.
    public var callsToCome: ClosedRange<Int> { self.forecast.range }

    /// Walks through the answers that are kept.
    public func begin(
        _ element: Element<Step.Input>, until deadline: ContinuousClock.Instant?,
        into output: inout Collector<Step.Talk.Output>
    ) -> Remainder<Step.Talk.Output>? {
        var walk = ConversationWalk(self.step.conversation(about: element.value), self.forecast)
        while let question = walk.open.nextUnsent {
            guard let source else {
                output.fail(element, reason: "no-server", message: Step.withoutServer)
                return nil
            }
            guard let kept = source.kept(question.request) else {
                source.foresee(walk.open.unsent.map(\.request), further: walk.open.talk.callsToCome)
                walk.foresee()
                return self.rest(of: walk, element, source)
            }
            walk.take(kept)
            if let deadline, !walk.open.isOver, ContinuousClock.now >= deadline {
                walk.foresee()
                return self.rest(of: walk, element, source)
            }
        }
        walk.finish(element, into: &output)
        return nil
    }

    /// Goes on in its own time.
    private func rest(
        of walk: ConversationWalk<Step.Talk>, _ element: Element<Step.Input>, _ source: any CompletionSource
    ) -> Remainder<Step.Talk.Output> {
        Remainder { output async throws(CancellationError) in
            var walk = walk
            try await walk.goOn(asking: source)
            walk.finish(element, into: &output)
        }
    }

    /// Answers in its own time, from the beginning.
    public func answer(
        _ element: Element<Step.Input>, into output: inout Collector<Step.Talk.Output>
    ) async throws(CancellationError) {
        try await self.begin(element, until: nil, into: &output)?.finish(into: &output)
    }
}
