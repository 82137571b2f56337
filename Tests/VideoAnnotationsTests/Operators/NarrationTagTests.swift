// SPDX-License-Identifier: Apache-2.0

import Testing
import VideoAnnotations

@Suite("NarrationTag")
struct NarrationTagTests {
    @Test(
        "says who acts, and where the text after the tag starts",
        arguments: [
            ("#C C opens a box", NarrationTag.Kind.cameraWearer, "C opens a box"),
            ("# C C opens a box", .cameraWearer, "C opens a box"),
            ("#c c opens", .cameraWearer, "c opens"),
            ("  #C  C opens ", .cameraWearer, "C opens "),
            ("\t#C\nC opens", .cameraWearer, "C opens"),
            ("#C, C opens", .cameraWearer, "C opens"),
            ("#C", .cameraWearer, ""),
            ("#CC C opens", .cameraWearer, "C opens"),
            ("#CC opens", .cameraWearer, "C opens"),
            ("#C opens", .cameraWearer, "opens"),
            ("#Camera wearer opens", .cameraWearer, "Camera wearer opens"),
            ("#O A man X walks", .other, "A man X walks"),
            ("#o man", .other, "man"),
            ("#Oman walks", .other, "man walks"),
            ("#OMan walks", .other, "Man walks"),
            ("#OMAN walks", .other, "MAN walks"),
            ("#OX walks", .other, "X walks"),
            ("#Old man walks", .other, "Old man walks"),
            ("#Other man walks", .other, "Other man walks"),
            ("# A man walks", .other, "A man walks"),
            ("#Person X walks", .other, "Person X walks"),
            ("#Lady Y", .other, "Lady Y"),
            ("C opens a box", .none, "C opens a box"),
            ("  opens ", .none, "opens "),
            ("#", .none, ""),
            ("#1 opens", .none, "1 opens"),
            ("", .none, ""),
            ("#Ölt", .none, "Ölt"),
            ("#unsure", .unsure, ""),
            ("#Unsure: a box", .unsure, "a box"),
            ("#summary C cooked", .summary, "C cooked"),
            ("#Summary: C cooked", .summary, "C cooked"),
        ])
    func startTag(_ text: String, _ kind: NarrationTag.Kind, _ rest: String) {
        let tag = NarrationTag(in: text)
        #expect(tag.kind == kind)
        #expect(tag.text(of: text) == rest)
    }

    @Test(
        "knows unsure in its spellings",
        arguments: [
            "#unsure", "#Unsure", "# unsure", "#Usure", "#EUnsure", "#nsure", "#unusre", "#UNSURE", "#  Unsure ",
            "#unsur",
            "#unsrue", "#usnure", "#unsre", "#unsire", "#unsuer", "#unsured", "#unsureC", "#unsure.", "#Insure",
            "#sure",
            "#CUnsure", "#C C picks a #unsure", "#C C picks # unsure from the table", "#C C picks a#Unsure",
            "#O #C #unsure", "##unsure", "#C C turns\n#unsrue", "Öl #unsure", "# usure",
        ])
    func unsure(_ text: String) { #expect(NarrationTag(in: text).isUnsure) }

    @Test(
        "leaves what is not unsure",
        arguments: [
            "", "#", "# ", "#C C is unsure", "#C unsure", "unsure", "#C C ensures that", "# ensures that",
            "# sure he is",
            "# injure", "# unsafe tool", "#user X", "#nurse X", "#Person", "#under", "#unused", "#uncle X",
            "#C C uses #1",
            "#surgeon", "#Summary", "#O man", "#uns", "#C C measures", "#", "# #", "#Ünsure",
        ])
    func sure(_ text: String) { #expect(!NarrationTag(in: text).isUnsure) }

    @Test(
        "knows summaries at the start alone",
        arguments: [
            ("#summary C cooked", true), ("#Summary C cooked", true), ("# SUMMARY", true), (" #summary", true),
            ("#Sumary C cooked", true), ("#summaryC cooked", true), ("#C C reads a #summary", false),
            ("summary of", false), ("#sum", false), ("#sunny day", false),
        ])
    func summary(_ text: String, _ isSummary: Bool) { #expect(NarrationTag(in: text).isSummary == isSummary) }

    @Test(
        "knows texts that say nothing",
        arguments: [
            ("", true), ("  \n\t ", true), ("\u{a0}\u{3000} ", true), ("#C", true), ("# C ", true), ("#C.", true),
            ("#O \u{a0}", true), ("#", true), ("#unsure", true), ("#C C", false), ("C", false), ("# A", false),
            ("#C Ö", false), ("1", false),
        ])
    func blank(_ text: String, _ isBlank: Bool) { #expect(NarrationTag(in: text).isBlank == isBlank) }

    @Test("takes any bytes")
    func anyBytes() {
        var random = Generator(seed: 7)
        let alphabet = Array("#unsureCO \u{80}\u{0}s".unicodeScalars)
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                text.unicodeScalars.append(alphabet.randomElement(using: &random) ?? "#")
            }
            let tag = NarrationTag(in: text)
            #expect((0...text.utf8.count).contains(tag.textOffset))
            if tag.isUnsure { #expect(text.contains("#")) }
            if tag.kind == .unsure { #expect(tag.isUnsure) }
        }
    }
}
