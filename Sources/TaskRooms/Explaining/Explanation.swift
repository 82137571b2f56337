// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// An account of a sample, in the order in which it came about: a page for people, and the records behind it.
public struct Explanation: Sendable {
    /// One step of the way.
    public struct Part: Sendable {
        /// Its heading on the page.
        public var heading: String
        /// Its lines on the page.
        public var lines: [Line] = []
        /// The records behind it, each a JSON object.
        public private(set) var records: [Bytes] = []
        /// Tells whether it is the sample itself.
        public fileprivate(set) var isSample = false

        /// Creates a step that says nothing yet.
        public init(_ heading: String) { self.heading = heading }

        /// Adds a JSON object that says which part of the explanation it is.
        public mutating func add(_ part: String, _ fields: (inout JSONWriter) -> Void) {
            var json = JSONWriter()
            json.beginObject()
            json.field("part", part)
            fields(&json)
            json.endObject()
            self.records.append(json.bytes)
        }
    }

    /// A line of the page, or several that are set under each other. Texts stand as they are: whoever shows them makes
    /// what acts on a terminal visible.
    public enum Line: Sendable, ExpressibleByStringInterpolation {
        /// One line.
        case text(String)
        /// Names with their values, one below the other, the values in one column.
        case pairs([(name: String, value: String)])

        /// Creates a line of text.
        public init(stringLiteral text: String) { self = .text(text) }
    }

    /// A description of the sample in one line.
    public var headline: String
    /// The steps.
    public var parts: [Part]
    /// The things of the sample that have a time, where the task has some to draw.
    public var timeline: SampleTimeline?

    /// Creates an account.
    public init(headline: String, parts: [Part], timeline: SampleTimeline? = nil) {
        self.headline = headline
        self.parts = parts
        self.timeline = timeline
    }

    /// Names with their values, one below the other.
    public static func pairs(_ pairs: [(name: String, value: String)]) -> [Line] { [.pairs(pairs)] }
}

/// A sample as it was found.
public struct FoundSample: Sendable {
    /// The shard set.
    public var set: String
    /// The name of the shard that it stands in.
    public var file: String
    /// The line.
    public var line: Bytes

    /// Describes a sample.
    public init(set: String, file: String, line: Bytes) {
        self.set = set
        self.file = file
        self.line = line
    }

    /// A part of the explanation that is the sample itself.
    public func part(_ pairs: [(name: String, value: String)]) -> Explanation.Part {
        var part = Explanation.Part("Sample of the shard set \(self.set)")
        part.isSample = true
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
    public func explained() throws -> Explanation {
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
