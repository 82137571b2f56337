// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Runs of words of a text, with the number of times that they occur.
private struct NGrams {
    static let longest = 4
    let wordCount: Int
    /// By length less one.
    var counts: [[ArraySlice<String>: Int]]

    init(_ text: String) {
        let words = PythonText.words(text)
        self.wordCount = words.count
        self.counts = (1...Self.longest).map { length in
            var counts: [ArraySlice<String>: Int] = [:]
            guard words.count >= length else { return counts }
            for start in 0...(words.count - length) { counts[words[start..<start + length], default: 0] += 1 }
            return counts
        }
    }
}

/// BLEU 1 to 4 (Papineni and others 2002) as the captioning community computes it: words between white space, one
/// reference, brevity by the nearest length, and tiny numbers against division by zero.
struct BLEU: Hashable {
    /// Of the whole corpus, by length less one.
    var corpus: [Double]
    /// Of each pair, by length less one.
    var each: [[Double]]

    private static let small = 1e-9
    private static let tiny = 1e-15

    /// Scores answers by their references.
    init(_ pairs: [(answer: String, reference: String)]) {
        var sums = Tally()
        self.each = Array(repeating: [], count: NGrams.longest)
        for pair in pairs {
            let tally = Tally(answer: NGrams(pair.answer), reference: NGrams(pair.reference))
            sums.add(tally)
            for (index, score) in tally.scores.enumerated() { self.each[index].append(score) }
        }
        self.corpus = sums.scores
    }

    private struct Tally {
        var answerWords = 0
        var referenceWords = 0
        var guesses = Array(repeating: 0, count: NGrams.longest)
        var correct = Array(repeating: 0, count: NGrams.longest)

        init() {}

        init(answer: NGrams, reference: NGrams) {
            self.answerWords = answer.wordCount
            self.referenceWords = reference.wordCount
            for index in self.guesses.indices {
                self.guesses[index] = max(0, answer.wordCount - index)
                self.correct[index] = answer.counts[index].reduce(0) { sum, gram in
                    sum + min(gram.value, reference.counts[index][gram.key] ?? 0)
                }
            }
        }

        mutating func add(_ other: Tally) {
            self.answerWords += other.answerWords
            self.referenceWords += other.referenceWords
            for index in self.guesses.indices {
                self.guesses[index] += other.guesses[index]
                self.correct[index] += other.correct[index]
            }
        }

        var scores: [Double] {
            let ratio = (Double(self.answerWords) + BLEU.tiny) / (Double(self.referenceWords) + BLEU.small)
            let brevity = ratio < 1 ? exp(1 - 1 / ratio) : 1
            var product = 1.0
            return self.guesses.indices.map { index in
                product *= (Double(self.correct[index]) + BLEU.tiny) / (Double(self.guesses[index]) + BLEU.small)
                return pow(product, 1 / Double(index + 1)) * brevity
            }
        }
    }
}

/// CIDEr-D (Vedantam, Zitnick and Parikh 2015) with one reference a text: the cosine of clipped tf-idf vectors of word
/// runs, with a Gaussian penalty on their difference in length, times ten.
struct CIDEr: Hashable {
    /// The mean over the pairs; 0 where there are none.
    var mean: Double
    /// Of each pair.
    var each: [Double]

    private static let sigma = 6.0

    /// Scores answers by their references, which are also the documents that words are rare or frequent in.
    init(_ pairs: [(answer: String, reference: String)]) {
        let references = pairs.map { NGrams($0.reference) }
        var documents: [[ArraySlice<String>: Int]] = Array(repeating: [:], count: NGrams.longest)
        for reference in references {
            for index in documents.indices {
                for gram in reference.counts[index].keys { documents[index][gram, default: 0] += 1 }
            }
        }
        let logCount = log(Double(pairs.count))
        func vector(_ grams: NGrams) -> Vector {
            Vector(grams) { gram, index in
                logCount - log(max(1, Double(documents[index][gram] ?? 0)))
            }
        }
        self.each = zip(pairs, references).map { pair, reference in
            vector(NGrams(pair.answer)).similarity(to: vector(reference))
        }
        self.mean = self.each.isEmpty ? 0 : self.each.reduce(0, +) / Double(self.each.count)
    }

    private struct Vector {
        let weights: [[ArraySlice<String>: Double]]
        let norms: [Double]
        /// The number of runs of two words, which stands for the length.
        let length: Int

        init(_ grams: NGrams, _ rarity: (ArraySlice<String>, Int) -> Double) {
            self.weights = grams.counts.enumerated().map { index, counts in
                var weights: [ArraySlice<String>: Double] = [:]
                for (gram, count) in counts { weights[gram] = Double(count) * rarity(gram, index) }
                return weights
            }
            // Summed in a fixed order, so that no run differs from another.
            self.norms = self.weights.map { weights in
                weights.values.map { $0 * $0 }.sorted().reduce(0, +).squareRoot()
            }
            self.length = grams.counts[1].values.reduce(0, +)
        }

        func similarity(to reference: Vector) -> Double {
            let difference = Double(self.length - reference.length)
            let penalty = exp(-(difference * difference) / (2 * CIDEr.sigma * CIDEr.sigma))
            let values = self.weights.indices.map { index -> Double in
                let products = self.weights[index].map { gram, weight in
                    let other = reference.weights[index][gram] ?? 0
                    return min(weight, other) * other
                }
                var value = products.sorted().reduce(0, +)
                let norms = self.norms[index] * reference.norms[index]
                if norms != 0 { value /= norms }
                return value * penalty
            }
            return values.reduce(0, +) / Double(values.count) * 10
        }
    }
}
