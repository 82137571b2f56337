// SPDX-License-Identifier: Apache-2.0

/// The names that ProAssist's files have.
struct ProAssistNames: Hashable {
    /// The video, without the `grp-` of Ego4D's groups.
    let video: String
    /// The file of its frames, without folder and ending; that of Assembly101 lacks the task in front.
    let frames: String

    init(video: String, dataset: String) {
        self.video = dataset == "ego4d" ? video.replacing("grp-", with: "") : video
        let parts = self.video.split(separator: "_", maxSplits: 1, omittingEmptySubsequences: false)
        self.frames = dataset == "assembly101" && parts.count == 2 ? String(parts[1]) : self.video
    }

    /// The name of a file of prepared samples: `dialog-klg-sum_train_L4096_I1.jsonl`.
    static func file(_ packer: SequencePacker, split: String) -> String {
        let prefix =
            packer.summaryOnly
            ? "summary"
            : "dialog" + (packer.hasKnowledge ? "-klg" : "") + (packer.addsSummary && packer.limit > 0 ? "-sum" : "")
        let separator = packer.chat.separator.isEmpty ? "" : "+SEP"
        return "\(prefix)_\(split)_L\(packer.limit)_I\(packer.chat.tokensPerFrame)\(separator).jsonl"
    }
}
