// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// Figures of a set of dialogues, beside those that ProAssist's project states of its own.
public struct DialogueProfile: Sendable {
    /// The stated mean seconds between an assistant's turns, by data set (`notebooks/data_analysis.ipynb`).
    public static let statedGaps = [
        "ego4d": 23.1, "wtag": 11.7, "assembly101": 8.8, "egoexolearn": 8.0, "epickitchens": 6.8, "holoassist": 5.3,
    ]
    /// The stated share of frames at which the assistant is silent, at two a second.
    public static let statedSilence = [
        "ego4d": 0.98, "holoassist": 0.87, "egoexolearn": 0.92, "epickitchens": 0.90, "wtag": 0.94, "assembly101": 0.92,
    ]
    /// The stated mean words of a turn.
    public static let statedWords = 13.9
    private static let framesASecond = 2.0

    /// Figures of one data set.
    public struct Figures: Sendable {
        /// The dialogues.
        public private(set) var dialogues = 0
        /// The turns of all.
        public private(set) var turns = 0
        /// The assistant's turns of all.
        public private(set) var assistantTurns = 0
        fileprivate var videos: Set<String> = []
        fileprivate var words = 0
        fileprivate var gapSum = 0.0
        fileprivate var gaps = 0
        fileprivate var seconds = 0.0
        fileprivate var texts: Set<String> = []
        fileprivate var kinds: [String: Int] = [:]

        /// The number of videos.
        public var videoCount: Int { self.videos.count }
        /// The mean words of a turn.
        public var wordsATurn: Double { Self.share(Double(self.words), self.turns) }
        /// The mean seconds between an assistant's turns.
        public var gap: Double { Self.share(self.gapSum, self.gaps) }
        /// The share of frames, at two a second, at which the assistant is silent.
        public var silence: Double {
            let frames = self.seconds * DialogueProfile.framesASecond
            return frames > 0 ? max(0, 1 - Double(self.assistantTurns) / frames) : 0
        }
        /// The share of turns whose text is another than that of all others.
        public var distinct: Double { Self.share(Double(self.texts.count), self.turns) }
        /// The share of turns of each kind: `user`, and the labels of an assistant's.
        public var shares: [(kind: String, share: Double)] {
            self.kinds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { ($0.key, Self.share(Double($0.value), self.turns)) }
        }

        private static func share(_ part: Double, _ whole: Int) -> Double { whole > 0 ? part / Double(whole) : 0 }

        fileprivate mutating func add(_ dialogue: Dialogue) {
            self.dialogues += 1
            self.videos.insert(dialogue.activity.videoUID)
            let spoken = dialogue.turns.filter { $0.role == .assistant }
            self.turns += dialogue.turns.count
            self.assistantTurns += spoken.count
            for (first, second) in zip(spoken, spoken.dropFirst()) { self.gapSum += second.time - first.time }
            self.gaps += max(spoken.count - 1, 0)
            if let first = dialogue.turns.first, let last = dialogue.turns.last {
                self.seconds += max(last.time - first.time, 0)
            }
            for turn in dialogue.turns {
                self.words += PythonText.words(turn.content).count
                self.texts.insert(turn.content)
                guard turn.role == .assistant else {
                    self.kinds["user", default: 0] += 1
                    continue
                }
                for intent in turn.labels?.intents ?? [] {
                    self.kinds["\(turn.labels?.initiativity.rawValue ?? "")|\(intent.rawValue)", default: 0] += 1
                }
            }
        }
    }

    /// The figures by data set.
    public private(set) var figures: [String: Figures] = [:]
    /// The lines that are no dialogues.
    public private(set) var malformed = 0

    /// Creates an empty profile.
    public init() {}

    /// Tells whether a line of a shard is a dialogue's.
    public static func isDialogue(_ line: Bytes) -> Bool { Self.dialogue(line) != nil }

    private static func dialogue(_ line: Bytes) -> Dialogue? {
        try? JSONScanner.scan(line) { json throws(JSONError) in try DialogueSample(json: &json) }.dialogue
    }

    /// Adds a line of a shard of the schema `dialogue`.
    public mutating func add(_ line: Bytes) {
        guard let dialogue = Self.dialogue(line) else {
            self.malformed += 1
            return
        }
        self.figures[dialogue.activity.dataset, default: Figures()].add(dialogue)
    }
}
