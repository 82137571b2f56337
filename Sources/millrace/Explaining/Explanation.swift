// SPDX-License-Identifier: Apache-2.0

import Codecs

/// An account of a sample, in the order in which it came about: a page for people, and the records behind it.
struct Explanation {
    /// One step of the way.
    struct Part {
        /// Its heading on the page.
        var heading: String
        /// Its lines on the page.
        var lines: [String] = []
        /// The records behind it, each a JSON object.
        private(set) var records: [Bytes] = []

        init(_ heading: String) { self.heading = heading }

        /// Adds a JSON object that says which part of the explanation it is.
        mutating func add(_ part: String, _ fields: (inout JSONWriter) -> Void) {
            var json = JSONWriter()
            json.beginObject()
            json.field("part", part)
            fields(&json)
            json.endObject()
            self.records.append(json.bytes)
        }
    }

    /// A description of the sample in one line.
    var headline: String
    /// The steps.
    var parts: [Part]

    /// Writes the page, or one JSON object a line.
    func write(asJSON: Bool) throws {
        if asJSON {
            for record in self.parts.flatMap(\.records) { try Results.json(record) }
            return
        }
        try Results.line(self.headline)
        for part in self.parts {
            try Results.line("")
            try Results.line(part.heading)
            try Results.lines(part.lines.map { "  " + $0 })
        }
    }

    /// Names with their values, one below the other.
    static func pairs(_ pairs: [(name: String, value: String)]) -> [String] {
        let width = pairs.map { VisibleText.text($0.name).count }.max() ?? 0
        return pairs.map { pair in
            let name = VisibleText.text(pair.name)
            return name + String(repeating: " ", count: width - name.count + 2) + pair.value
        }
    }
}

/// A sample as it was found.
struct FoundSample {
    /// The shard set.
    var set: String
    /// The shard.
    var file: String
    /// The line.
    var line: Bytes

    /// A part of the explanation that is the sample itself.
    func part(_ pairs: [(name: String, value: String)]) -> Explanation.Part {
        var part = Explanation.Part("Sample of the shard set \(self.set)")
        part.lines = Explanation.pairs(pairs + [("shard", self.file)])
        part.add("sample") { json in
            json.field("set", self.set)
            json.field("shard", self.file)
            json.key("sample")
            json.raw(self.line)
        }
        return part
    }

    /// Explains a sample whose schema nobody here knows: what it holds, and what it says of its lineage.
    func explained() throws -> Explanation {
        var pairs: [(name: String, value: String)] = []
        try JSONScanner.scan(self.line) { json throws(JSONError) in
            try json.beginObject()
            while let key = try json.nextKey() {
                let name = key.text
                guard name == "lineage", try json.kind() == .object else {
                    pairs.append((name, try self.value(&json)))
                    continue
                }
                try json.beginObject()
                while let key = try json.nextKey() { pairs.append(("lineage \(key.text)", try self.value(&json))) }
            }
        }
        return Explanation(headline: "A sample of a schema that no task here has.", parts: [self.part(pairs)])
    }

    /// The next value: a text as it is, anything else as JSON.
    private func value(_ json: inout JSONScanner) throws(JSONError) -> String {
        if try json.kind() == .string { return try json.string() }
        return String(decoding: self.line[try json.skip()], as: UTF8.self)
    }
}
