// SPDX-License-Identifier: Apache-2.0

import FrameGeneration
import Pictures
import Testing

/// Pairs in LEGO's form, words, and sizes.
@Suite struct FramePairTests {
    @Test func pairsComeInTheFilesOrder() throws {
        let json = """
            {"z": {"2": {"image_0": "z/2/a.png", "image_1": "z/2/b.png", "action": "#C C opens the drawer"},
                   "1": {"image_0": "z/1/a.png", "image_1": "z/1/b.png", "action": "x",
                         "llava_forecast_finetune": "The hand pulls."}}, "a": {}}
            """
        let pairs = try FramePair.list(Array(json.utf8), path: "f.json")
        #expect(pairs.map(\.id) == ["z/2", "z/1"])
        #expect(pairs.map(\.text) == ["opens the drawer", "The hand pulls."])
    }

    @Test(arguments: [
        "[]", "{", #"{"a": 1}"#, #"{"a": {"1": {"image_0": "x", "action": "y"}}}"#,
        #"{"a": {"1": {"image_0": "../x", "image_1": "x", "action": "y"}}}"#,
        #"{"a": {"1": {"image_0": "/x", "image_1": "x", "action": "y"}}}"#,
        #"{"..": {"1": {"image_0": "x", "image_1": "x", "action": "y"}}}"#,
        #"{"a": {"1": {"image_0": "x", "image_1": "x", "action": "y"}}, "#
            + #""a": {"1": {"image_0": "x", "image_1": "x", "action": "y"}}}"#,
    ]) func whatIsNoSetOfPairsIsRefused(_ json: String) {
        #expect(throws: GenerationError.self) { try FramePair.list(Array(json.utf8), path: "f.json") }
    }

    @Test func wordsAreTokens() {
        let words = FrameWords(of: ["Opens the drawer", "closes the door"])
        #expect(words.words == ["closes", "door", "drawer", "opens", "the"])
        #expect(words.tokens(of: ["opens THE, lid!"]) == [[3, 4, 5]])
        #expect([words.other, words.start, words.end, words.tokens] == [5, 6, 7, 8])
    }

    /// Halving by Lanczos keeps what is the same everywhere, and the mean.
    @Test func framesAreScaled() {
        let flat = FramePixels(height: 6, width: 4, values: Array(repeating: 0.25, count: 72))
        #expect(flat.scaled(height: 3, width: 2).values.allSatisfy { abs($0 - 0.25) < 1e-6 })
        #expect(flat.resized(height: 12, width: 9).values.allSatisfy { abs($0 - 0.25) < 1e-6 })
        let ramp = FramePixels(height: 1, width: 8, values: (0..<24).map { Float($0 % 8) / 8 })
        let half = ramp.scaled(height: 1, width: 4).values
        #expect(zip(half, half.dropFirst()).prefix(3).allSatisfy { $0 < $1 })
        #expect(ramp.mirrored().mirrored() == ramp)
        #expect(abs(flat.signalToNoise(of: flat) - 100) < 1e-9)
    }
}
