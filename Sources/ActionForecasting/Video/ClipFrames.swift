// SPDX-License-Identifier: Apache-2.0

import Codecs
import Glibc
public import NeuralNetworks

/// The pixels of clips: a folder of safetensors files named after their clips, each with a tensor `video`, uint8
/// (segments, 3, frames, height, width), and, where their ranks are not 0, 1, 2 …, a tensor `ranks` that tells them.
public struct ClipFrames: Sendable {
    /// The folder.
    public let folder: String
    private static let tensor = "video"

    /// Names a folder.
    public init(folder: String) { self.folder = folder }

    /// The pixels of one segment.
    public struct Segment: Hashable, Sendable {
        /// The decoded frames, their height and their width.
        public var size: GridSize
        /// (3, frames, height, width).
        public var pixels: [UInt8]

        /// Puts pixels together.
        /// - Precondition: as many as the size says, three a cell.
        public init(size: GridSize, pixels: [UInt8]) {
            precondition(pixels.count == 3 * size.count, "\(pixels.count) pixels")
            self.size = size
            self.pixels = pixels
        }
    }

    /// The file of a clip, whose name must not lead out of the folder.
    private func path(_ clip: String) -> String? {
        let isPlain =
            !clip.isEmpty && !clip.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 } && clip != "." && clip != ".."
        return isPlain ? "\(self.folder)/\(clip).safetensors" : nil
    }

    /// Tells whether a clip has a file.
    public func has(_ clip: String) -> Bool { self.path(clip).map { access($0, R_OK) == 0 } ?? false }

    /// The pixels of a clip's segments, in the order of the ranks.
    /// - Throws: `ForecastError` where the clip has no file or a segment is not in it, `TensorFileError` where the file
    ///   is damaged.
    public func segments(_ clip: String, _ ranks: [Int]) throws -> [Segment] {
        guard let path = self.path(clip) else { throw ForecastError("no clip is named \(clip.debugDescription)") }
        let file = try SafetensorsFile(path: path)
        guard let shape = file.entry(Self.tensor)?.shape, shape.count == 5, shape[1] == 3,
            shape[2...].allSatisfy({ (1...4096).contains($0) })
        else {
            throw ForecastError("\(path): expected a tensor video of (segments, 3, frames, height, width)")
        }
        let size = GridSize(shape[2], shape[3], shape[4])
        let known = file.entry("ranks") == nil ? Array(0..<shape[0]) : try file.integers("ranks", shape: [shape[0]])
        return try ranks.map { rank in
            guard let place = known.firstIndex(of: rank) else {
                throw ForecastError("\(path) has \(shape[0]) segments, and none of them is segment \(rank)")
            }
            return Segment(size: size, pixels: try file.bytes(Self.tensor, slice: place))
        }
    }
}
