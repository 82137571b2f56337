// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records

/// Counts of an export.
public struct CacheExportReport: Hashable, Sendable {
    /// Entries written.
    public var entries = 0
    /// The keys of entries left out because their answer is damaged, as far as they are known.
    public var damaged: [CacheKey] = []
    /// The keys of entries written without their request because that is damaged.
    public var damagedRequests: [CacheKey] = []
}

/// Counts of an import.
public struct CacheImportReport: Hashable, Sendable {
    /// Entries stored.
    public var stored = 0
    /// Entries whose key had an answer already, which it keeps.
    public var present = 0
    /// Lines that hold no entry.
    public var refused = 0
    /// Tells whether it was stopped on the way; what is counted is done.
    public var wasStopped = false
}

extension ResponseCache {
    /// Writes all entries as JSON Lines, in the order of storing: `key`, `model`, `stored_at` in milliseconds since
    /// 1970, `omitted` where the server refused parts of the request, `request` and `answer` as text, or as `{"base64":
    /// …}` where they are not UTF-8; `request` is left out where there is none.
    ///
    /// The file appears under its name when it is whole; it replaces what is there.
    /// - Parameters:
    ///   - file: a path; what ends in `.zst` is compressed with zstd.
    ///   - progress: is told the entries written so far; answers `false` to stop, and no file is written.
    /// - Returns: `nil` if it was stopped.
    public func export(
        to file: String, progress: (Int) -> Bool = { _ in true }
    ) throws(CacheError) -> CacheExportReport? {
        let writer = try LineWriter(path: file)
        var report = CacheExportReport()
        var wasStopped = false
        try self.walk { item in
            switch item {
            case .damaged(_, let key): if let key { report.damaged.append(key) }
            case .sound(let entry, let request):
                if case .damaged(let key) = request { report.damagedRequests.append(key) }
                try writer.write(CacheLine.encode(entry))
                report.entries += 1
            }
            wasStopped = !progress(report.entries)
            return !wasStopped
        }
        if wasStopped { return nil }
        try writer.finish()
        return report
    }

    /// Reads what `export` wrote. A key that has an answer keeps it.
    ///
    /// A line that is no entry is reported and passed over: lines are independent, the good ones cost money once, and
    /// the same import may be run again when the others are mended.
    /// - Parameters:
    ///   - file: JSON Lines, compressed with zstd or not.
    ///   - onBadLine: is told what is wrong, with file and line.
    ///   - progress: is told the lines read so far; answers `false` to stop.
    public func `import`(
        from file: String, onBadLine: (String) -> Void, progress: (Int) -> Bool = { _ in true }
    ) throws(CacheError) -> CacheImportReport {
        let lines = try LineReader(path: file)
        var report = CacheImportReport()
        var batch: [CacheEntry] = []
        var bytes = 0
        var number = 0
        while let line = try lines.next() {
            number += 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) { continue }
            do {
                let entry = try CacheLine.decode(line)
                try EntryCodec.check(entry)
                batch.append(entry)
                bytes += line.count
            } catch let error as CacheError {
                report.refused += 1
                onBadLine("\(file):\(number): \(error.message)")
            } catch {
                report.refused += 1
                onBadLine("\(file):\(number): \(error)")
            }
            if batch.count == 256 || bytes > 4 << 20 {
                try self.take(&batch, &report)
                bytes = 0
                if !progress(number) {
                    report.wasStopped = true
                    return report
                }
            }
        }
        try self.take(&batch, &report)
        return report
    }

    private func take(_ batch: inout [CacheEntry], _ report: inout CacheImportReport) throws(CacheError) {
        if batch.isEmpty { return }
        let stored = try self.insert(batch).count { $0.wasStored }
        report.stored += stored
        report.present += batch.count - stored
        batch.removeAll(keepingCapacity: true)
    }
}

/// An entry as a line of an exported file.
enum CacheLine {
    static func encode(_ entry: CacheEntry) -> Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("key", entry.key.description)
        json.field("model", entry.model)
        json.field("stored_at", Int(entry.storedAt))
        if !entry.omitted.isEmpty {
            json.key("omitted")
            json.beginArray()
            for name in entry.omitted { json.value(name) }
            json.endArray()
        }
        if let request = entry.request {
            json.key("request")
            Self.write(request, to: &json)
        }
        json.key("answer")
        Self.write(entry.answer, to: &json)
        json.endObject()
        return json.bytes
    }

    private static func write(_ bytes: Bytes, to json: inout JSONWriter) {
        if let text = String(validating: bytes, as: UTF8.self) { return json.value(text) }
        json.beginObject()
        json.field("base64", Data(bytes).base64EncodedString())
        json.endObject()
    }

    /// - Throws: `JSONError`, `CacheError`.
    static func decode(_ line: Bytes) throws -> CacheEntry {
        var key: String?
        var model: String?
        var storedAt: Int?
        var request: Bytes?
        var answer: Bytes?
        var omitted: [String] = []
        try JSONScanner.scan(line) { json throws(JSONError) in
            try json.beginObject()
            while let name = try json.nextKey() {
                if name == "key" {
                    key = try json.string()
                } else if name == "model" {
                    model = try json.string()
                } else if name == "stored_at" {
                    storedAt = try json.int()
                } else if name == "request" {
                    request = try json.isNull() ? nil : try self.bytes(&json)
                } else if name == "omitted" {
                    omitted = []
                    try json.beginArray()
                    while try json.nextElement() { omitted.append(try json.string()) }
                } else if name == "answer" {
                    answer = try self.bytes(&json)
                } else {
                    try json.skip()
                }
            }
        }
        func required<Value>(_ name: String, _ value: Value?) throws(CacheError) -> Value {
            guard let value else {
                throw CacheError(
                    .invalidArgument,
                    "no field `\(name)`: a line has key, model, stored_at, answer and perhaps request and omitted, as `millrace "
                        + "cache export` writes it")
            }
            return value
        }
        return CacheEntry(
            key: try CacheKey(required("key", key)), model: try required("model", model),
            storedAt: Timestamp(try required("stored_at", storedAt)), answer: try required("answer", answer),
            request: request, omitted: omitted)
    }

    private static func bytes(_ json: inout JSONScanner) throws(JSONError) -> Bytes {
        if try json.kind() != .object { return Bytes(try json.string().utf8) }
        var bytes: Bytes?
        try json.beginObject()
        while let name = try json.nextKey() {
            let offset = json.offset
            guard name == "base64" else {
                try json.skip()
                continue
            }
            guard let data = Data(base64Encoded: try json.string()) else {
                throw JSONError("expected base 64", offset: offset)
            }
            bytes = Bytes(data)
        }
        guard let bytes else { throw JSONError("expected text or {\"base64\": …}", offset: json.offset) }
        return bytes
    }
}
