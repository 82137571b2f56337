// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// A synchronous operator in the place it has in a stage, its types hidden.
struct WiredOperator {
    /// The receiver of its input: a `Receiver<Input>`.
    let receiver: AnyObject
    /// Takes the notes made since the last call.
    let takeNotes: () -> StepNotes
    let openCount: () -> Int
    let stateChanges: () -> [StateChange]
    let restore: ([StateEntry]) throws(JSONError) -> Void
}

/// An asynchronous operator in the place it has in a stage, its types hidden.
struct WiredAsyncOperator {
    /// The receiver of its input: a `Receiver<Input>` that gathers requests.
    let receiver: AnyObject
    /// The requests gathered since it was last asked, in order.
    let takeRequests: () -> [AsyncRequest]
    let inFlightMax: Int
    let askedAheadMax: Int
    let callsToCome: () -> ClosedRange<Int>
}

/// One question of an asynchronous operator.
struct AsyncRequest {
    /// The state of a question that has been begun.
    enum Beginning {
        case answered(AsyncReply)
        /// The work that is left; it throws when cancelled.
        case remains(@Sendable () async throws(CancellationError) -> AsyncReply)
    }

    /// Answers at once, or says what is left to do.
    let begin: (ContinuousClock.Instant?) -> Beginning
}

/// The answer to one question, its type hidden.
struct AsyncReply: Sendable {
    let notes: StepNotes
    /// The size of the elements and letters, as JSON; worked out at each call.
    let byteCount: @Sendable () -> Int
    /// Hands the elements on: to the next step's `Receiver<Output>`.
    let deliver: @Sendable (AnyObject) -> Void
}
