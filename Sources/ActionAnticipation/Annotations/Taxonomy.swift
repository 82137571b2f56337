// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records
public import TaskRooms

/// The verbs and nouns of a version of the data set, `fho_lta_taxonomy.json`: a label is a place in one of the lists.
public struct Taxonomy: Hashable, Sendable {
    /// The verbs, such as `put_(place,_leave,_drop)`.
    public let verbs: [String]
    /// The nouns.
    public let nouns: [String]

    /// The most entries of a list; real ones have hundreds.
    public static let entriesMax = 100_000
    /// The most bytes of an entry.
    public static let entryBytesMax = 4096

    /// Takes lists as they are.
    public init(verbs: [String], nouns: [String]) {
        self.verbs = verbs
        self.nouns = nouns
    }

    /// Reads a file.
    /// - Throws: `SourceError` where it is no taxonomy.
    public init(path: String) throws(SourceError) {
        let bytes: Bytes
        do {
            bytes = try UserFile.contents(path)
        } catch {
            throw SourceError(
                file: path, isMissing: true,
                "cannot be read (\(error)): give fho_lta_taxonomy.json of the annotations' own version")
        }
        try self.init(bytes, path: path)
    }

    /// Reads a file's content.
    public init(_ bytes: Bytes, path: String) throws(SourceError) {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw SourceError(file: path, offset: error.offset, "is no JSON: \(error.message); fetch it again")
        }
        self.verbs = try Self.list("verbs", json, path)
        self.nouns = try Self.list("nouns", json, path)
    }

    private static func list(_ key: String, _ json: JSONValue, _ path: String) throws(SourceError) -> [String] {
        let wanted = "expected a taxonomy, {\"verbs\": [text, …], \"nouns\": [text, …]}"
        guard let entries = json[key]?.array else {
            throw SourceError(file: path, "holds no list `\(key)`: \(wanted)")
        }
        guard !entries.isEmpty, entries.count <= Self.entriesMax else {
            throw SourceError(
                file: path, "`\(key)` has \(entries.count) entries, and 1 to \(Self.entriesMax) are read: \(wanted)")
        }
        var texts: [String] = []
        texts.reserveCapacity(entries.count)
        for (index, entry) in entries.enumerated() {
            guard let text = entry.string, text.utf8.count <= Self.entryBytesMax else {
                throw SourceError(
                    file: path, "entry \(index) of `\(key)` is no text of up to \(Self.entryBytesMax) bytes: \(wanted)")
            }
            texts.append(text)
        }
        return texts
    }

    /// The number of verbs and nouns, and a digest of all texts.
    public var summary: TaxonomySummary {
        var json = JSONWriter()
        json.beginArray()
        for list in [self.verbs, self.nouns] {
            json.beginArray()
            for text in list { json.value(text) }
            json.endArray()
        }
        json.endArray()
        return TaxonomySummary(
            digest: String(ContentHash.sha256(json.bytes).prefix(16)), verbs: self.verbs.count, nouns: self.nouns.count)
    }
}

/// The sizes of a taxonomy, and what it is known again by.
public struct TaxonomySummary: Hashable, Sendable {
    /// The beginning of the SHA-256 of its texts.
    public var digest: String
    /// The number of its verbs.
    public var verbs: Int
    /// The number of its nouns.
    public var nouns: Int

    /// Describes a taxonomy.
    public init(digest: String, verbs: Int, nouns: Int) {
        self.digest = digest
        self.verbs = verbs
        self.nouns = nouns
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("digest", self.digest)
        json.field("verbs", self.verbs)
        json.field("nouns", self.nouns)
        json.endObject()
    }

    init?(_ value: JSONValue?) {
        guard let digest = value?["digest"]?.string, let verbs = value?["verbs"]?.count,
            let nouns = value?["nouns"]?.count
        else { return nil }
        self.init(digest: digest, verbs: verbs, nouns: nouns)
    }
}
