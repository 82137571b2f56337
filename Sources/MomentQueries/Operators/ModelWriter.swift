// SPDX-License-Identifier: Apache-2.0

internal import Dataflow
internal import ModelRequests
internal import Records
internal import Synchronization

/// Has queries written by a model: finds the answers, kept or asked for, and reads them.
struct ModelWriter: Sendable {
    private let options: ModelOptions
    private let endpoint: ModelEndpoint
    /// `nil` where nobody may be asked: in lint, tests of topologies, and plans.
    private let source: (any CompletionSource)?
    private let examples = ExampleQueries()

    /// The number asked for at a time where neither the topology nor the server says.
    static let inFlightDefault = 64

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.options = try ModelOptions(configuration)
        self.endpoint = ModelEndpoint(configuration)
        do throws(ModelEndpointProblem) {
            self.source = try context.services[(any CompletionProvider).self]?.source(for: self.endpoint)
        } catch {
            throw ConfigurationError(error.message, field: ModelEndpoint.url.name)
        }
    }

    /// The server's own bound is behind the source, and may be lower.
    var inFlightMax: Int { self.endpoint.inFlightMax ?? Self.inFlightDefault }

    /// Answers from what is kept.
    func answerAtOnce(_ element: Element<PromptedBlock>, into output: inout Collector<Answer>) -> Bool {
        guard let source else {
            output.fail(
                element, reason: "no-server",
                message: "only `run` and `replay` ask a model; test topologies with `provider: rules`")
            return true
        }
        var conversation = self.conversation(about: element.value)
        while let request = conversation.request {
            guard let kept = source.kept(request) else { return false }
            conversation.take(kept)
        }
        conversation.finish(element, into: &output)
        return true
    }

    /// Answers in its own time.
    func answer(
        _ element: Element<PromptedBlock>, into output: inout Collector<Answer>
    ) async throws(CancellationError) {
        guard let source else { throw CancellationError() }
        var conversation = self.conversation(about: element.value)
        while let request = conversation.request {
            do throws(CompletionFailure) {
                conversation.take(try await source.complete(request))
            } catch {
                switch error {
                case .request(let reason, let message, let call):
                    conversation.fail(reason: reason, message: message, call)
                case .cancelled: throw CancellationError()
                }
            }
        }
        conversation.finish(element, into: &output)
    }

    private func conversation(about prompted: PromptedBlock) -> ModelConversation {
        ModelConversation(about: prompted, self.options, examples: self.examples.of(prompted))
    }
}

/// The questions of a prompt's examples, read once: they are the same for all blocks of a prompt file.
private final class ExampleQueries: Sendable {
    private let known = Mutex<(messages: ArraySlice<ChatMessage>, queries: Set<String>)?>(nil)

    func of(_ prompted: PromptedBlock) -> Set<String> {
        // All but the last message, which holds the block.
        let messages = prompted.messages.dropLast()
        return self.known.withLock { known in
            if let known, known.messages == messages { return known.queries }
            let queries = prompted.exampleQueries
            known = (messages, queries)
            return queries
        }
    }
}
