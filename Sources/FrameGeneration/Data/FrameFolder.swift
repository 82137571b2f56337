// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import NeuralNetworks
public import Pictures
import VideoFeatures

/// The folder of a set's frames, and those of a vision-language model's features of them.
public struct FrameFolder: Sendable {
    /// The folder of frames.
    public var path: String
    /// The folders of the features of frames and of words, LEGO's `.npy` files under the frames' names; none where the
    /// network takes none.
    public var imageFeatures: String?, textFeatures: String?
    /// The bytes that a picture's file may have.
    public static let bytesMax = 256 << 20

    /// Describes a folder.
    public init(path: String, imageFeatures: String? = nil, textFeatures: String? = nil) {
        self.path = path
        self.imageFeatures = imageFeatures
        self.textFeatures = textFeatures
    }

    /// A frame as it is in its file.
    /// - Throws: `GenerationError` where it is missing or damaged.
    public func picture(_ name: String) throws -> Picture { try Self.read("\(self.path)/\(name)") }

    /// A picture's file.
    /// - Throws: `GenerationError` where it is missing or damaged.
    public static func read(_ path: String) throws -> Picture {
        let bytes: [UInt8]
        do throws(FileFailure) {
            bytes = try InputFile.contents(path, bytesMax: Self.bytesMax)
        } catch {
            throw GenerationError(error.message)
        }
        do throws(PictureFault) {
            return try Picture(parsing: bytes)
        } catch {
            throw GenerationError("\(path): \(error.message)")
        }
    }

    /// The features of a pair's input frame, and of its words, padded.
    /// - Throws: `GenerationError` where a file is missing, or of other sizes than the network takes.
    public func features(
        _ pair: FramePair, _ conditions: ConditionConfiguration
    ) throws -> (image: [Float], words: [Float]) {
        guard conditions.features > 0 else { return ([], []) }
        let image = try self.rows(self.imageFeatures, pair.input, conditions.features)
        guard image.count == conditions.imageTokens * conditions.features else {
            throw GenerationError(
                "the features of \(pair.input) have \(image.count / conditions.features) rows, and the network takes "
                    + "\(conditions.imageTokens)")
        }
        return (image, conditions.pad(try self.rows(self.textFeatures, pair.input, conditions.features)))
    }

    private func rows(_ folder: String?, _ name: String, _ columns: Int) throws -> [Float] {
        guard let folder else {
            throw GenerationError(
                "the network takes features of frames and of words; give --image-features and --text-features")
        }
        do throws(TensorFileError) {
            let file = try FeatureFile(path: Self.featurePath(folder, name))
            guard file.columns == columns else {
                throw TensorFileError(
                    .mismatch, "\(file.path) has \(file.columns) columns, and the network takes \(columns)")
            }
            return try file.read(0..<file.rows).values
        } catch {
            throw GenerationError(error.message)
        }
    }
}
