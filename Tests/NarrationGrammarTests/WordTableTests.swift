// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar
import Testing

@Suite("WordTable") struct WordTableTests {
    /// Words of all lengths, some of which share their beginning, their end, or both.
    private let words = (0..<600).flatMap { number in
        ["\(number)", "word\(number)", "\(number)word", "middle\(number)middle", "\u{e9}t\u{e9}\(number)"]
    }

    @Test func `it knows the words that it was told, and no others`() {
        let table = WordTable(self.words.enumerated().map { ($1, $0) })
        for (number, word) in self.words.enumerated() {
            #expect(table[word] == number && table.contains(word))
            #expect(table[word + "x"] == nil && table["x" + word] == nil && !table.contains(word.uppercased() + "X"))
        }
        #expect(table[""] == nil)
        #expect(WordTable<Int>()["word"] == nil)
    }

    @Test func `of a word that is told twice the last value counts`() {
        var table = WordTable([("cup", 1), ("pan", 2), ("cup", 3)])
        #expect(table["cup"] == 3 && table["pan"] == 2)
        table["pan"] = 4
        table[""] = 5
        #expect(table["pan"] == 4 && table[""] == 5)
    }

    @Test func `a set has the words of a text`() {
        let set = WordSet(wordsOf: "in into\n  on  ")
        #expect(set.contains("in") && set.contains("into") && set.contains("on"))
        #expect(!set.contains("") && !set.contains("i") && !set.contains("in into"))
    }

    @Test(arguments: [1, 5, 100]) func `stems are one by one or many, and none counts twice`(count: Int) {
        let words = (0..<count).map { "thing\($0)q" }
        let stems = Stem.stems(of: words + words)
        #expect(words.allSatisfy(stems.contains) && !stems.contains("thing"))
        #expect(Stem.anyStem(of: ["the", "other", words[count - 1]], isIn: stems))
        #expect(!Stem.anyStem(of: ["the", "other"], isIn: stems))
    }
}
