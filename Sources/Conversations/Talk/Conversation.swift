// SPDX-License-Identifier: Apache-2.0

public import Dataflow
public import ModelRequests

/// A conversation with a model about one record: a pure value, a fold over the replies.
///
/// It is made from a record and a configuration, and says what is to be asked; whoever holds it asks, and tells it the
/// replies one by one, **in the order in which it asked**, however they arrive. It does no I/O, reads no clock and
/// draws nothing by chance: the requests, the output and the counts follow from the record and the replies alone. So
/// kept answers are the journal of any conversation, of any number of rounds.
///
/// It is over when every request has its reply and it asks nothing more, or when it says so.
public protocol Conversation: Sendable {
    /// The type of what it ends with; records, where a step holds it (`ConversationStep`).
    associatedtype Output: Sendable

    /// Begins. Called once, before anything else.
    mutating func begin() -> Turn

    /// Takes the reply to the oldest request that has none.
    mutating func take(_ reply: Reply) -> Turn

    /// The fewest and the most requests that may yet follow those already asked for, as far as is known now.
    var callsToCome: ClosedRange<Int> { get }

    /// The result, once the conversation is over. Not asked for where a failure has ended it.
    var outcome: Outcome<Output> { get }

    /// Counts of what has happened so far, by reason. Calls and tokens are not in them: whoever asks counts those.
    var counts: [String: Int] { get }

    /// The message of the dead letter of a record whose conversation was ended by a failure (`Reply.refused`).
    func message(of failure: RequestFailure) -> String
}

extension Conversation {
    /// The failure's own message.
    public func message(of failure: RequestFailure) -> String { failure.message }
}

/// A conversation's next move.
public enum Turn: Hashable, Sendable {
    /// Asks something more, or nothing. Requests are numbered in this order; none of them waits for another.
    case asks([ChatRequest])
    /// Ends, whatever is still open: requests that were not sent are never sent, and no reply is heard any more.
    case ends
}

/// The reply to one request.
public enum Reply: Hashable, Sendable {
    /// An answer, complete, if perhaps not of the form that was asked for.
    case answer(ChatAnswer)
    /// A failure that follows from the request, and would come again: the conversation decides whether it goes on. A
    /// failure that does not, such as a deadline that passed again and again, is no reply: it ends the conversation,
    /// because a replay in which it did not happen would go another way.
    case refused(RequestFailure)
}

/// The reason why a request has no answer, or a record no output.
public struct RequestFailure: Hashable, Sendable {
    /// A short code to count by: `context-length`.
    public var reason: String
    /// The exact fault.
    public var message: String

    /// Ends a conversation for a reason that is counted, with words for the dead letter.
    public init(reason: String, message: String) {
        self.reason = reason
        self.message = message
    }
}

/// The result of a conversation.
public struct Outcome<Output: Sendable>: Sendable {
    /// A value that was judged and found wanting.
    public struct Reject: Sendable {
        /// The value that was refused.
        public var value: any StreamValue
        /// A short code to count by.
        public var reason: String
        /// The exact fault.
        public var message: String

        /// Creates a reject.
        public init(_ value: any StreamValue, reason: String, message: String) {
            self.value = value
            self.reason = reason
            self.message = message
        }
    }

    /// The values it ends with, in order.
    public var outputs: [Output] = []
    /// Values for the stage's rejects, in order.
    public var rejects: [Reject] = []
    /// The reason why the record becomes a dead letter; `nil` where it does not.
    public var failure: RequestFailure?

    /// Creates an empty result.
    public init() {}
}
