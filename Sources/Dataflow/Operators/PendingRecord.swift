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

    init(offset: Offset, requests: [AsyncRequest], notes: ChainNotes) {
        self.offset = offset
        self.requests = requests
        self.notes = notes
        self.replies = Array(repeating: nil, count: requests.count)
    }

    /// The number of its questions.
    public var requestCount: Int { self.requests.count }

    /// Tells whether all answers are there.
    public var isComplete: Bool { self.replies.allSatisfy { $0 != nil } }

    /// Tries to answer a question without waiting.
    /// - Returns: whether it is answered now.
    public mutating func answerAtOnce(_ index: Int) -> Bool {
        guard let reply = self.requests[index].atOnce() else { return false }
        self.replies[index] = reply
        return true
    }

    /// The work that answers a question in its own time; throws when cancelled.
    public func work(_ index: Int) -> @Sendable () async throws(CancellationError) -> PendingReply {
        let inTime = self.requests[index].inTime
        return { () async throws(CancellationError) in PendingReply(reply: try await inTime()) }
    }

    /// Takes the answer to a question.
    public mutating func take(_ reply: PendingReply, for index: Int) { self.replies[index] = reply.reply }
}

/// An answer on its way back to its record.
public struct PendingReply: Sendable {
    let reply: AsyncReply
}
