// SPDX-License-Identifier: Apache-2.0

extension Morphology {
    /// The plural of a noun: egg → eggs, dish → dishes, berry → berries, knife → knives. One that is plural stays.
    public static func plural(of noun: String) -> String {
        if NounLexicon.isPlural(noun) { return noun }
        if let plural = self.irregularPlurals[noun] { return plural }
        let letters = Array(noun.utf8.suffix(2))
        if letters.last == UInt8(ascii: "y"), let before = letters.first, !"aeiou".utf8.contains(before) {
            return noun.dropLast() + "ies"
        }
        let takesE = ["s", "x", "z", "ch", "sh"].contains { noun.hasSuffix($0) }
        return noun + (takesE ? "es" : "s")
    }

    private static let irregularPlurals = [
        "knife": "knives", "leaf": "leaves", "loaf": "loaves", "shelf": "shelves", "half": "halves", "man": "men",
        "woman": "women", "child": "children", "person": "people", "foot": "feet", "tooth": "teeth", "mouse": "mice",
        "scarf": "scarves", "potato": "potatoes", "tomato": "tomatoes", "mango": "mangoes",
    ]
}
