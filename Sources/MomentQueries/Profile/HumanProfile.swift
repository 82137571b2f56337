// SPDX-License-Identifier: Apache-2.0

/// The qualities of human queries, in numbers.
///
/// Counted over two annotation files of Ego4D's Natural Language Queries, version 1: `nlq_train.json` (11,296 queries
/// of 745 videos, as it lies in the public repository GinevraGaleotti/MLDLProject @9dc8ae8; it may be a part of the
/// official one, which has 754 videos) and `nlq_val.json` (3,875 queries of 247 videos, the official file as it lies in
/// mant0nio/PoliTO-AML-Project). The counts are ours; the data is not shipped. The mix of templates is known for the
/// validation split alone (`QueryTemplate.humanCount`).
enum HumanProfile {
    /// A number of either split; `nil` where it was not counted.
    struct Figure: Hashable, Sendable {
        let train: Double?
        let validation: Double?
    }

    /// The number of queries of the train split.
    static let trainQueries = 11_296
    /// The number of queries of the validation split.
    static let validationQueries = 3_875

    /// The commonest first words, in small letters, by their counts.
    static let firstWords: [(word: String, train: Int, validation: Int)] = [
        ("where", 5312, 1828), ("what", 2879, 1065), ("how", 977, 301), ("in", 857, 282), ("did", 538, 166),
        ("who", 523, 186), ("when", 132, 30),
    ]

    /// The share that has the word "I", in either case.
    static let saysI = Figure(train: 0.754, validation: 0.755)
    /// The share that has I, my, me or we.
    static let firstPerson = Figure(train: nil, validation: 0.78)
    /// The share that has did, was, were or had.
    static let past = Figure(train: 0.858, validation: 0.845)
    /// The share that has none of these and is, are, am, do, does, have or has.
    static let presentOnly = Figure(train: 0.136, validation: 0.148)
    /// The share that ends in a question mark.
    static let questionMark = Figure(train: 0.813, validation: 0.834)
    /// Words, between white space.
    static let wordsMean = Figure(train: 7.5, validation: 7.44)
    static let wordsLow = Figure(train: nil, validation: 4)
    static let wordsMedian = Figure(train: nil, validation: 7)
    static let wordsHigh = Figure(train: nil, validation: 13)
    static let wordsMax = Figure(train: nil, validation: 19)
    /// Different texts for each query.
    static let distinct = Figure(train: 0.858, validation: 0.910)
    /// The same, where case, punctuation and white space make no difference.
    static let distinctNormalized = Figure(train: 0.767, validation: 0.840)
    /// Seconds.
    static let windowMean = Figure(train: 9.67, validation: 9.04)
    static let windowMedian = Figure(train: 3.46, validation: 3.05)
    static let windowHigh = Figure(train: 21.5, validation: 20.4)
    static let windowMax = Figure(train: 480, validation: 477.6)
    /// The share of windows without length, which are faults of the annotation.
    static let windowZero = Figure(train: 0.086, validation: 0.088)

    /// The share of a first word.
    static func share(ofFirstWord word: String) -> Figure {
        guard let known = self.firstWords.first(where: { $0.word == word }) else {
            let train = self.firstWords.reduce(0) { $0 + $1.train }
            let validation = self.firstWords.reduce(0) { $0 + $1.validation }
            return Figure(
                train: 1 - Double(train) / Double(self.trainQueries),
                validation: 1 - Double(validation) / Double(self.validationQueries))
        }
        return Figure(
            train: Double(known.train) / Double(self.trainQueries),
            validation: Double(known.validation) / Double(self.validationQueries))
    }

    /// The share of a template among those that have one.
    static func share(of template: QueryTemplate) -> Figure {
        let all = QueryTemplate.allCases.reduce(0) { $0 + $1.humanCount }
        return Figure(train: nil, validation: Double(template.humanCount) / Double(all))
    }
}
