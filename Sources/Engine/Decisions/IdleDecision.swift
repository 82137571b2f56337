// SPDX-License-Identifier: Apache-2.0

import Records

/// Decides which stages have done all there is to do, for runs that end when the input does.
///
/// A stage is complete when the stages that write its input are complete and its group has committed each partition
/// to the input's end. Offsets are the group's, as the log has them, so the answer holds for any number of processes.
enum IdleDecision {
    /// The commits of a stage's group, against what there is to read.
    struct Progress {
        /// The stage.
        var stage: String
        /// The stages that write its input.
        var upstream: [String]
        /// Tells whether every partition is committed to its end.
        var isCommittedToEnd: Bool
    }

    /// The stages that may end, given the stages in topological order.
    struct Verdict: Equatable {
        /// Stages whose input has ended for good: they may close their last shard.
        var closing: Set<String>
        /// Tells whether everything is done.
        var isComplete: Bool
    }

    static func decide(_ stages: [Progress]) -> Verdict {
        var complete: Set<String> = []
        var closing: Set<String> = []
        for stage in stages where stage.upstream.allSatisfy(complete.contains) {
            closing.insert(stage.stage)
            if stage.isCommittedToEnd { complete.insert(stage.stage) }
        }
        return Verdict(closing: closing, isComplete: complete.count == stages.count)
    }
}
