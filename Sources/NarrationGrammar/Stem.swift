// SPDX-License-Identifier: Apache-2.0

/// Content words in a form in which texts can be compared: small letters, no stop-words, verbs and nouns reduced to
/// their base form.
public enum Stem {
    /// The stems of those of some words that carry meaning.
    public static func stems(of words: [String]) -> Set<String> {
        var stems: Set<String> = []
        for word in words where !self.stopWords.contains(word) {
            stems.insert(self.stem(of: word))
            // "stir-fry" shares its words with "stir fry".
            guard word.utf8.contains(UInt8(ascii: "-")) else { continue }
            for part in word.split(separator: "-") where !self.stopWords.contains(String(part)) {
                stems.insert(self.stem(of: String(part)))
            }
        }
        return stems
    }

    /// Tells whether a word, in small letters, is no stop-word.
    public static func carriesMeaning(_ word: String) -> Bool { !self.stopWords.contains(word) }

    /// The base form of a word: a verb's, or else the singular.
    public static func stem(of word: String) -> String {
        if let reading = VerbLexicon.reading(of: word) { return reading.verb.base }
        return Morphology.singular(of: word)
    }

    /// Words that any two texts share: they say nothing of what either is about.
    private static let stopWords: Set<String> = Set(
        """
        a an the this that these those it its them they he she him her his hers their theirs i me my mine we us our you \
        your c o who whom whose what which when where why how is are was were be been being am do does did done have has \
        had will would could should may might shall must not no nor and or but if then than so as at by for from in \
        into of off on onto out over to under up down with within without about after before again against between \
        during through there here some any all both each few more most other such only own same too very just also still \
        now last first time once many much person people man woman someone something thing things object location place
        """.split(whereSeparator: \.isWhitespace).map(String.init))
}
