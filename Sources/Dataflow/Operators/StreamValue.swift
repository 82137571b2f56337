// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Records

/// A type of record value that operators understand: a narration, a block, a query.
///
/// Between the steps of a stage values pass as they are; at a topic they are JSON, one object each, with the schema
/// version in the `schema` header.
public protocol StreamValue: Sendable {
    /// The type's name in topologies, diagnostics and headers: `narration`.
    static var typeName: String { get }
    /// Counts the incompatible changes of the JSON form.
    static var schemaVersion: Int { get }
    /// Reads the JSON form; unknown fields are passed over.
    init(json: inout JSONScanner) throws(JSONError)
    /// Writes the JSON form, always with the same fields in the same order.
    func write(to json: inout JSONWriter)
}

extension StreamValue {
    /// The headers of a record that holds such a value.
    public static var headers: [Header] { [Header(StreamType.schemaHeader, "\(Self.typeName)/\(Self.schemaVersion)")] }

    /// The value's JSON form.
    public var json: Bytes {
        var writer = JSONWriter()
        self.write(to: &writer)
        return writer.bytes
    }
}

/// A value on its way through a stage.
public struct Element<Value: StreamValue>: Sendable {
    /// The key of the record it came from; steps keep it.
    public var key: Bytes?
    /// The decoded record.
    public var value: Value
    /// The offset of the input record that the value is about, for its dead letter if it comes to that.
    public var origin: Offset

    /// Creates an element.
    public init(key: Bytes?, value: Value, origin: Offset) {
        self.key = key
        self.value = value
        self.origin = origin
    }
}

/// A record that a step could not use, with the reason.
public struct Letter: Hashable, Sendable {
    /// The destination of such a record.
    public enum Kind: String, Hashable, Sendable {
        /// It could not be processed: to the dead letters.
        case dead
        /// It was judged and found wanting: to the stage's `rejects`.
        case rejected
        /// It must not be processed as things stand, and the user has to say what to do: the stage stops, and nothing
        /// of it is committed.
        case refused
    }

    /// The destination.
    public var kind: Kind
    /// The YAML name of the step that says so.
    public var step: String
    /// A short code to count by: `answer-leak`.
    public var reason: String
    /// The exact fault.
    public var message: String
    /// The offset of the input record it came from.
    public var origin: Offset
    /// The value as the step had it, as JSON, where it is not the input record itself.
    public var value: Bytes?

    /// Creates a letter.
    public init(kind: Kind, step: String, reason: String, message: String, origin: Offset, value: Bytes?) {
        self.kind = kind
        self.step = step
        self.reason = reason
        self.message = message
        self.origin = origin
        self.value = value
    }
}

/// Notes of a step beside its output.
public struct StepNotes: Sendable {
    /// Counts by reason, of records dropped or otherwise worth counting.
    public var counts: [String: Int] = [:]
    /// Records that could not be used.
    public var letters: [Letter] = []

    /// Creates empty notes.
    public init() {}
}

/// Says whether any step of a chain has noted something: most records give no reason to, and asking every step would
/// cost more than a filter does.
@usableFromInline
final class NoteFlag {
    /// Something was counted, which has time until the commit.
    var hasCounts = false
    /// A record could not be used, which must be known before the next one.
    var hasLetters = false
}

/// Takes what an operator makes of an element: hands it to the next step at once where there is one, else keeps it.
public struct Collector<Output: StreamValue> {
    /// Elements emitted and not handed on.
    public var elements: [Element<Output>] { self.kept }
    @usableFromInline var kept: [Element<Output>] = []
    /// The notes so far.
    public var notes = StepNotes()
    @usableFromInline let step: String
    @usableFromInline let next: Receiver<Output>?
    @usableFromInline let flag: NoteFlag?

    /// Creates a collector for the step with a YAML name, which keeps what is emitted: for tests, and for answers in
    /// other threads.
    public init(step: String) {
        self.step = step
        self.next = nil
        self.flag = nil
    }

    /// Creates a collector that hands elements on.
    @usableFromInline
    init(step: String, next: Receiver<Output>, flag: NoteFlag) {
        self.step = step
        self.next = next
        self.flag = flag
    }

    /// Emits a value under the key and origin of the element it was made from.
    @inlinable
    public mutating func emit<Input>(_ value: Output, from element: Element<Input>) {
        self.emit(Element(key: element.key, value: value, origin: element.origin))
    }

    /// Emits an element.
    @inlinable
    public mutating func emit(_ element: Element<Output>) {
        if let next = self.next { next(element) } else { self.kept.append(element) }
    }

    /// Moves out what has been kept.
    public mutating func takeElements() -> [Element<Output>] {
        let taken = self.kept
        self.kept = []
        return taken
    }

    /// Moves out what has been noted.
    @usableFromInline
    mutating func takeNotes() -> StepNotes {
        let taken = self.notes
        self.notes = StepNotes()
        return taken
    }

    /// Counts something under a reason, most often that it was dropped.
    public mutating func count(_ reason: String, _ number: Int = 1) {
        self.flag?.hasCounts = true
        self.notes.counts[reason, default: 0] += number
    }

    /// Sends the input record of an element to the dead letters.
    public mutating func fail<Input>(_ element: Element<Input>, reason: String, message: String) {
        self.flag?.hasLetters = true
        self.notes.letters.append(
            Letter(
                kind: .dead, step: self.step, reason: reason, message: message, origin: element.origin,
                value: element.value.json))
    }

    /// Refuses to process an element as things stand: the stage stops with the message, which names the remedies.
    public mutating func refuse<Input>(_ element: Element<Input>, reason: String, message: String) {
        self.flag?.hasLetters = true
        self.notes.letters.append(
            Letter(
                kind: .refused, step: self.step, reason: reason, message: message, origin: element.origin, value: nil))
    }

    /// Rejects a value that was made from an element.
    public mutating func reject<Input>(
        _ value: some StreamValue, from element: Element<Input>, reason: String, message: String
    ) {
        self.flag?.hasLetters = true
        self.notes.letters.append(
            Letter(
                kind: .rejected, step: self.step, reason: reason, message: message, origin: element.origin,
                value: value.json))
    }
}
