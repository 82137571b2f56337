// SPDX-License-Identifier: Apache-2.0

import Dataflow
import ModelRequests
import Synchronization

/// Numbers the records of a process by the order in which their conversations begin: within a task their own order.
private enum RecordNumber {
    private static let last = Atomic(0)

    static func next() -> Int { Self.last.wrappingAdd(1, ordering: .relaxed).newValue }
}

/// A conversation under way with what its calls came to: goes on from kept answer to kept answer, or asks.
struct ConversationWalk<Talk: Conversation>: Sendable {
    /// The conversation, and what it waits for.
    private(set) var open: OpenConversation<Talk>
    /// The number of its record.
    private let record = RecordNumber.next()
    private var counts: [String: Int] = [:]
    /// The place to tell of calls that may yet come, and those that have been told.
    private let forecast: CallForecast
    private var foreseen = 0...0
    /// Tells whether the source has said that no more answers come.
    private var isGivenUp = false

    /// A long walk gives up its thread this often.
    private static var stride: Duration { .milliseconds(10) }

    init(_ talk: Talk, _ forecast: CallForecast) {
        self.open = OpenConversation(talk)
        self.forecast = forecast
    }

    /// Tells the calls that may yet come.
    mutating func foresee() { self.foresee(self.open.callsToCome) }

    private mutating func foresee(_ calls: ClosedRange<Int>) {
        self.forecast.change(from: self.foreseen, to: calls)
        self.foreseen = calls
    }

    /// Tells the conversation the kept answer to its oldest unsent request.
    mutating func take(_ kept: Completion) {
        guard let question = self.open.takeUnsent() else { return }
        self.count(kept)
        self.open.take(.answer(kept.answer), to: question.number)
    }

    // MARK: Asking

    private typealias Arrival = (number: Int, result: Result<Completion, CompletionFailure>)

    /// Goes on to the end. All requests that are open are with the source, which bounds the calls.
    ///
    /// Once the conversation has ended, requests that still wait are cancelled; an answer that is there all the same is
    /// counted.
    /// - Throws: when cancelled.
    mutating func goOn(asking source: any CompletionSource) async throws(CancellationError) {
        let walk = await withTaskGroup(of: Arrival.self, returning: Self.self) { [start = self] group in
            var walk = start
            var breath = ContinuousClock.now + Self.stride
            while !walk.open.isOver, !walk.isGivenUp, !Task.isCancelled {
                if ContinuousClock.now >= breath {
                    await Task.yield()
                    breath = ContinuousClock.now + Self.stride
                }
                if let question = walk.open.nextUnsent {
                    if let kept = source.kept(question.request) {
                        walk.take(kept)
                    } else if let question = walk.open.takeUnsent() {
                        group.addTask { [record = walk.record] in await Self.ask(question, of: record, source) }
                    }
                } else {
                    walk.foresee()
                    if let arrival = await group.next() { walk.take(arrival) }
                }
            }
            walk.foresee(0...0)
            group.cancelAll()
            for await arrival in group { walk.take(arrival) }
            return walk
        }
        guard walk.open.isOver else { throw CancellationError() }
        self = walk
    }

    private static func ask(
        _ question: OpenConversation<Talk>.Question, of record: Int, _ source: any CompletionSource
    ) async -> Arrival {
        do throws(CompletionFailure) {
            return (question.number, .success(try await source.complete(question.request, record: record)))
        } catch {
            return (question.number, .failure(error))
        }
    }

    private mutating func take(_ arrival: Arrival) {
        switch arrival.result {
        case .success(let completion):
            self.count(completion)
            self.open.take(.answer(completion.answer), to: arrival.number)
        case .failure(.refused(let reason, let message, let call)):
            self.count(call)
            self.open.take(.refused(RequestFailure(reason: reason, message: message)), to: arrival.number)
        case .failure(.request(let reason, let message, let call)):
            self.count(call)
            self.open.fail(RequestFailure(reason: reason, message: message), of: arrival.number)
        case .failure(.cancelled): self.isGivenUp = true
        }
    }

    // MARK: Counting

    private mutating func count(_ completion: Completion) {
        guard let call = completion.call else {
            self.counts["cache-hits", default: 0] += 1
            return
        }
        self.count(call)
        self.counts["calls", default: 0] += 1
        self.counts["call-milliseconds", default: 0] += Int((call.seconds * 1000).rounded())
        self.counts["tokens-in", default: 0] += completion.answer.promptTokens ?? 0
        self.counts["tokens-out", default: 0] += completion.answer.completionTokens ?? 0
    }

    private mutating func count(_ call: ModelCall) {
        for (kind, number) in call.serverFailures {
            self.counts["retries", default: 0] += number
            self.counts["server-failure.\(kind)", default: 0] += number
        }
        if call.isDuplicate { self.counts["duplicate-calls", default: 0] += 1 }
    }

    // MARK: Ending

    /// Passes on what has come of the conversation.
    func finish<Input>(
        _ element: Element<Input>, into output: inout Collector<Talk.Output>
    ) where Talk.Output: StreamValue {
        for (code, number) in self.counts { output.count(code, number) }
        for (code, number) in self.open.talk.counts { output.count(code, number) }
        if let failure = self.open.failure {
            let message = self.open.talk.message(of: failure)
            return output.fail(element, reason: failure.reason, message: message)
        }
        let outcome = self.open.talk.outcome
        for value in outcome.outputs { output.emit(value, from: element) }
        for reject in outcome.rejects {
            output.reject(reject.value, from: element, reason: reject.reason, message: reject.message)
        }
        if let failure = outcome.failure {
            output.fail(element, reason: failure.reason, message: failure.message)
        }
    }
}
