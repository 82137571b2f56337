// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One respect in which a set of queries is compared with those of people.
public struct ProfileMeasure: Hashable, Sendable {
    /// The unit in which its values are written.
    public enum Unit: String, Sendable {
        /// 0…1
        case share
        /// Half the sum of the differences of all shares (total variation), 0…1, from the human train split, or from
        /// the validation split where the other is not known.
        case mix
        /// Words.
        case words
        /// Seconds.
        case seconds
    }

    /// A part of a mix.
    public struct Part: Hashable, Sendable {
        /// The word or the template.
        public let name: String
        /// Its share in the set.
        public let share: Double
        /// Its share among the human queries.
        public let human: Double
    }

    /// The name of the measure: `words-mean`.
    public let name: String
    /// The unit in which the values are written.
    public let unit: Unit
    /// The set's.
    public let value: Double
    /// That of the human train split; `nil` where it was not counted, and for a mix.
    public let train: Double?
    /// That of the human validation split; `nil` where it was not counted. For a mix, its distance from the train
    /// split.
    public let validation: Double?
    /// The distance from the human values, in tolerances: more than 1 is off.
    public let distance: Double
    /// The parts of a mix, the furthest from the human share first.
    public let parts: [Part]

    /// Tells whether a person would call it off.
    public var isOff: Bool { self.distance > 1 }
}

extension QueryProfile {
    /// All measures, the furthest off first.
    ///
    /// The tolerances are ours: 10 points for a mix, 5 for a share, half a word for the mean, a word or two for
    /// quantiles, a factor of 1.5 for windows. Where one side is no fault, it has no distance: all questions with a
    /// question mark, no window without length, no text twice.
    public func measures() -> [ProfileMeasure] {
        guard self.queries > 0 else { return [] }
        let measures = [self.firstWordMix, self.templateMix] + self.shares + self.lengths + self.windows
        return measures.sorted { ($1.distance, $0.name) < ($0.distance, $1.name) }
    }

    private enum Side { case both, below, above }

    private func measure(
        _ name: String, _ unit: ProfileMeasure.Unit, _ value: Double, _ human: HumanProfile.Figure,
        tolerance: Double, side: Side = .both
    ) -> ProfileMeasure {
        let known = [human.train, human.validation].compactMap(\.self)
        let (low, high) = (known.min() ?? value, known.max() ?? value)
        var distance = 0.0
        if value < low, side != .above { distance = (low - value) / tolerance }
        if value > high, side != .below { distance = (value - high) / tolerance }
        return ProfileMeasure(
            name: name, unit: unit, value: value, train: human.train, validation: human.validation,
            distance: distance, parts: [])
    }

    // MARK: Mixes

    private var firstWordMix: ProfileMeasure {
        let known = HumanProfile.firstWords.map(\.word)
        let other = self.firstWords.filter { !known.contains($0.key) }.reduce(0) { $0 + $1.value }
        let parts = (known + ["other"]).map { word in
            let human = HumanProfile.share(ofFirstWord: word)
            let count = word == "other" ? other : self.firstWords[word] ?? 0
            return (word, self.share(count), human)
        }
        return self.mix("first-words", parts.map { ($0.0, $0.1, $0.2.train ?? 0, $0.2.validation ?? 0) })
    }

    private var templateMix: ProfileMeasure {
        let named = self.queries - (self.templates[nil] ?? 0)
        let parts = QueryTemplate.allCases.map { template in
            let share = named == 0 ? 0 : Double(self.templates[template] ?? 0) / Double(named)
            let human = HumanProfile.share(of: template).validation ?? 0
            return (template.rawValue, share, human, human)
        }
        return self.mix("templates", parts)
    }

    private func mix(
        _ name: String, _ parts: [(name: String, share: Double, human: Double, validation: Double)]
    ) -> ProfileMeasure {
        let total = parts.reduce(0) { $0 + abs($1.share - $1.human) } / 2
        let between = parts.reduce(0) { $0 + abs($1.validation - $1.human) } / 2
        let sorted = parts.map { ProfileMeasure.Part(name: $0.name, share: $0.share, human: $0.human) }.sorted {
            (-abs($0.share - $0.human), $0.name) < (-abs($1.share - $1.human), $1.name)
        }
        return ProfileMeasure(
            name: name, unit: .mix, value: total, train: nil, validation: between > 0 ? between : nil,
            distance: max(0, total - between) / 0.1, parts: sorted)
    }

    // MARK: Numbers

    private var shares: [ProfileMeasure] {
        [
            self.measure("says-i", .share, self.share(self.saysI), HumanProfile.saysI, tolerance: 0.05),
            self.measure(
                "first-person", .share, self.share(self.firstPerson), HumanProfile.firstPerson, tolerance: 0.05),
            self.measure("past", .share, self.share(self.past), HumanProfile.past, tolerance: 0.05),
            self.measure(
                "present-only", .share, self.share(self.presentOnly), HumanProfile.presentOnly, tolerance: 0.05),
            self.measure(
                "question-mark", .share, self.share(self.questionMarks), HumanProfile.questionMark, tolerance: 0.05,
                side: .below),
            self.measure(
                "distinct", .share, self.distinct(self.texts), HumanProfile.distinct, tolerance: 0.05, side: .below),
            self.measure(
                "distinct-normalized", .share, self.distinct(self.normalized), HumanProfile.distinctNormalized,
                tolerance: 0.05, side: .below),
        ]
    }

    private var lengths: [ProfileMeasure] {
        [
            self.measure("words-mean", .words, self.wordsMean, HumanProfile.wordsMean, tolerance: 0.5),
            self.measure("words-p1", .words, self.words(quantile: 0.01), HumanProfile.wordsLow, tolerance: 1),
            self.measure("words-median", .words, self.words(quantile: 0.5), HumanProfile.wordsMedian, tolerance: 1),
            self.measure("words-p99", .words, self.words(quantile: 0.99), HumanProfile.wordsHigh, tolerance: 2),
            self.measure(
                "words-max", .words, self.words(quantile: 1), HumanProfile.wordsMax, tolerance: 3, side: .above),
        ]
    }

    private var windows: [ProfileMeasure] {
        let seconds = self.windowSeconds.sorted()
        guard let longest = seconds.last else { return [] }
        func quantile(_ share: Double) -> Double { seconds[Int(Double(seconds.count - 1) * share)] }
        let zero = Double(seconds.prefix { $0 <= 0 }.count) / Double(seconds.count)
        let mean = seconds.reduce(0, +) / Double(seconds.count)
        return [
            self.factor("window-mean", mean, HumanProfile.windowMean),
            self.factor("window-median", quantile(0.5), HumanProfile.windowMedian),
            self.factor("window-p90", quantile(0.9), HumanProfile.windowHigh),
            self.measure(
                "window-max", .seconds, longest, HumanProfile.windowMax, tolerance: 48, side: .above),
            self.measure("window-zero", .share, zero, HumanProfile.windowZero, tolerance: 0.05, side: .above),
        ]
    }

    /// Lengths of windows are compared by their ratio.
    private func factor(_ name: String, _ value: Double, _ human: HumanProfile.Figure) -> ProfileMeasure {
        func logarithm(_ value: Double) -> Double { log(max(value, 1e-3)) }
        let plain = self.measure(
            name, .seconds, logarithm(value),
            HumanProfile.Figure(train: human.train.map(logarithm), validation: human.validation.map(logarithm)),
            tolerance: log(1.5))
        return ProfileMeasure(
            name: name, unit: .seconds, value: value, train: human.train, validation: human.validation,
            distance: plain.distance, parts: [])
    }
}
