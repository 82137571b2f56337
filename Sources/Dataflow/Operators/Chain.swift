// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Records

/// The steps of a stage wired together for one task: records in, records out, notes beside.
///
/// A stage is a run of synchronous steps, or such a run, one asynchronous step, and another run. Input is processed one
/// record at a time, so that operators, outputs and notes stand at a record's end whenever a commit may fall there. A
/// chain is used from one thread at a time.
public final class Chain {
    /// Tells whether records pass as they are: without steps there is nothing to read them for.
    private let isRelay: Bool
    private let decode: StreamType.Decoder
    private let schema: SchemaCheck
    /// The header list of the batch at hand that was found to be of the type that is read, most often the only one.
    private var readableList = -1
    private let leading: [NamedOperator]
    private let asynchronous: (name: String, wired: WiredAsyncOperator)?
    private let trailing: [NamedOperator]
    private let trailingReceiver: AnyObject?
    private var notes = ChainNotes()
    private var keyRange: Range<Int>?
    private var key: Bytes?

    /// A class, because the list is walked for every record, and copies of five closures would be counted each time.
    private final class NamedOperator {
        let name: String
        let wired: WiredOperator

        init(name: String, wired: WiredOperator) {
            self.name = name
            self.wired = wired
        }
    }

    /// Wires steps.
    /// - Parameters:
    ///   - steps: each takes what the one before it makes; at most one waits.
    ///   - input: what the first one takes.
    ///   - output: what the last one makes.
    /// - Throws: what an operator finds wrong with its configuration.
    public init(
        _ steps: [Step], input: StreamType, output: StreamType, _ context: OperatorContext
    ) throws(ConfigurationError) {
        self.isRelay = steps.isEmpty
        self.schema = SchemaCheck(type: input)
        let split = steps.firstIndex { $0.overload.isAsynchronous }
        let buffer = Cell(RecordBatch())
        let end = output.encoder { key, headers, write in
            buffer.place.pointee.append(key: key, headers: headers, value: write)
        }
        let flag = NoteFlag()
        self.buffer = buffer
        self.flag = flag
        if let split {
            let trailing = try Self.wire(steps[(split + 1)...], context, flag, end: end)
            guard case .asynchronous(let make) = steps[split].overload.maker else {
                preconditionFailure("found as asynchronous above")
            }
            let wired = try make(steps[split].configuration, context)
            self.asynchronous = (steps[split].name, wired)
            self.trailing = trailing
            self.trailingReceiver = trailing.first?.wired.receiver ?? end
            self.leading = try Self.wire(steps[..<split], context, flag, end: wired.receiver)
            self.decode = input.decoder(self.leading.first?.wired.receiver ?? wired.receiver)
        } else {
            self.asynchronous = nil
            self.trailing = []
            self.trailingReceiver = nil
            self.leading = try Self.wire(steps[...], context, flag, end: end)
            self.decode = input.decoder(self.leading.first?.wired.receiver ?? end)
        }
    }

    /// The batch that the encoder writes to.
    private let buffer: Cell<RecordBatch>
    private let flag: NoteFlag

    private static func wire(
        _ steps: ArraySlice<Step>, _ context: OperatorContext, _ flag: NoteFlag, end: AnyObject
    ) throws(ConfigurationError) -> [NamedOperator] {
        var wired: [NamedOperator] = []
        var next = end
        for step in steps.reversed() {
            guard case .synchronous(let make) = step.overload.maker else {
                preconditionFailure("a stage has one asynchronous step at most, which lint checks")
            }
            let one = try make(step.configuration, context, next, flag)
            wired.append(NamedOperator(name: step.name, wired: one))
            next = one.receiver
        }
        return wired.reversed()
    }

    // MARK: Input

    /// Tells whether the stage has a step that waits.
    public var isAsynchronous: Bool { self.asynchronous != nil }

    /// The number of answers the asynchronous step may await at a time in this process.
    public var inFlightMax: Int { self.asynchronous?.wired.inFlightMax ?? 0 }

    /// The number of further elements that may wait inside it for their turn.
    public var askedAheadMax: Int { self.asynchronous?.wired.askedAheadMax ?? 0 }

    /// The fewest and the most calls that the asynchronous step may yet make for the records under way.
    public var callsToCome: ClosedRange<Int> { self.asynchronous?.wired.callsToCome() ?? 0...0 }

    /// Runs a record through a stage without an asynchronous step. Of a batch every record is run or left out, in
    /// order.
    public func process(_ batch: FetchedBatch, at index: Int) {
        if self.isRelay { return self.buffer.place.pointee.append(batch.records, at: index) }
        self.push(batch, at: index)
        if self.flag.hasLetters { self.gather() }
    }

    /// Runs a record up to the asynchronous step; what is to be asked, and what was noted, is in the answer.
    public func begin(_ batch: FetchedBatch, at index: Int) -> PendingRecord {
        self.push(batch, at: index)
        let notes = self.takeNotes()
        let requests = self.asynchronous?.wired.takeRequests() ?? []
        return PendingRecord(offset: batch.offsets[index], requests: requests, notes: notes)
    }

    /// Leaves a record out, and counts it as `read.` and the reason.
    public func leaveOut(_ reason: String) {
        self.forgetBatch()
        self.notes.counts["read.\(reason)", default: 0] += 1
    }

    /// Leaves a record out of a stage with an asynchronous step: nothing is to be asked.
    public func leaveOut(_ reason: String, offset: Offset) -> PendingRecord {
        self.leaveOut(reason)
        return PendingRecord(offset: offset, requests: [], notes: self.takeNotes())
    }

    /// Runs the answers to a record's questions through the steps behind the asynchronous one.
    public func finish(_ record: PendingRecord) {
        self.notes.merge(record.notes)
        guard let receiver = self.trailingReceiver, let asynchronous else { return }
        for reply in record.replies {
            guard let reply else { preconditionFailure("a record is finished when all its answers are there") }
            self.notes.merge(reply.notes, step: asynchronous.name)
            reply.deliver(receiver)
        }
        self.gather()
    }

    /// Forgets what was looked up in a batch: the next record may be another one's.
    private func forgetBatch() {
        self.keyRange = nil
        self.key = nil
        self.readableList = -1
    }

    private func push(_ batch: FetchedBatch, at index: Int) {
        if index == 0 { self.forgetBatch() }
        // Runs of records share a key, which the batch stores once: the copy made for the last record serves again.
        let keyRange = batch.records.keyRange(at: index)
        if keyRange != self.keyRange {
            self.keyRange = keyRange
            self.key = batch.records.key(at: index)
        }
        do throws(JSONError) {
            try batch.records.withValue(at: index) { value throws(JSONError) in
                guard let value else {
                    self.notes.counts["read.tombstone", default: 0] += 1
                    return
                }
                let list = batch.records.entries[index].headerList
                guard list == self.readableList || self.isReadable(batch, at: index, list) else { return }
                try self.decode(value, self.key, batch.offsets[index])
            }
        } catch {
            self.note(.dead, "unreadable", error.description, at: batch.offsets[index])
        }
    }

    /// Tells whether a record is of the type that is read, by its headers.
    private func isReadable(_ batch: FetchedBatch, at index: Int, _ list: Int) -> Bool {
        switch self.schema.verdict(on: batch.records.headerLists[list]) {
        case .readable:
            self.readableList = list
            return true
        case .untold:
            self.notes.counts["read.no-schema", default: 0] += 1
            return true
        case .wrongType(let message): self.note(.dead, "wrong-type", message, at: batch.offsets[index])
        case .newer(let message): self.note(.refused, "newer-schema", message, at: batch.offsets[index])
        }
        return false
    }

    private func note(_ kind: Letter.Kind, _ reason: String, _ message: String, at origin: Offset) {
        self.notes.letters.append(
            Letter(kind: kind, step: "read", reason: reason, message: message, origin: origin, value: nil))
    }

    /// Takes what the steps have noted. What they only counted may wait until then, for a count a record would cost
    /// more than the step.
    private func gather() {
        guard self.flag.hasCounts || self.flag.hasLetters else { return }
        self.flag.hasCounts = false
        self.flag.hasLetters = false
        for one in self.leading { self.notes.merge(one.wired.takeNotes(), step: one.name) }
        for one in self.trailing { self.notes.merge(one.wired.takeNotes(), step: one.name) }
    }

    // MARK: Output and state

    /// Moves the output out.
    public func takeOutput() -> RecordBatch {
        let batch = self.buffer.place.pointee
        self.buffer.place.pointee = RecordBatch()
        return batch
    }

    /// Takes out of the last outputs those that are larger than a record may be; key and value count.
    /// - Parameters:
    ///   - first: where the outputs in question begin.
    /// - Returns: the sizes of those taken out.
    public func dropOutputs(from first: Int, largerThan bytesMax: Int) -> [Int] {
        let all = self.takeOutput()
        var sizes: [Int] = []
        for index in 0..<all.count {
            let size = (all.keyRange(at: index)?.count ?? 0) + (all.valueRange(at: index)?.count ?? 0)
            if index >= first, size > bytesMax {
                sizes.append(size)
            } else {
                self.buffer.place.pointee.append(all, at: index)
            }
        }
        return sizes
    }

    /// The number of records that `takeOutput` would move out.
    public var outputCount: Int { self.buffer.place.pointee.count }

    /// The bytes that `takeOutput` would move out.
    public var outputByteCount: Int { self.buffer.place.pointee.byteCount }

    /// Moves the notes out, of all records so far.
    public func takeNotes() -> ChainNotes {
        self.gather()
        let notes = self.notes
        self.notes = ChainNotes()
        return notes
    }

    /// Tells whether something was noted that is to be looked at before the next record; counts may wait.
    public var hasNotes: Bool { !self.notes.letters.isEmpty || !self.notes.counts.isEmpty }

    /// Numbers of things the steps gather whose end has not come, by the step's name; steps without any are left out.
    public var openCounts: [String: Int] {
        var counts: [String: Int] = [:]
        for one in self.leading + self.trailing {
            let count = one.wired.openCount()
            if count > 0 { counts[one.name, default: 0] += count }
        }
        return counts
    }

    /// The changes of all operators' state since they were last asked for.
    public func stateChanges() -> [StateChange] {
        var changes: [StateChange] = []
        for (prefix, one) in self.statefulPositions() {
            for change in one.wired.stateChanges() {
                changes.append(StateChange(key: prefix + change.key, value: change.value))
            }
        }
        return changes
    }

    /// Takes up the state that was committed last.
    public func restore(_ entries: [StateEntry]) throws(JSONError) {
        for (prefix, one) in self.statefulPositions() {
            let own = entries.filter { $0.key.starts(with: prefix) }
            guard !own.isEmpty else { continue }
            try one.wired.restore(own.map { StateEntry(key: Bytes($0.key.dropFirst(prefix.count)), value: $0.value) })
        }
    }

    /// The operators with the prefix that their state has in the task's: position and name.
    private func statefulPositions() -> [(Bytes, NamedOperator)] {
        let skipped = self.asynchronous == nil ? 0 : 1
        let leading = self.leading.enumerated().map { (Bytes("\($0).\($1.name)/".utf8), $1) }
        let trailing = self.trailing.enumerated().map { index, one in
            (Bytes("\(self.leading.count + skipped + index).\(one.name)/".utf8), one)
        }
        return leading + trailing
    }
}
