// SPDX-License-Identifier: Apache-2.0

import VideoAnnotations

/// The facts by which a source's videos become activities: how its steps are read, how long clips are, and the words
/// for what is done. Those of the six sources are ProAssist's.
struct ActivityProfile: Sendable {
    /// The ways in which narrations are steps.
    enum Reading: Sendable {
        /// Steps with substeps, of which those that matter to the goal count: GoalStep.
        case essentialSteps
        /// Steps with fine actions and talk, in the order of their times: HoloAssist.
        case stepsWithTalk
        /// Steps with talk, behind a step that says when the task begins: WTaG.
        case stepsAfterTheStart
        /// Steps with mistakes, and of the fine actions those that tell most: Assembly101.
        case stepsWithMistakes
        /// Steps alone: EPIC-KITCHENS, EgoExoLearn.
        case steps
    }

    /// The name of the data set, as ProAssist has it.
    var dataset: String
    var reading: Reading
    /// The number of lines at which a clip is closed: with `steps`, exactly that many; else the first step that goes
    /// beyond it is the clip's last.
    var linesPerClip: Int
    /// The least share of the video that is annotated.
    var leastAnnotated: Double
    /// Tells whether the length is that of the annotated part, because the source does not say that of the video.
    var lastsAsAnnotated = false

    /// The profile of a source; of one that is not ProAssist's, the one that its narrations fit.
    init(_ video: Video, hasSubsteps: @autoclosure () -> Bool) {
        switch video.source {
        case "goalstep": self.init("ego4d", .essentialSteps, 6, 0.5)
        case "holoassist": self.init("holoassist", .stepsWithTalk, 6, 0.5)
        case "egoexolearn":
            self.init("egoexolearn", .steps, 10, 0.4)
            self.lastsAsAnnotated = true
        case "epic-kitchens": self.init("epickitchens", .steps, 20, 0.5)
        case "wtag": self.init("wtag", .stepsAfterTheStart, 6, 0.3)
        case "assembly101":
            self.init("assembly101", .stepsWithMistakes, 6, 0.5)
            self.lastsAsAnnotated = true
        default:
            self.init(video.source, hasSubsteps() ? .stepsWithTalk : .steps, hasSubsteps() ? 6 : 20, 0.5)
            self.lastsAsAnnotated = video.durationSec == nil
        }
    }

    private init(_ dataset: String, _ reading: Reading, _ linesPerClip: Int, _ leastAnnotated: Double) {
        self.dataset = dataset
        self.reading = reading
        self.linesPerClip = linesPerClip
        self.leastAnnotated = leastAnnotated
    }

    /// Videos of GoalStep that ProAssist always passes over.
    private static let ignored: Set<String> = [
        "269eea13-c70a-42f6-aba5-41ef622d3112", "d2e05761-29c4-4dd5-8ef6-027e40fea282",
    ]

    /// Tells whether a video is always passed over.
    func ignores(videoUID: String) -> Bool {
        self.dataset == "ego4d" && Self.ignored.contains(videoUID.replacing("grp-", with: ""))
    }

    /// The kind of activity in a video, and the kind of knowledge that describes it.
    func words(for video: Video) -> (domain: String, knowledgeType: String) {
        switch self.dataset {
        case "holoassist": return ("object manipulation", "operation manual")
        case "egoexolearn" where video.details.scene != "kitchen": return ("lab task", "lab task steps")
        case "assembly101":
            let isAssembly = video.details.goal?.hasPrefix("asse") ?? false
            return ("assembly/disassembly", isAssembly ? "assembly steps" : "disassembly steps")
        case "ego4d", "egoexolearn", "epickitchens", "wtag", "captaincook4d": return ("cooking", "cooking recipe")
        default: return ("everyday activity", "task steps")
        }
    }
}
