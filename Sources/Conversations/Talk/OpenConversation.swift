// SPDX-License-Identifier: Apache-2.0

public import ModelRequests

/// A conversation under way: its open requests, and replies that came before their turn.
///
/// Replies may arrive in any order; the conversation hears them in the order of its requests. Pure: whoever sends the
/// requests is told which, and hands in what comes back.
public struct OpenConversation<Talk: Conversation>: Sendable {
    /// A request, and its number in the order of asking.
    public struct Question: Hashable, Sendable {
        /// The number, from 0.
        public let number: Int
        /// The request.
        public let request: ChatRequest
    }

    private enum Slot: Sendable {
        /// Nobody has taken it to be sent.
        case unsent(ChatRequest)
        case sent
        /// Here before its turn.
        case arrived(Reply)
        /// Failed before its turn, in a way that ends the conversation.
        case failed(RequestFailure)
    }

    /// The conversation.
    public private(set) var talk: Talk
    /// The failure that has ended it, if one has.
    public private(set) var failure: RequestFailure?
    /// The open requests by number.
    private var slots: [Int: Slot] = [:]
    /// The number of the oldest open request, of the first that was not taken to be sent, and of the next new one.
    private var oldest = 0
    private var firstUnsent = 0
    private var next = 0
    private var hasEnded = false
    /// Requests that have neither a reply nor failed.
    private var unanswered = 0

    /// Begins a conversation.
    public init(_ talk: Talk) {
        self.talk = talk
        let turn = self.talk.begin()
        self.follow(turn)
    }

    /// Tells whether it is over.
    public var isOver: Bool { self.hasEnded || self.oldest == self.next }

    /// The fewest and the most calls that it may yet take: for the requests that are open, and for those that may
    /// follow.
    public var callsToCome: ClosedRange<Int> {
        guard !self.isOver else { return 0...0 }
        let further = self.talk.callsToCome
        return self.unanswered + further.lowerBound...self.unanswered + further.upperBound
    }

    /// The requests that nobody has taken to be sent, in order.
    public var unsent: [Question] {
        guard !self.isOver else { return [] }
        return (self.firstUnsent..<self.next).compactMap(self.question)
    }

    /// The oldest request that nobody has taken to be sent.
    public var nextUnsent: Question? { self.isOver ? nil : self.question(self.firstUnsent) }

    /// Takes the oldest unsent request, to be sent or looked up.
    public mutating func takeUnsent() -> Question? {
        guard let question = self.nextUnsent else { return nil }
        self.slots[question.number] = .sent
        self.firstUnsent += 1
        return question
    }

    /// Takes the reply to a request that was taken. One that comes after the end, or twice, is not heard.
    public mutating func take(_ reply: Reply, to number: Int) { self.fill(number, with: .arrived(reply)) }

    /// Takes the news that a request has failed in a way that ends the conversation. It ends when this request's turn
    /// has come, so that the order of arrivals makes no difference.
    public mutating func fail(_ failure: RequestFailure, of number: Int) { self.fill(number, with: .failed(failure)) }

    private mutating func fill(_ number: Int, with slot: Slot) {
        guard !self.isOver, case .sent? = self.slots[number] else { return }
        self.slots[number] = slot
        self.unanswered -= 1
        while !self.isOver {
            switch self.slots[self.oldest] {
            case .arrived(let reply)?:
                self.closeOldest()
                self.follow(self.talk.take(reply))
            case .failed(let failure)?:
                self.closeOldest()
                self.failure = failure
                self.hasEnded = true
            case .unsent?, .sent?, nil: return
            }
        }
    }

    private mutating func closeOldest() {
        self.slots[self.oldest] = nil
        self.oldest += 1
    }

    private func question(_ number: Int) -> Question? {
        guard case .unsent(let request)? = self.slots[number] else { return nil }
        return Question(number: number, request: request)
    }

    private mutating func follow(_ turn: Turn) {
        switch turn {
        case .asks(let requests):
            for request in requests {
                self.slots[self.next] = .unsent(request)
                self.next += 1
            }
            self.unanswered += requests.count
        case .ends: self.hasEnded = true
        }
    }
}
