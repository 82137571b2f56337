// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Pictures

/// Writes the action segments of a world as pairs of frames in LEGO's format: `lego/ego4d_train.json`,
/// `lego/ego4d_val.json` and `lego/ego4d_metadata.json`, and the frames as
/// `lego/{train,val}/<clip_uid>/<action>/<frame>.png`.
struct ActionPairWriter {
    static let folder = "lego"
    static let splits = ["train", "val"]
    static let files = ["ego4d_train.json", "ego4d_val.json", "ego4d_metadata.json"]

    private let options: SampleWorldOptions
    private let folder: WorldFolder

    init(_ options: SampleWorldOptions, _ folder: WorldFolder) {
        self.options = options
        self.folder = folder
    }

    /// Writes all of it; clips of the test split are left out, as the official ones are hidden.
    func write(into summary: inout SampleWorldSummary) throws(SampleWorldError) {
        try self.folder.create(Self.folder)
        var files: [JSONFile] = []
        for name in Self.files {
            let file = try JSONFile(self.folder.url.appendingPathComponent("\(Self.folder)/\(name)"))
            file.json.beginObject()
            files.append(file)
        }
        for index in 0..<self.options.actionClips {
            guard let split = Self.splits.firstIndex(of: ActionWriter.splitName(clip: index)) else { continue }
            let clip = ActionClipPlan(index: index, seed: self.options.seed)
            try self.write(clip, split, to: files[split], &summary)
            files[2].json.key(text: clip.uid)
            files[2].json.beginObject()
            files[2].json.field("width", ActionFrames.side)
            files[2].json.field("height", ActionFrames.side)
            files[2].json.endObject()
            for file in files { try file.flush() }
        }
        for file in files {
            file.json.endObject()
            try file.close()
            summary.bytes += file.bytesWritten
        }
        summary.files += Self.files.map { "\(Self.folder)/\($0)" }
    }

    private func write(
        _ clip: ActionClipPlan, _ split: Int, to file: JSONFile, _ summary: inout SampleWorldSummary
    ) throws(SampleWorldError) {
        file.json.key(text: clip.uid)
        file.json.beginObject()
        for (place, segment) in clip.segments.enumerated() {
            let frames = ActionFrames.pair(of: clip, segment: place, seed: self.options.seed)
            let action = "\(clip.uid)/\(place)"
            try self.folder.create("\(Self.folder)/\(Self.splits[split])/\(action)")
            file.json.key(text: "\(place)")
            file.json.beginObject()
            for (key, picture, frame) in [
                ("image_0", frames.input, 0), ("image_1", frames.target, ActionFrames.middle),
            ] {
                let name = "\(action)/\(Self.number(frame)).png", bytes = picture.png
                try self.folder.write(bytes, to: "\(Self.folder)/\(Self.splits[split])/\(name)")
                file.json.key(text: key)
                file.json.value(name)
                summary.bytes += bytes.count
            }
            file.json.field(
                "action",
                "#C C \(Lexicon.verbs[segment.verb].third) \(Lexicon.nouns[segment.noun].text)")
            file.json.endObject()
            summary.actionPairs += 1
        }
        file.json.endObject()
    }

    /// A frame's number as file names have it.
    private static func number(_ frame: Int) -> String {
        let digits = String(frame)
        return String(repeating: "0", count: max(0, 7 - digits.count)) + digits
    }

    /// The lines about these files for the world's README.
    static func readMe(_ summary: SampleWorldSummary) -> String {
        """

        pairs of frames   \(summary.actionPairs) of those segments, before the action and in its course
        lego/ego4d_train.json, lego/ego4d_val.json   the pairs, in LEGO's format
        lego/ego4d_metadata.json                     the size of each clip
        lego/train, lego/val                         the frames, CLIP/ACTION/FRAME.png

        """
    }
}
