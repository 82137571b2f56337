// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records

extension QueryReference {
    /// Reads a reference: an annotation file in the official format, or aggregates in the form of
    /// `human-profile.json`, of which the train split is taken where it has one.
    /// - Throws: `JSONError` where it is neither.
    public init(parsing bytes: Bytes, name: String) throws(JSONError) {
        let bytes = bytes.withoutByteOrderMark
        if try Self.isAnnotationFile(bytes) {
            let file = try Self.annotations(bytes)
            self.init(of: file, name: name)
        } else {
            try self.init(aggregates: bytes, split: nil, name: name)
        }
        if self.durations.isEmpty {
            throw JSONError("no query has a window with a length, which a reference is made of", offset: 0)
        }
    }

    /// Reads the file that a field names.
    /// - Throws: `ConfigurationError` that says what is wrong with it.
    public init(_ file: FileReference, field: String) throws(ConfigurationError) {
        do {
            try self.init(parsing: Bytes(file.content.utf8), name: file.path)
        } catch {
            let line = AnnotationFile.line(of: error.offset, in: Bytes(file.content.utf8))
            throw ConfigurationError(
                "\(file.path), line \(line): \(error.message); give queries in the official format, such as "
                    + "nlq_train.json, or aggregates of them", field: field)
        }
    }

    /// The distributions of an annotation file's queries.
    public init(of file: AnnotationFile, name: String) {
        var counter = Counter(name: name)
        for clip in file.videos.flatMap(\.clips) {
            let span = Interval(clip.ownStart ?? 0, clip.ownEnd ?? clip.end - clip.start)
            for query in clip.annotations.flatMap(\.queries) {
                var window: Interval?
                if let start = query.start, let end = query.end { window = Interval(start, end) }
                let word = query.text?.split(whereSeparator: \.isWhitespace).first.map { $0.lowercased() }
                counter.add(window: window, clip: span, template: query.template, firstWord: word)
            }
        }
        self = counter.counted()
    }

    private static func annotations(_ bytes: Bytes) throws(JSONError) -> AnnotationFile {
        try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in try AnnotationFile(lenient: buffer) }
    }

    /// Tells whether a file has videos, as annotation files do and aggregates do not.
    /// - Throws: `JSONError` where it is no JSON object.
    public static func isAnnotationFile(_ bytes: Bytes) throws(JSONError) -> Bool {
        try JSONScanner.scan(bytes) { json throws(JSONError) in
            var isOne = false
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "videos" { isOne = true }
                try json.skip()
            }
            return isOne
        }
    }

    // MARK: Aggregates

    /// Reads aggregates.
    /// - Parameter split: `nil` for the first that the file has, of train and val.
    init(aggregates bytes: Bytes, split: String?, name: String) throws(JSONError) {
        let found = try JSONScanner.scan(bytes) { json throws(JSONError) in
            var found: [String: QueryReference] = [:]
            try json.beginObject()
            while let key = try json.nextKey() {
                let own = key.text
                guard split.map({ $0 == own }) ?? ["train", "val"].contains(own) else {
                    try json.skip()
                    continue
                }
                found[own] = try QueryReference(split: &json, name: name)
            }
            return found
        }
        guard let reference = found[split ?? "train"] ?? found.values.first else {
            throw JSONError("expected `videos` with queries, or aggregates with `train` or `val`", offset: 0)
        }
        self = reference
    }

    private init(split json: inout JSONScanner, name: String) throws(JSONError) {
        self.init(name: name)
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "queries" {
                self.queries = try json.int(in: JSONScanner.counts)
            } else if key == "zero_length" {
                self.leftOut.empty = try json.int(in: JSONScanner.counts)
            } else if key == "reversed" {
                self.leftOut.reversed = try json.int(in: JSONScanner.counts)
            } else if key == "outside_clip" {
                self.leftOut.outside = try json.int(in: JSONScanner.counts)
            } else if key == "duration_sec" {
                try json.beginObject()
                while let key = try json.nextKey() {
                    if key == "quantiles" { self.durations = try Self.spread(&json) } else { try json.skip() }
                }
            } else if key == "relative_start" {
                self.starts = try Self.spread(&json)
            } else if key == "relative_end" {
                self.ends = try Self.spread(&json)
            } else if key == "templates" {
                self.templates = try Self.counts(&json)
            } else if key == "first_words" {
                self.firstWords = try Self.counts(&json)
            } else if key == "joint" {
                self.joint = try Self.joint(&json)
            } else if key == "distinct_normalised" {
                self.distinct = try json.double()
            } else {
                try json.skip()
            }
        }
    }

    private static func spread(_ json: inout JSONScanner) throws(JSONError) -> Spread {
        let place = json.offset
        var values: [Double] = []
        try json.beginArray()
        while try json.nextElement() { values.append(try json.double()) }
        guard let spread = Spread(quantiles: values) else {
            throw JSONError("expected at least two quantiles that do not fall", offset: place)
        }
        return spread
    }

    private static func counts(_ json: inout JSONScanner) throws(JSONError) -> [String: Int] {
        var counts: [String: Int] = [:]
        try json.beginObject()
        while let key = try json.nextKey() {
            let name = key.text
            counts[name] = try json.int(in: JSONScanner.counts)
        }
        return counts
    }

    private static func joint(_ json: inout JSONScanner) throws(JSONError) -> [String: [[Int]]] {
        var tables: [String: [[Int]]] = [:]
        let place = json.offset
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "duration_edges_sec" {
                var edges: [Double] = []
                try json.beginArray()
                while try json.nextElement() { edges.append(try json.double()) }
                guard edges == self.durationEdges else {
                    throw JSONError(
                        "`joint` has other buckets of lengths than 0, 1, 2, 4, 8, 16, 32, 60", offset: place)
                }
            } else if key == "counts" {
                try json.beginObject()
                while let key = try json.nextKey() {
                    let name = key.text
                    tables[name] = try Self.table(&json)
                }
            } else {
                try json.skip()
            }
        }
        return tables
    }

    private static func table(_ json: inout JSONScanner) throws(JSONError) -> [[Int]] {
        let place = json.offset
        var rows: [[Int]] = []
        try json.beginArray()
        while try json.nextElement() {
            var row: [Int] = []
            try json.beginArray()
            while try json.nextElement() { row.append(try json.int(in: JSONScanner.counts)) }
            rows.append(row)
        }
        guard rows.count == self.durationEdges.count, rows.allSatisfy({ $0.count == self.placeParts }) else {
            throw JSONError("a table of `joint` has other rows or columns than 8 and 4", offset: place)
        }
        return rows
    }
}
