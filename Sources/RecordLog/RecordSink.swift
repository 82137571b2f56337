// SPDX-License-Identifier: Apache-2.0

public import Records

/// A place outside the log where a task's output goes, and which takes part in the task's transactions: shards.
///
/// The task writes records, asks after each input record whether a commit is due, and then commits in four steps:
/// `prepare` makes what was written durable under its final name and answers the records that announce it; these are
/// committed together with the offsets, the state and the dead letters; `committed` or `abandoned` follows. Nothing
/// that was prepared but not announced by a committed record counts. A sink is used from one thread at a time.
public protocol RecordSink: AnyObject, Sendable {
    /// Appends the outputs of one input record.
    /// - Parameter origin: the input record's offset.
    func append(_ records: RecordBatch, origin: Offset) throws(SinkError)

    /// Tells whether the sink holds records that no commit covers yet.
    var isOpen: Bool { get }

    /// The reason why the sink wants to be committed now, if it does.
    func rotationDue(now: Timestamp) -> RotationReason?

    /// The time at which the clock will make a rotation due, if nothing else does before.
    var deadline: Timestamp? { get }

    /// Closes what is open and makes it durable; answers the records to commit with it.
    func prepare(_ reason: RotationReason) throws(SinkError) -> [Transaction.Output]

    /// The commit after `prepare` succeeded.
    func committed()

    /// Drops what is open or prepared: its records will be read again. What was prepared stays where it is, for a
    /// commit whose outcome is unknown may have announced it.
    func abandon()

    /// Tells whether something may be there that was prepared and then abandoned.
    var mayHaveLeftovers: Bool { get }

    /// Removes what was prepared and is announced by no committed record. To be called only after a later owner has
    /// fenced the task: before that, a commit under way may announce it yet.
    func removeLeftovers()
}

/// The reason why a sink's output was closed.
public enum RotationReason: String, Sendable, CaseIterable {
    /// It holds as many samples as it may.
    case samples
    /// It holds as many bytes as it may.
    case bytes
    /// It has been open as long as it may.
    case seconds
    /// The input has ended.
    case idle
    /// A replay closes it where the original was closed.
    case replay
}

/// A failure of a sink's storage.
public struct SinkError: Error, Sendable, CustomStringConvertible {
    /// Tells whether the storage is full: the remedy is the user's, nothing is lost.
    public var isStorageFull: Bool
    /// Tells whether the same may succeed later.
    public var isRetriable: Bool
    /// The failure, its place, and the remedy.
    public var message: String

    /// Creates an error; by default trying again does not help.
    public init(_ message: String, isStorageFull: Bool = false, isRetriable: Bool = false) {
        self.message = message
        self.isRetriable = isRetriable
        self.isStorageFull = isStorageFull
    }

    /// Equals `message`.
    public var description: String { self.message }
}
