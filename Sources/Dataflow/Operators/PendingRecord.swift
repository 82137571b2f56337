// SPDX-License-Identifier: Apache-2.0

public import Records

/// An input record that waits for answers.
public struct PendingRecord {
    /// Its offset.
    public let offset: Offset
    /// The questions, in order.
    let requests: [AsyncRequest]
    /// The notes of the steps before the asynchronous one.
    let notes: ChainNotes
    /// The answers so far, in the order of the questions.
    var replies: [AsyncReply?]
    /// The work that is left of the questions that were begun and not answered.
    private var rests: [Int: @Sendable () async throws(CancellationError) -> AsyncReply] = [:]

    init(offset: Offset, requests: [AsyncRequest], notes: ChainNotes) {
        self.offset = offset
        self.requests = requests
        self.notes = notes
        self.replies = Array(repeating: nil, count: requests.count)
    }

    /// The number of its questions.
    public var requestCount: Int { self.requests.count }

    /// The size of the answers that are there, as JSON; worked out at each call.
    public var byteCount: Int { self.replies.reduce(0) { $0 + ($1?.byteCount() ?? 0) } }

    /// Tells whether all answers are there.
    public var isComplete: Bool { self.replies.allSatisfy { $0 != nil } }

    /// Begins with a question: answers it, if that takes no waiting.
    /// - Parameter deadline: the time from which the thread is wanted for other things.
    /// - Returns: whether it is answered now.
    public mutating func answerAtOnce(_ index: Int, until deadline: ContinuousClock.Instant?) -> Bool {
        switch self.requests[index].begin(deadline) {
        case .answered(let reply):
            self.replies[index] = reply
            return true
        case .remains(let rest):
            self.rests[index] = rest
            return false
        }
    }

    /// The work that is left of a question that was begun; throws when cancelled.
    public mutating func takeWork(_ index: Int) -> @Sendable () async throws(CancellationError) -> PendingReply {
        guard let rest = self.rests.removeValue(forKey: index) else {
            preconditionFailure("a question is begun once, and what is left of it done once")
        }
        return { () async throws(CancellationError) in PendingReply(reply: try await rest()) }
    }

    /// Takes the answer to a question.
    public mutating func take(_ reply: PendingReply, for index: Int) { self.replies[index] = reply.reply }
}

/// An answer on its way back to its record.
public struct PendingReply: Sendable {
    let reply: AsyncReply

    /// The size of the answer, as JSON; worked out at each call.
    public var byteCount: Int { self.reply.byteCount() }
}
