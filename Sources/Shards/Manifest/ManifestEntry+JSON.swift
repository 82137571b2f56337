// SPDX-License-Identifier: Apache-2.0

public import Codecs
import RecordLog
public import Records

extension ManifestEntry {
    /// The version of these records; it grows when an old reader would misunderstand them.
    public static let schemaVersion = 1

    /// The header that carries `schemaVersion`.
    public static let schemaHeader = "schema"

    /// The entry as a record of the manifest topic; its key is the partition's number.
    public var record: Record {
        Record(
            key: Bytes(String(self.partition).utf8), value: self.json,
            headers: [Header(Self.schemaHeader, String(Self.schemaVersion))])
    }

    /// The entry as a JSON object.
    public var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("file", self.file)
        json.field("partition", self.partition)
        json.field("sequence", self.sequence)
        json.field("epoch", Int(self.epoch))
        json.field("bytes", self.bytes)
        json.field("uncompressed_bytes", self.uncompressedBytes)
        json.field("samples", self.samples)
        json.field("frames", self.frames)
        json.field("sha256", self.sha256)
        for field in self.last.fields {
            json.key(text: field.name)
            switch field.value {
            case .text(let text): json.value(text)
            case .number(let number): json.value(number)
            case .absent: json.null()
            }
        }
        json.field("reason", self.reason.rawValue)
        json.field("topology_hash", self.topologyHash)
        json.field("zstd_version", self.zstdVersion)
        json.field("level", self.level)
        json.field("first_offset", Int(self.firstOffset))
        json.field("last_offset", Int(self.lastOffset))
        json.endObject()
        return json.bytes
    }

    /// Reads a record of the manifest topic.
    /// - Throws: `ShardError.Code.versionTooNew`; `.corrupt` for anything that is no entry.
    public init(record: Record) throws(ShardError) {
        if let header = record.headers.last(where: { $0.name == Self.schemaHeader }) {
            let text = String(decoding: header.value, as: UTF8.self)
            guard let version = Int(text), version >= 1 else {
                throw ShardError(.corrupt, "a manifest record has the schema version \"\(text)\", not a number")
            }
            guard version <= Self.schemaVersion else {
                throw ShardError(
                    .versionTooNew,
                    "a manifest record has schema version \(version), this program reads up to \(Self.schemaVersion); "
                        + "use a newer program")
            }
        }
        guard let value = record.value else { throw ShardError(.corrupt, "a manifest record has no value") }
        try self.init(json: value)
    }

    /// Reads a JSON object; fields that it does not know are passed over.
    public init(json: Bytes) throws(ShardError) {
        var fields = Fields()
        do {
            try JSONScanner.scan(json) { json throws(JSONError) in try fields.read(&json) }
        } catch {
            throw ShardError(.corrupt, "a manifest record is damaged: \(error)")
        }
        try self.init(fields)
    }

    /// Fields found, before it is known whether all of them are there.
    private struct Fields {
        var text: [String: String] = [:]
        var numbers: [String: Int] = [:]
        var last = LineIdentity()

        /// A schema knows its lines by fewer fields.
        private static let identityFieldsMax = 16

        mutating func read(_ json: inout JSONScanner) throws(JSONError) {
            try json.beginObject()
            while let key = try json.nextKey() {
                let name = key.text
                switch name {
                case "file", "sha256", "reason", "topology_hash", "zstd_version":
                    self.text[name] = try json.stringOrNull()
                case "partition", "sequence", "epoch", "bytes", "uncompressed_bytes", "samples", "frames", "level",
                    "first_offset", "last_offset":
                    self.numbers[name] = try json.intOrNull()
                case _ where name.hasPrefix(LineIdentity.prefix):
                    self.last.set(name, try Self.identityValue(&json))
                    if self.last.fields.count > Self.identityFieldsMax {
                        throw JSONError("more than \(Self.identityFieldsMax) fields `last_…`", offset: json.offset)
                    }
                default: try json.skip()
                }
            }
        }

        private static func identityValue(_ json: inout JSONScanner) throws(JSONError) -> LineIdentity.Value {
            if try json.isNull() { return .absent }
            return try json.kind() == .number ? .number(try json.int()) : .text(try json.string())
        }

        func text(_ name: String) throws(ShardError) -> String {
            guard let value = self.text[name] else { throw self.missing(name) }
            return value
        }

        func count(_ name: String) throws(ShardError) -> Int {
            guard let value = self.numbers[name] else { throw self.missing(name) }
            guard value >= 0 else { throw ShardError(.corrupt, "a manifest record has \(name) \(value), below zero") }
            guard JSONScanner.counts.contains(value) else {
                throw ShardError(.corrupt, "a manifest record has \(name) \(value), more than any shard's")
            }
            return value
        }

        private func missing(_ name: String) -> ShardError {
            let file = self.text["file"].map { " of \($0)" } ?? ""
            return ShardError(.corrupt, "the manifest record\(file) has no \(name)")
        }
    }

    private init(_ fields: Fields) throws(ShardError) {
        let reason = try fields.text("reason")
        guard let reason = RotationReason(rawValue: reason) else {
            throw ShardError(.corrupt, "a manifest record has the rotation reason \"\(reason)\", which is none")
        }
        let file = try fields.text("file")
        // The name goes into a path: a manifest must not lead a reader out of the folder.
        guard ShardName(file: file) != nil else {
            throw ShardError(.corrupt, "a manifest record names \"\(file)\", which is no shard's name")
        }
        self.init(
            file: file, partition: try fields.count("partition"), sequence: try fields.count("sequence"),
            epoch: Int64(try fields.count("epoch")), bytes: try fields.count("bytes"),
            uncompressedBytes: try fields.count("uncompressed_bytes"), samples: try fields.count("samples"),
            frames: try fields.count("frames"), sha256: try fields.text("sha256"),
            last: fields.last, reason: reason, topologyHash: try fields.text("topology_hash"),
            zstdVersion: try fields.text("zstd_version"), level: fields.numbers["level"] ?? 0,
            firstOffset: Offset(try fields.count("first_offset")), lastOffset: Offset(try fields.count("last_offset")))
    }
}
