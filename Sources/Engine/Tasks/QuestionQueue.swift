// SPDX-License-Identifier: Apache-2.0

import Dataflow
import DequeModule
import Records
import Synchronization

/// The records of a task that wait for answers, in order: asked as places come free, finished from the front.
final class QuestionQueue {
    /// A record that has begun, with the batch it lies in.
    struct Begun {
        var pending: PendingRecord
        let batch: FetchedBatch
        let index: Int
        var unanswered: Int
        /// Bytes of its answers, as far as they were counted: those that wait for their turn.
        var bytes: Int
    }

    private struct Question {
        let record: Int
        let request: Int
    }

    private let limit: InFlightLimit
    private let wake: @Sendable () -> Void
    private let mailbox = Mailbox()
    private var begun: Deque<Begun> = []
    /// The number that the first of `begun` has; records are numbered as they begin.
    private var firstNumber = 0
    private var unasked: Deque<Question> = []
    private var asked: [Int: Task<Void, Never>] = [:]
    private var nextTask = 0
    /// Bytes of answers that wait for their turn.
    private var waitingBytes = 0

    init(limit: InFlightLimit, wake: @escaping @Sendable () -> Void) {
        self.limit = limit
        self.wake = wake
    }

    var count: Int { self.begun.count }
    var isEmpty: Bool { self.begun.isEmpty }

    /// Tells whether another record may begin. What is asked first is answered first, at the latest when nothing else
    /// may begin.
    var mayBegin: Bool {
        self.unasked.isEmpty && self.begun.count < self.limit.begunMax && self.waitingBytes < self.limit.waitingBytesMax
    }

    /// Takes a record; what can be answered without waiting is answered here.
    /// - Parameter deadline: the time from which the task has other things to do.
    func begin(_ pending: PendingRecord, batch: FetchedBatch, index: Int, until deadline: ContinuousClock.Instant?) {
        var pending = pending
        var unanswered = 0
        let number = self.firstNumber + self.begun.count
        for request in 0..<pending.requestCount where !pending.answerAtOnce(request, until: deadline) {
            unanswered += 1
            self.unasked.append(Question(record: number, request: request))
        }
        // An answer that is handed on at once need not be measured.
        let bytes = self.begun.isEmpty && unanswered == 0 ? 0 : pending.byteCount
        self.waitingBytes += bytes
        self.begun.append(Begun(pending: pending, batch: batch, index: index, unanswered: unanswered, bytes: bytes))
        self.ask()
    }

    /// Takes the answers that have come, and asks more.
    func takeReplies() {
        for reply in self.mailbox.take() {
            self.asked[reply.task] = nil
            let position = reply.record - self.firstNumber
            guard let answer = reply.answer, self.begun.indices.contains(position) else { continue }
            self.begun[position].pending.take(answer, for: reply.request)
            self.begun[position].unanswered -= 1
            self.begun[position].bytes += reply.bytes
            self.waitingBytes += reply.bytes
        }
        self.ask()
    }

    /// The next record in order, if all its answers are there.
    func popFinished() -> Begun? {
        guard let first = self.begun.first, first.unanswered == 0 else { return nil }
        self.firstNumber += 1
        self.waitingBytes -= first.bytes
        return self.begun.removeFirst()
    }

    /// The questions that were asked and have not come back, cancelled or not.
    var underWay: Int { self.asked.count }

    /// Asks nothing more, and tells whoever is asked by cancellation. Some have done what they cannot take back, and
    /// come back later; replies that come are taken as ever.
    func stopAsking() {
        for task in self.asked.values { task.cancel() }
        self.unasked.removeAll()
    }

    /// Stops waiting.
    func cancel() {
        self.stopAsking()
        self.asked.removeAll()
        self.begun.removeAll()
        self.waitingBytes = 0
    }

    private func ask() {
        while let question = self.unasked.first, self.limit.tryAcquire() {
            self.unasked.removeFirst()
            let work = self.begun[question.record - self.firstNumber].pending.takeWork(question.request)
            let number = self.nextTask
            self.nextTask += 1
            self.asked[number] = Task { [limit, mailbox, wake] in
                let answer = try? await work()
                limit.release()
                mailbox.put(
                    Mailbox.Reply(
                        task: number, record: question.record, request: question.request, answer: answer,
                        bytes: answer?.byteCount ?? 0))
                wake()
            }
        }
    }
}

/// Takes answers from the threads that wait for them.
private final class Mailbox: Sendable {
    struct Reply: Sendable {
        let task: Int
        let record: Int
        let request: Int
        /// `nil`: cancelled.
        let answer: PendingReply?
        /// The answer's size.
        let bytes: Int
    }

    private let replies = Mutex<[Reply]>([])

    func put(_ reply: Reply) { self.replies.withLock { $0.append(reply) } }

    func take() -> [Reply] {
        self.replies.withLock { replies in
            let taken = replies
            replies.removeAll(keepingCapacity: true)
            return taken
        }
    }
}
