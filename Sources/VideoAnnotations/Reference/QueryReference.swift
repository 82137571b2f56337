// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// The distributions of a set of queries that another set can be held against, or be made to match: lengths of windows,
/// their places in the clip, templates and first words.
///
/// Windows without length, reversed, or outside of their clip are counted and left out of all distributions of windows.
public struct QueryReference: Sendable {
    /// The lower bounds, in seconds, of the buckets of lengths; the last one is open.
    public static let durationEdges = [0.0, 1, 2, 4, 8, 16, 32, 60]
    /// The parts of a clip by which the middles of windows are counted.
    public static let placeParts = 4

    /// Windows that no distribution holds, and their number.
    public struct LeftOut: Hashable, Sendable {
        /// Queries without a window.
        public var missing = 0
        /// Windows without length.
        public var empty = 0
        /// Windows that end before they start.
        public var reversed = 0
        /// Windows that are not wholly in their clip.
        public var outside = 0
    }

    /// The set's name, for messages.
    public var name: String
    /// The number of queries.
    public var queries = 0
    /// The windows that are left out.
    public var leftOut = LeftOut()
    /// The lengths of windows, in seconds.
    public var durations = Spread(values: [])
    /// Their starts as shares of the clip.
    public var starts = Spread(values: [])
    /// Their ends as shares of the clip.
    public var ends = Spread(values: [])
    /// The number of queries by template, under the names that the set has for them.
    public var templates: [String: Int] = [:]
    /// The numbers of windows by template, then by bucket of length, then by quarter of the clip.
    public var joint: [String: [[Int]]] = [:]
    /// The number of queries by first word, in small letters.
    public var firstWords: [String: Int] = [:]
    /// The different texts for each query of the whole set, where it was counted.
    public var distinct: Double?

    init(name: String) { self.name = name }

    /// The bucket of a length in seconds.
    public static func bucket(ofSeconds seconds: Double) -> Int {
        (self.durationEdges.lastIndex { $0 <= seconds }) ?? 0
    }

    /// The quarter of the clip that holds a window's middle.
    public static func quarter(_ window: Interval, of clip: Interval) -> Int {
        let middle = ((window.start + window.end) / 2 - clip.start) / clip.length
        guard middle.isFinite else { return 0 }
        return Int(max(0, min(middle * Double(self.placeParts), Double(self.placeParts - 1))))
    }

    /// `2–4 s`, `60 s–`
    public static func bucketName(_ bucket: Int) -> String {
        let low = Int(self.durationEdges[bucket])
        guard bucket + 1 < self.durationEdges.count else { return "\(low)s-up" }
        return "\(low)-\(Int(self.durationEdges[bucket + 1]))s"
    }

    // MARK: Human sets

    /// The train split of Ego4D's Natural Language Queries, version 1.
    public static let humanTrain = Self.aggregated(Self.humanTrainText, "train", "human-train")
    /// The validation split.
    public static let humanValidation = Self.aggregated(Self.humanValidationText, "val", "human-val")

    /// The sets that are built in, by their names.
    public static var builtIn: [QueryReference] { [self.humanTrain, self.humanValidation] }

    private static func aggregated(_ text: String, _ split: String, _ name: String) -> QueryReference {
        do {
            return try QueryReference(aggregates: Bytes(text.utf8), split: split, name: name)
        } catch {
            preconditionFailure("the built-in aggregates are sound: \(error)")
        }
    }
}

// MARK: Counting

extension QueryReference {
    /// Counts the queries of a set one by one.
    public struct Counter: Sendable {
        private var reference: QueryReference
        private var durations: [Double] = []
        private var starts: [Double] = []
        private var ends: [Double] = []

        /// Starts with nothing.
        public init(name: String) { self.reference = QueryReference(name: name) }

        /// Counts a query.
        /// - Parameters:
        ///   - window: in the same seconds as the clip; `nil` where it has none.
        ///   - firstWord: in small letters; `nil` where it has no text.
        public mutating func add(
            window: Interval?, clip: Interval, template: String?, firstWord: String?
        ) {
            self.reference.queries += 1
            if let firstWord { self.reference.firstWords[firstWord, default: 0] += 1 }
            if let template { self.reference.templates[template, default: 0] += 1 }
            guard let window, window.length.isFinite else { return self.reference.leftOut.missing += 1 }
            guard window.length != 0 else { return self.reference.leftOut.empty += 1 }
            guard window.length > 0 else { return self.reference.leftOut.reversed += 1 }
            // Times are sums of decimals.
            let slack = 1e-4
            guard window.start >= clip.start - slack, window.end <= clip.end + slack, clip.length > 0,
                clip.length.isFinite
            else { return self.reference.leftOut.outside += 1 }
            self.durations.append(window.length)
            self.starts.append((window.start - clip.start) / clip.length)
            self.ends.append((window.end - clip.start) / clip.length)
            guard let template else { return }
            let empty = QueryReference.emptyTable
            self.reference.joint[template, default: empty][QueryReference.bucket(ofSeconds: window.length)][
                QueryReference.quarter(window, of: clip)] += 1
        }

        /// The distributions of all that was counted.
        public func counted() -> QueryReference {
            var reference = self.reference
            reference.durations = Spread(values: self.durations)
            reference.starts = Spread(values: self.starts)
            reference.ends = Spread(values: self.ends)
            return reference
        }
    }

    static var emptyTable: [[Int]] {
        [[Int]](repeating: [Int](repeating: 0, count: self.placeParts), count: self.durationEdges.count)
    }
}
