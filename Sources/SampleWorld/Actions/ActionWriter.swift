// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation

/// Writes a world's actions in the format of Ego4D's long-term anticipation: `fho_lta_train.json`, `fho_lta_val.json`,
/// `fho_lta_test_unannotated.json`, the test split's answers in `fho_lta_test.json`, `fho_lta_taxonomy.json`,
/// `lta_features/<clip_uid>.pt`, and `lta_frames/<clip_uid>.safetensors`. They have clips of their own, and leave all
/// other files of the world as they are.
struct ActionWriter {
    /// A part of the data set.
    private enum Split: Int, CaseIterable {
        case train, val, test

        /// Of twenty clips fourteen, three and three.
        init(clip: Int) {
            switch clip % 20 {
            case 4, 11, 18: self = .val
            case 6, 13, 19: self = .test
            default: self = .train
            }
        }

        var name: String { ["train", "val", "test"][self.rawValue] }
    }

    /// The name of the split that a clip is in.
    static func splitName(clip: Int) -> String { Split(clip: clip).name }

    static let files = [
        "fho_lta_train.json", "fho_lta_val.json", "fho_lta_test_unannotated.json", "fho_lta_test.json",
        "fho_lta_taxonomy.json",
    ]
    static let features = "lta_features"
    static let frames = "lta_frames"

    private let options: SampleWorldOptions
    private let folder: WorldFolder

    init(_ options: SampleWorldOptions, _ folder: WorldFolder) {
        self.options = options
        self.folder = folder
    }

    /// Writes all of it.
    /// - Parameter progress: called after each clip with the number of clips written.
    func write(into summary: inout SampleWorldSummary, progress: (Int) -> Void) throws(SampleWorldError) {
        let files = try self.open()
        let synthesis = ActionFeatures(seed: self.options.seed, noise: self.options.featureNoise)
        if self.options.features { try self.folder.create(Self.features) }
        if self.options.actionFrames { try self.folder.create(Self.frames) }
        for index in 0..<self.options.actionClips {
            let clip = ActionClipPlan(index: index, seed: self.options.seed)
            switch Split(clip: index) {
            case .train: self.write(clip, "train", to: files[0], isAnnotated: true)
            case .val: self.write(clip, "val", to: files[1], isAnnotated: true)
            case .test:
                self.write(clip, "test", to: files[2], isAnnotated: false)
                self.write(clip, "test", to: files[3], isAnnotated: true)
            }
            for file in files { try file.flush() }
            if self.options.features {
                let bytes = TorchArchive.bytes(
                    of: synthesis.features(of: clip), rows: ActionFeatures.slots, columns: ActionFeatures.dimensions)
                try self.write(bytes, to: "\(Self.features)/\(clip.uid).pt", &summary)
            }
            if self.options.actionFrames {
                let bytes = ActionFrames.file(of: clip, seed: self.options.seed)
                try self.write(bytes, to: "\(Self.frames)/\(clip.uid).safetensors", &summary)
            }
            summary.actionClips += 1
            summary.actions += clip.segments.count
            progress(index + 1)
        }
        try self.close(files, &summary)
    }

    private func open() throws(SampleWorldError) -> [JSONFile] {
        var files: [JSONFile] = []
        for name in Self.files { files.append(try JSONFile(self.folder.url.appendingPathComponent(name))) }
        for (file, split) in zip(files, ["train", "val", "test", "test"]) {
            file.json.beginObject()
            file.json.field("version", "sample")
            file.json.field("date", "000000")
            file.json.field("description", "Actions of an invented sample world in the format of Ego4D's")
            file.json.field("split", split)
            file.json.key("clips")
            file.json.beginArray()
        }
        return files
    }

    private func close(_ files: [JSONFile], _ summary: inout SampleWorldSummary) throws(SampleWorldError) {
        for file in files.dropLast() {
            file.json.endArray()
            file.json.endObject()
        }
        let taxonomy = files[files.count - 1]
        taxonomy.json.beginObject()
        taxonomy.json.field("verbs", strings: Array(ActionLexicon.verbTexts))
        taxonomy.json.field("nouns", strings: Array(ActionLexicon.nounTexts))
        taxonomy.json.endObject()
        for file in files {
            try file.close()
            summary.bytes += file.bytesWritten
        }
        summary.files += Self.files
    }

    private func write(
        _ bytes: [UInt8], to name: String, _ summary: inout SampleWorldSummary
    ) throws(SampleWorldError) {
        try self.folder.write(bytes, to: name)
        summary.actionFiles += 1
        summary.bytes += bytes.count
    }

    private func write(_ clip: ActionClipPlan, _ split: String, to file: JSONFile, isAnnotated: Bool) {
        let second = 1_000_000
        let (start, end) = (clip.parentStart, clip.parentStart + ActionClipPlan.length)
        for (place, segment) in clip.segments.enumerated() {
            file.json.beginObject()
            file.json.field("video_uid", clip.videoUID)
            file.json.field("clip_uid", clip.uid)
            file.json.field("clip_parent_start_sec", seconds: start)
            file.json.field("clip_parent_end_sec", seconds: end)
            file.json.field("clip_parent_start_frame", WorldWriter.frame(start))
            file.json.field("clip_parent_end_frame", WorldWriter.frame(end))
            file.json.field("interval_start_sec", seconds: start + 8 * second)
            file.json.field("interval_end_sec", seconds: end - 8 * second)
            file.json.field("interval_start_frame", WorldWriter.frame(start + 8 * second))
            file.json.field("interval_end_frame", WorldWriter.frame(end - 8 * second))
            file.json.field("action_clip_start_sec", seconds: segment.start)
            file.json.field("action_clip_end_sec", seconds: segment.end)
            file.json.field("action_clip_start_frame", WorldWriter.frame(segment.start))
            file.json.field("action_clip_end_frame", WorldWriter.frame(segment.end))
            if isAnnotated {
                file.json.field("verb", ActionLexicon.verbTexts[segment.verb])
                file.json.field("noun", ActionLexicon.nounTexts[segment.noun])
                file.json.field("verb_label", segment.verb)
                file.json.field("noun_label", segment.noun)
            }
            file.json.field("action_idx", place)
            file.json.endObject()
        }
    }

    /// The lines about these files for the world's README.
    static func readMe(_ options: SampleWorldOptions, _ summary: SampleWorldSummary) -> String {
        """

        actions   \(summary.actions) in \(summary.actionClips) clips of their own, of which \
        14 in 20 are for training, 3 for validation, 3 for testing
        fho_lta_train.json             verb and noun of each action segment
        fho_lta_val.json               the same for the val split
        fho_lta_test_unannotated.json  segments of the test split without verb and noun
        fho_lta_test.json              the same with them
        fho_lta_taxonomy.json          what the labels are places in
        lta_features/<clip_uid>.pt     float32 (slots, 64), a slot for every 16 frames of the clip
        lta_frames/<clip_uid>.safetensors  uint8 (segments, 3, 16, 32, 32), moving shapes; only if asked for

        """
    }
}
