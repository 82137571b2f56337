// SPDX-License-Identifier: Apache-2.0

import Foundation
public import VideoAnnotations

/// The distances of one set of queries from another.
public struct QueryComparison: Sendable {
    /// The unit of a distance.
    public enum Unit: String, Sendable {
        /// The distance of Kolmogorov and Smirnov, 0…1.
        case greatestDifference = "kolmogorov-smirnov"
        /// The divergence of Kullback and Leibler of this set from the other, in nats.
        case divergence
        /// A difference of shares, 0…1.
        case share
    }

    /// One respect in which they are compared.
    public struct Figure: Sendable {
        /// `duration`
        public let name: String
        /// The unit of the distance.
        public let unit: Unit
        /// A number that stands for the set, and one for the other: medians, shares; `nil` where there is none.
        public let here, there: Double?
        /// The distance.
        public let distance: Double
        /// The greatest distance that passes.
        public let allowed: Double
        /// A few words about the numbers.
        public let note: String

        /// The distance in multiples of what passes: more than 1 is off.
        public var tolerances: Double { self.distance / self.allowed }
        /// Tells whether it is further off than what passes.
        public var isOff: Bool { self.distance > self.allowed }
    }

    /// A part of a mix: a template or a first word.
    public struct Part: Sendable {
        /// Its name.
        public let name: String
        /// Its share in this set and in the other.
        public let here, there: Double
    }

    /// The sets' distributions.
    public let here, there: QueryReference
    /// The figures, in a fixed order; of what one of both sets does not know, none.
    public private(set) var figures: [Figure] = []
    /// The templates that both have, by their shares among those.
    public private(set) var templates: [Part] = []
    /// The templates that this set lacks, by their shares in the other.
    public private(set) var lacking: [Part] = []
    /// The first words among the templates that both have, the greatest difference first.
    public private(set) var firstWords: [Part] = []
    /// The number of queries in the draws by which repetitions are compared; 0 where they are not.
    public private(set) var draw = 0

    /// The size of the human validation split: the larger a set is, the more it repeats itself.
    public static let drawMax = 3_875

    /// Compares a set with another.
    public init(_ set: ComparedQueries, with other: ComparedQueries) {
        self.here = set.reference
        self.there = other.reference
        self.figures = [
            self.spread("relative-start", self.here.starts, self.there.starts, allowed: 0.05),
            self.spread("relative-end", self.here.ends, self.there.ends, allowed: 0.05),
            self.spread("duration", self.here.durations, self.there.durations, allowed: 0.03),
        ].compactMap(\.self)
        self.compareTemplates()
        self.compareFirstWords(set, other)
        self.compareTexts(set, other)
    }

    private func spread(_ name: String, _ here: Spread, _ there: Spread, allowed: Double) -> Figure? {
        guard !here.isEmpty, !there.isEmpty else { return nil }
        return Figure(
            name: name, unit: .greatestDifference, here: here.quantile(0.5), there: there.quantile(0.5),
            distance: here.distance(from: there), allowed: allowed,
            note: name == "duration" ? "medians in seconds" : "medians, of the clip")
    }

    /// Over the templates that both have, renormalised: a source without people asks nobody about them.
    private mutating func compareTemplates() {
        let here = ComparedQueries.templates(of: self.here)
        let there = ComparedQueries.templates(of: self.there)
        let both = QueryTemplate.allCases.filter { here[$0] ?? 0 > 0 && there[$0] ?? 0 > 0 }
        for template in QueryTemplate.allCases where here[template] ?? 0 == 0 {
            guard let share = there[template] else { continue }
            self.lacking.append(Part(name: template.rawValue, here: 0, there: share))
        }
        let (ownAll, otherAll) = (
            both.reduce(0) { $0 + here[$1, default: 0] }, both.reduce(0) { $0 + there[$1, default: 0] }
        )
        guard ownAll > 0, otherAll > 0 else { return }
        var divergence = 0.0
        for template in both {
            let (own, other) = (here[template, default: 0] / ownAll, there[template, default: 0] / otherAll)
            divergence += own * log(own / other)
            self.templates.append(Part(name: template.rawValue, here: own, there: other))
        }
        self.figures.append(
            Figure(
                name: "templates", unit: .divergence, here: Double(both.count), there: Double(there.count),
                distance: max(0, divergence), allowed: 0.002, note: "numbers of templates"))
    }

    private mutating func compareFirstWords(_ set: ComparedQueries, _ other: ComparedQueries) {
        let both = Set(self.templates.compactMap { QueryTemplate(named: $0.name) })
        let (here, there) = (set.firstWordShares(among: both), other.firstWordShares(among: both))
        guard !here.isEmpty, !there.isEmpty else { return }
        let parts = Set(here.keys).union(there.keys).map { word in
            Part(name: word, here: here[word] ?? 0, there: there[word] ?? 0)
        }
        self.firstWords = parts.sorted {
            (-abs($0.here - $0.there), $0.name) < (-abs($1.here - $1.there), $1.name)
        }
        guard let worst = self.firstWords.first else { return }
        self.figures.append(
            Figure(
                name: "first-words", unit: .share, here: worst.here, there: worst.there,
                distance: abs(worst.here - worst.there), allowed: 0.03, note: "“\(worst.name)”"))
    }

    /// Fewer repetitions than the other set has are no fault.
    private mutating func compareTexts(_ set: ComparedQueries, _ other: ComparedQueries) {
        let theirs: Double?
        if let known = other.reference.distinct {
            self.draw = other.reference.queries
            theirs = known
        } else {
            self.draw = min(Self.drawMax, set.textCount, other.textCount)
            theirs = other.distinct(inDrawsOf: self.draw)
        }
        // A set that is smaller than what the aggregates were counted over is looked at as a whole.
        let own = min(self.draw, set.textCount)
        guard let here = set.reference.distinct ?? set.distinct(inDrawsOf: own), let there = theirs else {
            self.draw = 0
            return
        }
        let note = "means over draws of \(own)" + (own < self.draw ? " and \(self.draw)" : "")
        for (name, here, there) in [("distinct", here, there), ("said-before", 1 - here, 1 - there)] {
            self.figures.append(
                Figure(
                    name: name, unit: .share, here: here, there: there,
                    distance: max(0, name == "distinct" ? there - here : here - there), allowed: 0.01, note: note))
        }
    }
}
