// SPDX-License-Identifier: Apache-2.0

import NarrationGrammar
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct MinHashTests {
    /// The definition, by sets.
    private func jaccard(_ left: String, _ right: String) -> Double {
        func grams(_ text: String) -> Set<[UInt8]> {
            let bytes = Array((" " + text + " ").utf8)
            return Set((0..<max(0, bytes.count - 2)).map { Array(bytes[$0..<$0 + 3]) })
        }
        let (left, right) = (grams(left), grams(right))
        let union = left.union(right).count
        return union == 0 ? 1 : Double(left.intersection(right).count) / Double(union)
    }

    private func estimate(_ left: String, _ right: String) -> Double {
        MinHash(of: left.utf8).similarity(to: MinHash(of: right.utf8))
    }

    /// Texts of some words, and others that share a part of them.
    private func pairs(_ count: Int, seed: String) -> [(String, String)] {
        var hash = StableHash("pairs", seed)
        func word() -> String {
            String((0..<3 + hash.below(6)).map { _ in "abcdefghijklmnopqrstuvwxyz".randomElement(&hash) })
        }
        return (0..<count).map { _ in
            let words = (0..<3 + hash.below(18)).map { _ in word() }
            let share = 30 + hash.below(70)
            let others = words.map { hash.below(100) < share ? $0 : word() }
            return (words.joined(separator: " "), others.joined(separator: " "))
        }
    }

    /// The standard error of 64 lanes is 0.0625 at most; the bias of 2,000 estimates' mean then 0.0014.
    @Test(arguments: ["a", "b", "c"])
    func estimatesFollowTheExactSimilarity(seed: String) {
        let pairs = self.pairs(2_000, seed: seed)
        let errors = pairs.map { self.estimate($0, $1) - self.jaccard($0, $1) }
        let bias = errors.reduce(0, +) / Double(errors.count)
        let deviation = (errors.map { $0 * $0 }.reduce(0, +) / Double(errors.count)).squareRoot()
        #expect(abs(bias) < 0.006, "\(bias)")
        #expect(deviation < 0.066, "\(deviation)")
        #expect(errors.allSatisfy { abs($0) < 0.3 })
        // The pairs are not trivial.
        let exact = pairs.map(self.jaccard)
        for range in [0..<0.2, 0.2..<0.4, 0.4..<0.6, 0.6..<0.8, 0.8..<1] {
            #expect(exact.count(where: range.contains) > 40, "\(range)")
        }
    }

    @Test func signaturesOfEqualAndUnequalTexts() {
        #expect(MinHash(of: "where put knife".utf8) == MinHash(of: "where put knife".utf8))
        #expect(self.estimate("where put knife", "where put knife") == 1)
        #expect(self.estimate("aaaa bbbb", "cccc dddd") < 0.1)
        #expect(MinHash(of: "".utf8) == MinHash(of: "".utf8))
        #expect(self.estimate("", "where put knife") < 0.1)
        #expect(self.estimate("é ü", "é ü") == 1)
        // Order and number of grams do not change the set.
        #expect(self.estimate("abcabcabc", "abcabcabcabc") == 1)
    }

    @Test func grams() {
        #expect(MinHash.grams(of: "ab".utf8) == [0x206162, 0x616220])
        #expect(MinHash.grams(of: "a".utf8) == [0x206120] && MinHash.grams(of: "".utf8).isEmpty)
    }

    /// The signature is part of what replays must reproduce, so it is never to change.
    @Test func aGoldenSignature() {
        let signature = MinHash(of: "where put knife".utf8)
        #expect((0..<MinHash.bands).map(signature.band) == Self.golden)
    }

    private static let golden: [UInt32] = [
        3_294_456_332, 107_326_408, 3_048_833_000, 595_887_718, 2_816_537_430, 3_939_058_639, 4_290_477_898,
        2_618_926_630, 1_108_100_525, 2_581_312_900, 866_203_704, 2_091_869_104, 1_927_431_273, 2_960_719_536,
        68_237_549, 2_726_404_777,
    ]

    /// Two texts share a band with the probability 1 − (1 − J⁴)¹⁶, over which a set's near duplicates are found: hardly
    /// ever missed at 0.8.
    @Test func bands() {
        func sharesBand(_ pair: (String, String)) -> Bool {
            let (left, right) = (MinHash(of: pair.0.utf8), MinHash(of: pair.1.utf8))
            return (0..<MinHash.bands).contains { left.band($0) == right.band($0) }
        }
        let pairs = self.pairs(6_000, seed: "bands")
        let near = pairs.filter { (0.8..<1).contains(self.jaccard($0, $1)) }
        let far = pairs.filter { self.jaccard($0, $1) < 0.2 }
        #expect(near.count > 50 && far.count > 50)
        #expect(near.count(where: sharesBand) * 100 >= near.count * 98)
        #expect(far.count(where: sharesBand) * 100 <= far.count * 6)
    }
}

extension String {
    /// A letter drawn by a hash.
    fileprivate func randomElement(_ hash: inout StableHash) -> Character {
        self[self.index(self.startIndex, offsetBy: hash.below(self.count))]
    }
}

@Suite struct QueryGistTests {
    private func gist(_ query: String) -> QueryGist { QueryGist(NarrationWord.plainWords(of: query)) }

    @Test(arguments: [
        ("Where did I put my knives?", "where put knife"),
        ("In what location did I see the red cup?", "in see red cup"),
        ("Where was the jug before I rinsed the cup?", "where jug before RINSE CUP"), ("?", ""),
        ("What was in the pan?", "what in pan"),
    ])
    func text(query: String, text: String) {
        #expect(self.gist(query).text == text)
        #expect(QueryGist(text: text) == self.gist(query))
    }

    /// Questions that a person would call the same, or nearly.
    @Test(arguments: [
        ("Where did I put the knife?", "Where did I put my knife"),
        (
            "How many red eggs did I break in the big mixing bowl?",
            "How many red eggs did I break into the big mixing bowl?"
        ),
        ("What color was the cup I washed?", "what color was the cup that I washed"),
        ("In what location did I see the cutting board?", "In what location did I see cutting boards?"),
    ])
    func near(left: String, right: String) {
        #expect(
            self.gist(left).isAlike(self.gist(right), by: 0.85), "\(self.gist(left).similarity(to: self.gist(right)))")
    }

    /// Questions that differ, however alike the letters are.
    @Test(arguments: [
        ("Where did I put the cup?", "Where did I put the pan?"), ("Where did I put the cup?", "Did I put the cup?"),
        ("Where was the jug before I rinsed the cup?", "Where was the jug after I rinsed the cup?"),
        ("Where did I put the knife?", "Where did I put the bread knife?"),
        ("What color was the cup I washed?", "What color was the cup I dried?"),
        (
            "Where did I wipe the cooker before I wiped the counter?",
            "Where did I wipe the counter before I wiped the cooker?"
        ),
        ("In what location did I see the peach?", "In what location did I see the cup?"),
        ("What did I put in the cup?", "What did I put in the cupboard?"),
        ("Where did I leave the coffee?", "Where did I leave the coffee pot?"),
    ])
    func apart(left: String, right: String) {
        #expect(self.gist(left).similarity(to: self.gist(right)) < 0.85)
        #expect(!self.gist(left).isAlike(self.gist(right), by: 0.85))
    }
}
