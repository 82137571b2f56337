// SPDX-License-Identifier: Apache-2.0

public import ActionForecasting
public import Codecs
import Records
import TaskRooms

/// The challenge's prediction file: `{"CLIP_RANK": {"verb": [[Z ints] × K], "noun": [[Z ints] × K]}}`.
public struct OutputsFile: Hashable, Sendable {
    /// Candidates by key, in the file's order.
    public private(set) var keys: [String] = []
    /// The candidates of each key, each of as many actions.
    public private(set) var candidates: [String: [[Action]]] = [:]

    /// An empty file.
    public init() {}

    /// Adds a window's candidates.
    /// - Throws: `TaskFailure` where the key is there already: two windows have one name, where a clip's `action_idx`
    ///   repeats.
    public mutating func add(_ key: String, _ candidates: [[Action]]) throws {
        guard self.candidates.updateValue(candidates, forKey: key) == nil else {
            throw TaskFailure(
                .failed,
                "two windows have the key \(key), since a clip's action_idx repeats; the challenge knows one of "
                    + "each. Correct "
                    + "the annotations")
        }
        self.keys.append(key)
    }

    /// Says which of the windows' keys are missing, and which keys are no window's; `nil` where neither is.
    public func problem(for windows: [String]) -> String? {
        let wanted = Set(windows)
        let missing = windows.filter { self.candidates[$0] == nil }
        let foreign = self.keys.filter { !wanted.contains($0) }
        var parts: [String] = []
        for (keys, words) in [(missing, "lacks"), (foreign, "holds, of no window of the annotations,")]
        where !keys.isEmpty {
            let rest = keys.count > 3 ? " and \(keys.count - 3) more" : ""
            parts.append("\(words) \(keys.prefix(3).joined(separator: ", "))\(rest)")
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; it ")
    }

    /// The file's content.
    public var bytes: Bytes {
        var json = JSONWriter()
        json.beginObject()
        for key in self.keys {
            let candidates = self.candidates[key] ?? []
            json.key(text: key)
            json.beginObject()
            Self.write("verb", candidates.map { $0.map(\.verb) }, to: &json)
            Self.write("noun", candidates.map { $0.map(\.noun) }, to: &json)
            json.endObject()
        }
        json.endObject()
        return json.bytes + Bytes("\n".utf8)
    }

    private static func write(_ name: String, _ rows: [[Int]], to json: inout JSONWriter) {
        json.key(text: name)
        json.beginArray()
        for row in rows {
            json.beginArray()
            for label in row { json.value(label) }
            json.endArray()
        }
        json.endArray()
    }

    /// The most candidates of a window.
    public static let candidatesRange = 1...1000

    /// Reads a file.
    /// - Parameter taxonomy: what labels are places in.
    /// - Throws: `TaskFailure` that says which key's which candidate is not as it should be.
    public init(_ bytes: Bytes, path: String, steps: Int, taxonomy: TaxonomySummary) throws {
        var keys: [String] = []
        var candidates: [String: [[Action]]] = [:]
        do throws(JSONError) {
            try JSONScanner.scan(bytes.withoutByteOrderMark) { json throws(JSONError) in
                try json.beginObject()
                while let key = try json.nextKey() {
                    let name = key.text
                    let actions = try Self.entry(name, &json, steps: steps, taxonomy)
                    guard candidates.updateValue(actions, forKey: name) == nil else {
                        throw JSONError("the key \(name) is there twice", offset: json.offset)
                    }
                    keys.append(name)
                }
            }
        } catch {
            throw TaskFailure(.failed, "\(path), byte \(error.offset): \(error.message)")
        }
        self.keys = keys
        self.candidates = candidates
    }

    private static func entry(
        _ key: String, _ json: inout JSONScanner, steps: Int, _ taxonomy: TaxonomySummary
    ) throws(JSONError) -> [[Action]] {
        var verbs: [[Int]]?
        var nouns: [[Int]]?
        try json.beginObject()
        while let name = try json.nextKey() {
            if name == "verb" {
                verbs = try Self.rows(key, "verb", &json, steps: steps, below: taxonomy.verbs)
            } else if name == "noun" {
                nouns = try Self.rows(key, "noun", &json, steps: steps, below: taxonomy.nouns)
            } else {
                try json.skip()
            }
        }
        guard let verbs, let nouns else {
            throw JSONError("\(key) lacks `\(verbs == nil ? "verb" : "noun")`", offset: json.offset)
        }
        guard verbs.count == nouns.count, Self.candidatesRange.contains(verbs.count) else {
            throw JSONError(
                "\(key) has \(verbs.count) candidates for `verb` and \(nouns.count) for `noun`; as many of both are "
                    + "wanted, 1 to "
                    + "\(Self.candidatesRange.upperBound)", offset: json.offset)
        }
        return zip(verbs, nouns).map { verb, noun in zip(verb, noun).map { Action(verb: $0, noun: $1) } }
    }

    private static func rows(
        _ key: String, _ name: String, _ json: inout JSONScanner, steps: Int, below: Int
    ) throws(JSONError) -> [[Int]] {
        var rows: [[Int]] = []
        try json.beginArray()
        while try json.nextElement() {
            var row: [Int] = []
            try json.beginArray()
            while try json.nextElement() {
                let label = try json.int()
                guard (0..<below).contains(label) else {
                    throw JSONError(
                        "\(key), `\(name)`, candidate \(rows.count): \(label) is no place in the taxonomy, which "
                            + "has \(below)",
                        offset: json.offset)
                }
                row.append(label)
                if row.count > steps { break }
            }
            guard row.count == steps else {
                throw JSONError(
                    "\(key), `\(name)`, candidate \(rows.count) has \(row.count > steps ? "more than " : "")"
                        + "\(min(row.count, steps)) steps, and \(steps) are wanted", offset: json.offset)
            }
            rows.append(row)
            guard rows.count <= Self.candidatesRange.upperBound else {
                throw JSONError(
                    "\(key) has more than \(Self.candidatesRange.upperBound) candidates", offset: json.offset)
            }
        }
        return rows
    }
}
