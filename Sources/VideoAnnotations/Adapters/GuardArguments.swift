// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TaskRooms

/// Options of sources whose videos may be guarded and cut into clips.
struct GuardArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "An annotation file whose videos are marked by its split, to be left out of training; may be repeated.",
            valueName: "file"))
    var exclude: [String] = []

    @Option(
        help: ArgumentHelp(
            "goalstep_video_groups.tsv: which videos are joined in a group; it is left out when any of them is.",
            valueName: "file"))
    var groups: String?

    @Option(help: ArgumentHelp("The folder with a feature file a video.", valueName: "dir"))
    var features: String?

    @Option(help: "Length of clips for videos that have none; 0 is the whole video.")
    var clipSeconds = 480.0

    /// The options in the words of adapters.
    /// - Throws: `TaskFailure` where the clips' length is none.
    func options() throws(TaskFailure) -> SourceOptions {
        guard ClipPlan(seconds: self.clipSeconds) != nil else {
            throw TaskFailure(
                .usage, "--clip-seconds takes 0, or at least 1 second, not \(self.clipSeconds)")
        }
        return SourceOptions(
            exclusions: self.exclude, groups: self.groups, features: self.features, clipSeconds: self.clipSeconds)
    }
}

/// Reads `1`, `2` or `both`.
func passSelection(_ text: String) throws -> PassSelection {
    guard let selection = PassSelection(rawValue: text) else { throw ValidationError("--pass takes 1, 2 or both.") }
    return selection
}
