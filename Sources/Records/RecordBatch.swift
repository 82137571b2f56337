// SPDX-License-Identifier: Apache-2.0

public import Codecs

#if canImport(Glibc)
    import Glibc
#endif

/// Records side by side in one buffer: the unit in which data moves between logs, operators and sinks.
///
/// Keys and values lie in one byte array, so a batch of thousands of records costs a handful of allocations. Header
/// lists repeat from record to record, so each distinct list is stored once.
public struct RecordBatch: Sendable {
    /// The places of a record's parts in `storage`.
    public struct Entry: Sendable {
        /// The start of the key.
        public var keyStart: Int
        /// The key's bytes. Negative: the record has no key.
        public var keyCount: Int
        /// The start of the value.
        public var valueStart: Int
        /// The value's bytes. Negative: the record is a tombstone.
        public var valueCount: Int
        /// The index of the record's list in `headerLists`.
        public var headerList: Int

        /// Describes a record's parts.
        public init(keyStart: Int, keyCount: Int, valueStart: Int, valueCount: Int, headerList: Int) {
            self.keyStart = keyStart
            self.keyCount = keyCount
            self.valueStart = valueStart
            self.valueCount = valueCount
            self.headerList = headerList
        }
    }

    /// All keys and values, in no promised order.
    public private(set) var storage: Bytes = []
    /// The places of each record's parts in `storage`, for codecs and loops that cannot afford a copy per record.
    public private(set) var entries: [Entry] = []
    /// The header lists of the records, seldom one twice; the first is the empty one.
    public private(set) var headerLists: [[Header]] = [[]]

    /// Creates an empty batch.
    public init() {}

    /// Creates a batch of some records.
    public init(_ records: some Sequence<Record>) {
        for record in records { self.append(record) }
    }

    /// Creates a batch from its parts, as a codec has decoded them.
    ///
    /// Answers `nil` where an entry points outside `storage` or `headerLists`, or the first header list is not empty.
    public init?(storage: Bytes, entries: [Entry], headerLists: [[Header]]) {
        guard headerLists.first?.isEmpty == true else { return nil }
        for entry in entries {
            guard
                entry.keyCount <= 0
                    || (entry.keyStart >= 0 && entry.keyStart <= storage.count - entry.keyCount),
                entry.valueCount <= 0
                    || (entry.valueStart >= 0 && entry.valueStart <= storage.count - entry.valueCount),
                entry.keyCount != 0 || (0...storage.count).contains(entry.keyStart),
                entry.valueCount != 0 || (0...storage.count).contains(entry.valueStart),
                headerLists.indices.contains(entry.headerList)
            else { return nil }
        }
        self.storage = storage
        self.entries = entries
        self.headerLists = headerLists
    }

    /// The number of records.
    public var count: Int { self.entries.count }

    /// Tells whether there are no records.
    public var isEmpty: Bool { self.entries.isEmpty }

    /// The bytes that keys and values take.
    public var byteCount: Int { self.storage.count }

    /// Forgets the records, keeps the memory.
    public mutating func removeAll() {
        self.storage.removeAll(keepingCapacity: true)
        self.entries.removeAll(keepingCapacity: true)
        self.headerLists.removeSubrange(1...)
    }

    /// Forgets all but the first records.
    public mutating func keepFirst(_ count: Int) { self.entries.removeSubrange(count...) }

    /// Makes room ahead of appends.
    public mutating func reserveCapacity(records: Int, bytes: Int) {
        self.entries.reserveCapacity(records)
        self.storage.reserveCapacity(bytes)
    }

    /// Appends a record.
    public mutating func append(_ record: Record) {
        self.append(key: record.key, value: record.value, headers: record.headers)
    }

    /// Appends a record given by its parts.
    public mutating func append(key: Bytes?, value: Bytes?, headers: [Header] = []) {
        let list = self.headerList(for: headers)
        let keyStart = self.appendKey(key)
        let valueStart = self.storage.count
        if let value { self.storage.append(contentsOf: value) }
        self.entries.append(
            Entry(
                keyStart: keyStart, keyCount: key?.count ?? -1, valueStart: valueStart,
                valueCount: value?.count ?? -1, headerList: list))
    }

    /// Appends a record whose value is written in place, by a JSON writer for instance, with no copy of it in between.
    public mutating func append(key: Bytes?, headers: [Header], value write: (inout Bytes) -> Void) {
        let list = self.headerList(for: headers)
        let keyStart = self.appendKey(key)
        let valueStart = self.storage.count
        write(&self.storage)
        self.entries.append(
            Entry(
                keyStart: keyStart, keyCount: key?.count ?? -1, valueStart: valueStart,
                valueCount: self.storage.count - valueStart, headerList: list))
    }

    /// Appends records of one key and header list whose values lie one behind the other, in one copy.
    /// - Parameters:
    ///   - ends: where each value ends, ascending; the first begins at 0 and the last ends with `values`.
    public mutating func append(key: Bytes?, headers: [Header], values: Bytes, ends: [Int]) {
        if ends.isEmpty { return }
        precondition(ends.last == values.count, "the last value ends with the values")
        let list = self.headerList(for: headers)
        let keyStart = self.appendKey(key)
        let base = self.storage.count
        self.storage.append(contentsOf: values)
        self.entries.reserveCapacity(self.entries.count + ends.count)
        var start = 0
        for end in ends {
            precondition(end >= start, "values follow one another")
            self.entries.append(
                Entry(
                    keyStart: keyStart, keyCount: key?.count ?? -1, valueStart: base + start, valueCount: end - start,
                    headerList: list))
            start = end
        }
    }

    /// Appends record `index` of another batch.
    public mutating func append(_ other: RecordBatch, at index: Int) {
        self.append(contentsOf: other, index..<index + 1)
    }

    /// Appends a run of another batch's records, their bytes in one copy.
    ///
    /// The copy spans what lies between the run's first and last byte, which is what the run takes where the other
    /// batch was filled by appending.
    public mutating func append(contentsOf other: RecordBatch, _ range: Range<Int>) {
        if range.isEmpty { return }
        if self.isEmpty, range == 0..<other.count {
            self = other
            return
        }
        if range.count == 1, let entry = other.entries[range].first {
            return self.append(entry, of: other)
        }
        var low = Int.max
        var high = 0
        for entry in other.entries[range] {
            if entry.keyCount > 0 {
                low = min(low, entry.keyStart)
                high = max(high, entry.keyStart + entry.keyCount)
            }
            if entry.valueCount > 0 {
                low = min(low, entry.valueStart)
                high = max(high, entry.valueStart + entry.valueCount)
            }
        }
        let base = self.storage.count
        if low < high { self.storage.append(contentsOf: other.storage[low..<high]) }
        var lists = [Int](repeating: -1, count: other.headerLists.count)
        self.entries.reserveCapacity(self.entries.count + range.count)
        for entry in other.entries[range] {
            if lists[entry.headerList] < 0 {
                lists[entry.headerList] = self.headerList(for: other.headerLists[entry.headerList])
            }
            self.entries.append(
                Entry(
                    keyStart: entry.keyCount > 0 ? base + entry.keyStart - low : base, keyCount: entry.keyCount,
                    valueStart: entry.valueCount > 0 ? base + entry.valueStart - low : base,
                    valueCount: entry.valueCount, headerList: lists[entry.headerList]))
        }
    }

    /// One record, whose key may lie far from its value.
    private mutating func append(_ entry: Entry, of other: RecordBatch) {
        let list = self.headerList(for: other.headerLists[entry.headerList])
        var keyStart = self.storage.count
        if entry.keyCount > 0 {
            keyStart = self.appendKey(other.storage[entry.keyStart..<entry.keyStart + entry.keyCount])
        }
        let valueStart = self.storage.count
        if entry.valueCount > 0 {
            self.storage.append(contentsOf: other.storage[entry.valueStart..<entry.valueStart + entry.valueCount])
        }
        self.entries.append(
            Entry(
                keyStart: keyStart, keyCount: entry.keyCount, valueStart: valueStart, valueCount: entry.valueCount,
                headerList: list))
    }

    /// The key of a record, copied.
    public func key(at index: Int) -> Bytes? {
        let entry = self.entries[index]
        return entry.keyCount < 0 ? nil : Bytes(self.storage[entry.keyStart..<entry.keyStart + entry.keyCount])
    }

    /// The value of a record, copied; `nil` for a tombstone.
    public func value(at index: Int) -> Bytes? {
        let entry = self.entries[index]
        return entry.valueCount < 0 ? nil : Bytes(self.storage[entry.valueStart..<entry.valueStart + entry.valueCount])
    }

    /// The headers of a record.
    public func headers(at index: Int) -> [Header] { self.headerLists[self.entries[index].headerList] }

    /// A copy of one record.
    public subscript(index: Int) -> Record {
        Record(key: self.key(at: index), value: self.value(at: index), headers: self.headers(at: index))
    }

    /// Lends the value of a record, without a copy; `nil` for a tombstone.
    public func withValue<Result, Failure>(
        at index: Int, _ body: (UnsafeBufferPointer<UInt8>?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let start = self.entries[index].valueStart
        let count = self.entries[index].valueCount
        guard count >= 0 else { return try body(nil) }
        return try self.storage.withUnsafeBufferPointer { storage throws(Failure) in
            try body(UnsafeBufferPointer(rebasing: storage[start..<start + count]))
        }
    }

    /// The range of a record's key in `storage`; `nil` without one.
    public func keyRange(at index: Int) -> Range<Int>? {
        let entry = self.entries[index]
        return entry.keyCount < 0 ? nil : entry.keyStart..<entry.keyStart + entry.keyCount
    }

    /// The range of a record's value in `storage`; `nil` for a tombstone.
    public func valueRange(at index: Int) -> Range<Int>? {
        let entry = self.entries[index]
        return entry.valueCount < 0 ? nil : entry.valueStart..<entry.valueStart + entry.valueCount
    }

    /// A run of records shares a key more often than not, so an equal key is pointed at, not stored again.
    private mutating func appendKey(_ key: Bytes?) -> Int { self.appendKey(key?[...]) }

    private mutating func appendKey(_ key: ArraySlice<UInt8>?) -> Int {
        guard let key else { return self.storage.count }
        if let last = self.entries.last, last.keyCount == key.count, self.holds(key, at: last.keyStart) {
            return last.keyStart
        }
        let start = self.storage.count
        self.storage.append(contentsOf: key)
        return start
    }

    /// Tells whether the bytes of a key stand at a place of the storage.
    private func holds(_ key: ArraySlice<UInt8>, at start: Int) -> Bool {
        key.withUnsafeBufferPointer { key in
            self.storage.withUnsafeBufferPointer { storage in
                guard let first = key.baseAddress, let bytes = storage.baseAddress else { return true }
                return memcmp(first, bytes + start, key.count) == 0
            }
        }
    }

    private mutating func headerList(for headers: [Header]) -> Int {
        if headers.isEmpty { return 0 }
        if let last = self.entries.last, self.headerLists[last.headerList] == headers { return last.headerList }
        // Only the latest few are looked at: where each record has a list of its own, a search of all would be
        // quadratic.
        if let known = self.headerLists.suffix(8).lastIndex(of: headers) { return known }
        self.headerLists.append(headers)
        return self.headerLists.count - 1
    }
}
