// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Foundation
public import Records

/// A dead letter or a reject as it lies in the log: who refused a record and why, where it is from, and the record.
///
/// Anybody may have written what lies there, so everything is bounded and nothing is trusted: a letter that cannot be
/// read is one all the same, with the fault as its message.
public struct KeptLetter: Sendable {
    /// The parts that are read: those that a long list needs are few.
    public enum Detail: Sendable {
        /// The head: who, why and where from.
        case head
        /// That, and a digest of the record.
        case identity
        /// Everything.
        case whole
    }

    /// The possibilities of taking its record again, as its stage saw them.
    public enum Retry: String, Sendable {
        /// The record gave nothing else: taken again, it gives what is missing.
        case whole
        /// The record gave something else too, which would come twice.
        case partial
        /// A step of the stage gathers records, and would have this one out of its order.
        case gathered
    }

    /// Its place.
    public private(set) var id: LetterID
    /// The time of its append.
    public private(set) var time: Timestamp
    /// The topology that refused it; `ingest` for a source's.
    public private(set) var topology = ""
    /// The stage, or the source.
    public private(set) var stage = ""
    /// The step.
    public private(set) var step = ""
    /// `dead` or `rejected`.
    public private(set) var kind = ""
    /// The reason code.
    public private(set) var reason = ""
    /// The fault in words.
    public private(set) var message = ""
    /// The partition of the original record.
    public private(set) var source: TopicPartition?
    /// The offset of the original record.
    public private(set) var sourceOffset: Offset?
    /// Tells whether the record was too large to be kept whole.
    public private(set) var isTruncated = false
    /// Bytes of the original value, kept or not.
    public private(set) var valueBytes = 0
    /// The number of times that the record had been taken again before.
    public private(set) var attempt = 0
    /// The letter after which it was taken again, as `LetterID` writes it.
    public private(set) var retryOf: String?
    /// The possibilities of taking the record again; `nil` in letters of earlier programs, which did not say so.
    public private(set) var retry: Retry?
    /// A digest of key and value as they are written here; for `identity` alone.
    public private(set) var digest: String?
    /// The original key.
    public private(set) var key: Bytes?
    /// The original value.
    public private(set) var value: Bytes?
    /// The original headers.
    public private(set) var headers: [Header] = []
    /// The value that the step refused, as JSON, where it is not the record itself.
    public private(set) var judged: Bytes?
    /// The reason why it cannot be read, if so; the value is then the whole letter.
    public private(set) var problem: String?

    /// The reason of letters that cannot be read.
    public static let unreadable = "unreadable-letter"
    /// The most characters of a name or a code, and of a message.
    private static let (nameMax, messageMax) = (200, 4_096)
    /// The most headers of a record, and letters of a partition's number.
    private static let (headersMax, partitionMax) = (10_000, 1 << 20)

    /// Reads a record of a topic of letters.
    public init(_ record: Record, id: LetterID, time: Timestamp, _ detail: Detail) {
        self.id = id
        self.time = time
        do throws(JSONError) {
            guard let value = record.value else { throw JSONError("a tombstone, with no letter in it", offset: 0) }
            try JSONScanner.scan(value) { json throws(JSONError) in try self.read(&json, of: value, detail) }
            if self.reason.isEmpty { throw JSONError("no `reason`, so it is no letter", offset: 0) }
        } catch {
            self = KeptLetter(unreadable: record, id: id, time: time, error.description)
        }
    }

    private init(unreadable record: Record, id: LetterID, time: Timestamp, _ problem: String) {
        self.id = id
        self.time = time
        self.reason = Self.unreadable
        self.problem = problem
        self.message = Self.cut("it cannot be read as a letter: \(problem)", Self.messageMax)
        self.key = record.key
        self.value = record.value
        self.valueBytes = record.value?.count ?? 0
        self.headers = record.headers
    }

    // MARK: Reading

    private mutating func read(_ json: inout JSONScanner, of bytes: Bytes, _ detail: Detail) throws(JSONError) {
        var sourceTopic: String?
        var sourcePartition: Int?
        var keyAndValue = ContentHash.Stream()
        try json.beginObject()
        while let key = try json.nextKey() {
            let name = key.text
            switch name {
            case "topology": self.topology = try Self.text(&json, Self.nameMax) ?? ""
            case "stage": self.stage = try Self.text(&json, Self.nameMax) ?? ""
            case "step": self.step = try Self.text(&json, Self.nameMax) ?? ""
            case "kind": self.kind = try Self.text(&json, Self.nameMax) ?? ""
            case "reason": self.reason = try Self.text(&json, Self.nameMax) ?? ""
            case "message": self.message = try Self.text(&json, Self.messageMax) ?? ""
            case "topic": sourceTopic = try Self.text(&json, Self.nameMax + 49)
            case "partition": sourcePartition = try Self.count(&json)
            case "offset": self.sourceOffset = try Self.count(&json).map { Offset($0) }
            case "truncated": self.isTruncated = try json.kind() == .boolean ? try json.bool() : try Self.pass(&json)
            case "value_bytes": self.valueBytes = try Self.count(&json) ?? 0
            case "attempt": self.attempt = try Self.count(&json) ?? 0
            case "retry_of": self.retryOf = try Self.text(&json, Self.nameMax + 49)
            case "retry": self.retry = try Self.text(&json, Self.nameMax).flatMap(Retry.init)
            case "key", "value", "key_base64", "value_base64":
                if detail == .identity {
                    keyAndValue.update(Bytes(name.utf8))
                    keyAndValue.update(Bytes(bytes[try json.skip()]))
                } else {
                    try self.readContent(name, &json, detail)
                }
            case "headers" where detail == .whole: self.headers = try Self.headers(&json)
            case "verdict_on" where detail == .whole: self.judged = Bytes(bytes[try json.skip()])
            default: try json.skip()
            }
        }
        if let sourceTopic, let sourcePartition, sourcePartition < Self.partitionMax {
            self.source = TopicPartition(sourceTopic, sourcePartition)
        }
        if detail == .identity { self.digest = keyAndValue.finish() }
    }

    private mutating func readContent(
        _ name: String, _ json: inout JSONScanner, _ detail: Detail
    ) throws(JSONError) {
        guard detail == .whole, try json.kind() == .string else {
            try json.skip()
            return
        }
        let text = try json.string()
        let bytes = name.hasSuffix("_base64") ? Data(base64Encoded: text).map { Bytes($0) } : Bytes(text.utf8)
        if name.hasPrefix("key") { self.key = bytes } else { self.value = bytes }
    }

    private static func headers(_ json: inout JSONScanner) throws(JSONError) -> [Header] {
        guard try json.kind() == .array else {
            try json.skip()
            return []
        }
        var headers: [Header] = []
        try json.beginArray()
        while try json.nextElement() {
            guard try json.kind() == .object, headers.count < Self.headersMax else {
                try json.skip()
                continue
            }
            var header = Header("", Bytes())
            try json.beginObject()
            while let key = try json.nextKey() {
                let name = key.text
                guard ["name", "value", "value_base64"].contains(name), try json.kind() == .string else {
                    try json.skip()
                    continue
                }
                let text = try json.string()
                switch name {
                case "name": header.name = text
                case "value": header.value = Bytes(text.utf8)
                default: header.value = Data(base64Encoded: text).map { Bytes($0) } ?? []
                }
            }
            headers.append(header)
        }
        return headers
    }

    private static func text(_ json: inout JSONScanner, _ limit: Int) throws(JSONError) -> String? {
        guard try json.kind() == .string else {
            try json.skip()
            return nil
        }
        return self.cut(try json.string(), limit)
    }

    private static func count(_ json: inout JSONScanner) throws(JSONError) -> Int? {
        guard try json.kind() == .number else {
            try json.skip()
            return nil
        }
        return Int(exactly: try json.double()).flatMap { JSONScanner.counts.contains($0) ? $0 : nil }
    }

    private static func pass(_ json: inout JSONScanner) throws(JSONError) -> Bool {
        try json.skip()
        return false
    }

    /// The first characters of a text. Counted by scalars: one letter of any number of accents is as long as they are.
    public static func cut(_ text: String, _ limit: Int) -> String {
        if text.utf8.count <= limit { return text }
        let scalars = text.unicodeScalars.prefix(limit + 1)
        if scalars.count <= limit { return text }
        return String(String.UnicodeScalarView(scalars.dropLast(2))) + "…"
    }
}
