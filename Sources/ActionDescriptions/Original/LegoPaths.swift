// SPDX-License-Identifier: Apache-2.0

import Codecs

/// The names and sizes of files that the original reads and writes.
public enum LegoPaths {
    /// The path of a frame's features below their folder. A frame whose name has no `jpg` in it gets its own path,
    /// where the original would read the frame as features.
    public static func features(of frame: String) -> String { frame.replacing("jpg", with: "npy") }

    /// The path of a frame that the network makes. The text's scale is not in it: two of them overwrite each other.
    public static func output(
        checkpoint: String, seed: Int, steps: Int, imageScale: Double, target: String
    ) -> String {
        let folder = checkpoint.hasSuffix(".ckpt") ? String(checkpoint.dropLast(5)) : checkpoint
        let name = folder.split(separator: "/").last.map(String.init) ?? folder
        let place = target.split(separator: "/").suffix(3).joined(separator: "/")
        let scale =
            imageScale == imageScale.rounded() && abs(imageScale) < 1e15 ? "\(Int(imageScale))" : "\(imageScale)"
        return "\(folder)/\(name)-e=\(seed)-s=\(steps)-si=\(scale)/images/\(place)"
    }

    /// The height and width of a frame that the network makes of a clip: squeezed into a square, then wide again.
    public static func size(width: Int, height: Int, resolution: Int) -> (height: Int, width: Int) {
        let wide = Double(width) / Double(height) * Double(resolution)
        return (resolution, Int(wide.rounded(.toNearestOrEven)))
    }
}
