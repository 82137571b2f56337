// SPDX-License-Identifier: Apache-2.0

import Codecs
public import RecordLog
public import Records
import Synchronization

/// Figures in a topic of the log, for processes on several machines: the last record of an instance counts, until it is
/// too old or empty.
///
/// A writer's id has a topic of its own on Kafka, so processes do not each bring one: they take the lowest of a few
/// places that nobody has used of late, and another where two have taken the same.
public final class TopicExchange: FigureExchange {
    /// The age at which a process that has told nothing is dead.
    static let millisecondsMax: Timestamp = 30_000
    /// Seconds that the topic keeps records.
    static let retentionSeconds = 600
    private static let placesMax = 256
    private static let processesMax = 1_000
    private static let readMax = 20_000

    /// Each five seconds: a publication is a transaction.
    public let secondsBetween = 5

    private struct Entry {
        var figures: ProcessFigures
        var place: Int
        var heard: Timestamp
    }

    private struct State {
        var writer: (any TransactionalWriter)?
        var place = 0
        var reader: (any PartitionReader)?
        var entries: [String: Entry] = [:]
        var refused: [String: String] = [:]
        var instance: String?
    }

    private let log: any RecordLog
    private let clock: @Sendable () -> Timestamp
    private let state = Mutex(State())
    private static let partition = TopicPartition(ReservedTopics.processes, 0)

    /// Describes an exchange over a log.
    /// - Parameter clock: milliseconds since 1970.
    public init(log: any RecordLog, clock: @escaping @Sendable () -> Timestamp = { SteadyClock.now }) {
        self.log = log
        self.clock = clock
    }

    // MARK: Publishing

    /// Appends the process's figures.
    public func publish(_ figures: ProcessFigures) throws(FigureExchangeError) {
        try self.locked { state throws(LogError) in
            state.instance = figures.identity.instance
            let value = try Self.packed(figures.json)
            try self.append(Record(key: Bytes(figures.identity.instance.utf8), value: value), &state)
        }
    }

    /// Appends that the process has ended; where the log does not take it, the others find out by themselves.
    public func withdraw() {
        try? self.locked { state throws(LogError) in
            defer {
                state.writer?.close()
                state.writer = nil
                state.instance = nil
            }
            // A writer that is not there would first have to be made: not for a farewell.
            guard let instance = state.instance, state.writer != nil else { return }
            try self.append(Record(key: Bytes(instance.utf8), value: nil), &state)
        }
    }

    private func append(_ record: Record, _ state: inout State) throws(LogError) {
        var record = record
        for _ in 0..<3 {
            let writer = try self.writer(&state)
            record.headers = [Header("place", String(state.place))]
            var transaction = Transaction()
            transaction.outputs = [
                .init(topic: Self.partition.topic, partition: 0, records: RecordBatch([record]))
            ]
            do throws(LogError) {
                try writer.commit(transaction)
                return
            } catch {
                writer.close()
                state.writer = nil
                // Another process has taken the same place at the same time.
                guard error.code == .fenced else { throw error }
            }
        }
        throw LogError(.fenced, "three others have taken this process's place in \(Self.partition.topic)")
    }

    private func writer(_ state: inout State) throws(LogError) -> any TransactionalWriter {
        if let writer = state.writer { return writer }
        try self.log.createTopic(
            TopicSpecification(
                name: Self.partition.topic, partitions: 1, retention: .init(seconds: Self.retentionSeconds)))
        try self.catchUp(&state)
        let now = self.clock()
        let taken = Set(
            state.entries.values.filter { now - $0.heard < Self.millisecondsMax }.map(\.place))
        let free = (0..<Self.placesMax).lazy.filter { !taken.contains($0) }.prefix(4)
        // Of the first few any one, so that many who start at once do not all take the same.
        guard let place = Array(free).randomElement() else {
            throw LogError(.failed, "\(Self.placesMax) processes publish figures already")
        }
        let writer = try self.log.makeWriter(id: "\(ReservedTopics.processes).\(place)")
        state.place = place
        state.writer = writer
        return writer
    }

    // MARK: Reading

    /// Reads what has come, and forgets those that have not been heard of for too long.
    public func read() throws(FigureExchangeError) -> FigureReading {
        try self.locked { state throws(LogError) in
            try self.catchUp(&state)
            var reading = FigureReading()
            reading.figures = state.entries.values.map(\.figures)
            reading.refused = state.refused.values.sorted()
            reading.sort()
            return reading
        }
    }

    private func catchUp(_ state: inout State) throws(LogError) {
        let now = self.clock()
        if state.reader == nil {
            do throws(LogError) {
                let start = try self.log.offset(of: Self.partition, notBefore: now - Self.millisecondsMax)
                state.reader = try self.log.makeReader(of: Self.partition, from: start)
            } catch {
                // Nobody has published anything yet.
                if error.code == .unknownTopic { return }
                throw error
            }
        }
        var count = 0
        while count < Self.readMax, let reader = state.reader {
            let batch: FetchedBatch
            do throws(LogError) {
                batch = try reader.read(recordsMax: 256, bytesMax: 16 << 20)
            } catch {
                state.reader = nil
                if case .offsetOutOfRange = error.code { break }
                throw error
            }
            if batch.isEmpty { break }
            count += batch.count
            for index in 0..<batch.count { Self.take(batch, index, now: now, &state) }
        }
        state.entries = state.entries.filter { now - $0.value.heard < Self.millisecondsMax }
    }

    private static func take(_ batch: FetchedBatch, _ index: Int, now: Timestamp, _ state: inout State) {
        guard let key = batch.records.key(at: index) else { return }
        let instance = String(decoding: key, as: UTF8.self)
        guard InstanceName.isValid(instance) else { return }
        state.refused[instance] = nil
        guard let value = batch.records.value(at: index) else {
            state.entries[instance] = nil
            return
        }
        do throws(JSONError) {
            let figures = try ProcessFigures(parsing: try Self.unpacked(value))
            guard figures.identity.instance == instance else {
                throw JSONError("the figures of another process", offset: 0)
            }
            guard state.entries.count < Self.processesMax || state.entries[instance] != nil else { return }
            let place = batch.records.headers(at: index).first { $0.name == "place" }
                .flatMap { Int(String(decoding: $0.value, as: UTF8.self)) }
            // Clocks of machines differ: what was appended in the future was appended now.
            state.entries[instance] = Entry(
                figures: figures, place: place ?? -1, heard: min(batch.timestamps[index], now))
        } catch {
            guard state.refused.count < Self.processesMax else { return }
            state.refused[instance] = "\(batch.partition) offset \(batch.offsets[index]): \(error); it is not shown"
        }
    }

    // MARK: Packing

    private static func packed(_ bytes: Bytes) throws(LogError) -> Bytes {
        do throws(ZstdError) {
            let compressor = try ZstdCompressor(level: 3)
            var frame = Bytes(repeating: 0, count: Zstandard.frameBytesMax(ofContent: bytes.count))
            // There is room for any content of this size.
            let size = try Self.compress(bytes, compressor, &frame) ?? 0
            frame.removeSubrange(size...)
            return frame
        } catch {
            throw LogError(.failed, "figures: \(error)")
        }
    }

    private static func compress(
        _ bytes: Bytes, _ compressor: borrowing ZstdCompressor, _ frame: inout Bytes
    ) throws(ZstdError) -> Int? {
        try bytes.withUnsafeBufferPointer { content throws(ZstdError) in
            try frame.withUnsafeMutableBufferPointer { output throws(ZstdError) in
                try compressor.compress(
                    UnsafeRawBufferPointer(content), into: UnsafeMutableRawBufferPointer(output))
            }
        }
    }

    private static func unpacked(_ frame: Bytes) throws(JSONError) -> Bytes {
        let size = frame.withUnsafeBytes { Zstandard.contentSize($0) }
        guard let size, size <= ProcessFigures.bytesMax else {
            throw JSONError("no frame, or one of more than \(ProcessFigures.bytesMax) bytes", offset: 0)
        }
        do throws(ZstdError) {
            return try frame.withUnsafeBufferPointer { frame throws(ZstdError) in
                try ZstdDecompressor().decompress(UnsafeRawBufferPointer(frame), size: size)
            }
        } catch {
            throw JSONError("\(error)", offset: 0)
        }
    }

    private func locked<Result: Sendable>(
        _ body: (inout State) throws(LogError) -> Result
    ) throws(FigureExchangeError) -> Result {
        let result = self.state.withLock { state -> Swift.Result<Result, LogError> in
            do throws(LogError) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        do throws(LogError) { return try result.get() } catch { throw FigureExchangeError(error.message) }
    }
}
