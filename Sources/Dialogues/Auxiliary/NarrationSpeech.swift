// SPDX-License-Identifier: Apache-2.0

/// Ego4D's narrations as what an assistant says while it watches.
enum NarrationSpeech {
    /// A narration with its place in the recording.
    struct Spoken {
        /// The recording's frame.
        var frame: Int
        var text: String
    }

    /// The narrations of the time between two frames as one sentence: of the first two, those that are about the one
    /// who wears the camera (`#C C`) and are not unsure. The second of them begins with `and`, also where the first
    /// falls.
    static func sentence(_ narrations: some Collection<String>) -> String {
        var sentence = ""
        for (index, narration) in narrations.prefix(2).enumerated() {
            guard !narration.lowercased().contains("#unsure"), narration.hasPrefix(Self.wearer) else { continue }
            var text = narration
            // Some annotations hold two narrations: the first is taken.
            if let second = text.dropFirst().firstRange(of: Self.wearer) {
                text = PythonText.stripped(text[..<second.lowerBound])
            }
            sentence += text.replacing(Self.wearer, with: index == 0 ? "C" : "and") + " "
        }
        sentence = PythonText.stripped(sentence)
        return sentence.isEmpty || sentence.hasSuffix(".") ? sentence : sentence + "."
    }

    private static let wearer = "#C C"

    /// Sentences and the frames before them, in the order of a video's frames.
    struct Speech {
        /// Frames and what is said after them, in turn.
        var turns: [SequenceTurn] = []
        /// Narrations that are in no sentence, because two others were before them between the same frames.
        var beyondTwo = 0
    }

    /// The speech of a video in the original's way: at each kept frame, the narrations that are before it. The last
    /// narration is never said.
    /// - Parameters:
    ///   - narrations: in the order of the file.
    ///   - frameCount: the recording's frames, of which every `step`th is kept.
    static func speech(_ narrations: [Spoken], frameCount: Int, step: Int) -> Speech {
        var speech = Speech()
        var (next, said) = (0, 0)
        guard step > 0, !narrations.isEmpty else { return speech }
        for (index, frame) in stride(from: 0, to: frameCount, by: step).enumerated() {
            let first = next
            while next < narrations.count - 1, frame > narrations[next].frame { next += 1 }
            Self.say(narrations[first..<next].map(\.text), at: index, &said, &speech)
            if next == narrations.count - 1, frame > (narrations.last?.frame ?? 0) { break }
        }
        return speech
    }

    /// The speech of a video by time: frame k is seen from k/`rate` s on, and what was narrated before it is said
    /// there. What is narrated after the last frame is said at that frame, so that nothing is lost.
    static func speech(_ narrations: [(seconds: Double, text: String)], frameCount: Int, rate: Double) -> Speech {
        var speech = Speech()
        var said = 0
        var texts: [String] = []
        var frame = 0
        guard frameCount > 0, rate > 0 else { return speech }
        for narration in narrations.sorted(by: { $0.seconds < $1.seconds }) {
            // The first frame behind the narration.
            let place = PythonText.floor(narration.seconds * rate).map { min(max($0 + 1, 0), frameCount - 1) }
            guard let place else { continue }
            if place != frame {
                Self.say(texts, at: frame, &said, &speech)
                texts = []
                frame = place
            }
            texts.append(narration.text)
        }
        Self.say(texts, at: frame, &said, &speech)
        return speech
    }

    /// Says narrations at a frame, if there is anything to say.
    /// - Parameter said: the first frame that no turn has.
    private static func say(_ texts: [String], at frame: Int, _ said: inout Int, _ speech: inout Speech) {
        speech.beyondTwo += max(0, texts.count - 2)
        let sentence = Self.sentence(texts)
        guard !sentence.isEmpty, frame >= said else { return }
        speech.turns.append(SequenceTurn(frames: said..<frame + 1))
        speech.turns.append(SequenceTurn(.assistant, sentence))
        said = frame + 1
    }
}

/// The split that a video's speech is for.
enum SpeechSplit {
    /// `train` where no benchmark holds the video out; else the one that our dialogues have it in; else none, so that
    /// it is dropped.
    /// - Parameters:
    ///   - names: the sets that the video is in (`Ego4DSplits.names`).
    ///   - own: the split of our dialogues that it is in.
    static func split(names: [String], own: String?) -> String? {
        names.contains("train") ? "train" : names.isEmpty ? nil : own
    }
}
