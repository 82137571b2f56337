// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
public import NeuralNetworks
import Records
import Synchronization
public import Training
import VideoFeatures

/// The owner of the features in a file.
public enum FeatureOwner: String, CaseIterable, Hashable, Sendable, Codable {
    /// Files are named after videos; times are moved by the clip's start.
    case video
    /// Files are named after clips.
    case clip
    /// A clip's own file where there is one, else the video's.
    case automatic
}

/// A vector for each segment, from a folder of files named `UID.pt`, `UID.npy` or `UID.safetensors`: the mean of the
/// features in it. What it gives depends on the files alone. Used from any thread.
public final class SegmentFeatures: Sendable {
    /// A reason why a window cannot be used. None of these stops a run: such windows are passed over and counted.
    public enum Gap: String, CaseIterable, Hashable, Sendable, Codable {
        /// There is no file for its clip or video.
        case missing = "without features"
        /// The file ends before a segment does.
        case short = "features end before the segment"
        /// The video's features are there, and nobody says where in it the clip begins.
        case unplaced = "clip without a place in its video"
    }

    /// The folder.
    public let folder: String
    /// The owners of the features in the files.
    public let owner: FeatureOwner
    /// The features' places in time.
    public let alignment: FeatureAlignment
    /// The number of features of a moment.
    public let columns: Int

    /// Gives a file its rows: they tell whether a segment has features before those are read.
    private struct Source: Sendable {
        var file: FeatureFile
        var isClip: Bool
    }

    private let vectors: BoundedCache<String, Result<[Float], GapError>>
    private let sources = Mutex<[String: Source?]>([:])
    private let verified = Mutex<Set<String>>([])

    private struct GapError: Error {
        var gap: Gap
    }

    /// Opens a folder.
    /// - Parameter bytesMax: how much is kept in memory.
    public init(
        folder: String, owner: FeatureOwner = .automatic, alignment: FeatureAlignment, columns: Int,
        bytesMax: Int = 1 << 30
    ) {
        self.folder = folder
        self.owner = owner
        self.alignment = alignment
        self.columns = columns
        self.vectors = BoundedCache(bytesMax: bytesMax) { (try? $0.get()).map { $0.count * 4 } ?? 64 }
    }

    /// The number of features a moment of the first file of a folder, by name; `nil` where there is none.
    /// - Throws: `TensorFileError` where that file is damaged, `TrainingError` where the folder cannot be read.
    public static func columns(in folder: String) throws -> Int? {
        for name in try self.names(folder)
        where ["pt", "npy", "safetensors"].contains(name.split(separator: ".").last) {
            return try FeatureFile(path: "\(folder)/\(name)").columns
        }
        return nil
    }

    private static func names(_ folder: String) throws(TrainingError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        } catch {
            throw TrainingError(.usage, "--features: \(FileFailure(of: error, "list", folder).message)")
        }
    }

    /// Says why a window cannot be used, from the heads of files alone; `nil` where it can.
    /// - Throws: `TensorFileError` where a file is damaged or has another number of features a moment.
    public func gap(of window: ForecastWindow) throws(TensorFileError) -> Gap? {
        for segment in window.inputs {
            if case .failure(let error) = try self.place(segment, of: window) { return error.gap }
        }
        return nil
    }

    /// The features of a window's segments, one after another; or why it has none.
    /// - Throws: `TensorFileError` where a file is damaged, holds NaN, or has another number of features a moment.
    public func features(of window: ForecastWindow) throws(TensorFileError) -> (values: [Float], gap: Gap?) {
        var values: [Float] = []
        values.reserveCapacity(window.inputs.count * self.columns)
        for segment in window.inputs {
            let key = "\(window.clipUID)\u{0}\(segment.start) \(segment.end) \(window.clipStart ?? 0)"
            let vector = try self.vectors.value(key) { () throws(TensorFileError) in
                try self.vector(segment, of: window)
            }
            switch vector {
            case .success(let vector): values += vector
            case .failure(let error): return ([], error.gap)
            }
        }
        return (values, nil)
    }

    private func vector(
        _ segment: ForecastWindow.Segment, of window: ForecastWindow
    ) throws(TensorFileError) -> Result<[Float], GapError> {
        switch try self.place(segment, of: window) {
        case .failure(let error): return .failure(error)
        case .success(let (file, rows)):
            let path = file.path
            let isVerified = self.verified.withLock { $0.contains(path) }
            let matrix = try file.read(rows, isVerified: isVerified)
            if !isVerified { self.verified.withLock { _ = $0.insert(path) } }
            var mean = [Float](repeating: 0, count: self.columns)
            for row in 0..<matrix.rows {
                for column in 0..<self.columns { mean[column] += matrix.values[row * self.columns + column] }
            }
            for column in 0..<self.columns { mean[column] /= Float(matrix.rows) }
            return .success(mean)
        }
    }

    private func place(
        _ segment: ForecastWindow.Segment, of window: ForecastWindow
    ) throws(TensorFileError) -> Result<(FeatureFile, Range<Int>), GapError> {
        guard let source = try self.source(of: window) else { return .failure(GapError(gap: .missing)) }
        var origin = 0.0
        if !source.isClip {
            guard let start = window.clipStart else { return .failure(GapError(gap: .unplaced)) }
            origin = start
        }
        let rows = self.alignment.features(
            start: origin + segment.start, end: origin + segment.end, count: source.file.rows)
        return rows.map { .success((source.file, $0)) } ?? .failure(GapError(gap: .short))
    }

    private func source(of window: ForecastWindow) throws(TensorFileError) -> Source? {
        if let known = self.sources.withLock({ $0[window.clipUID] }) { return known }
        var source: Source?
        if self.owner != .video, let own = try self.open(window.clipUID) {
            source = Source(file: own, isClip: true)
        } else if self.owner != .clip, let video = try self.open(window.videoUID) {
            source = Source(file: video, isClip: false)
        }
        let found = source
        self.sources.withLock { $0[window.clipUID] = found }
        return found
    }

    private func open(_ uid: String) throws(TensorFileError) -> FeatureFile? {
        // Ids go into paths: one that would leave the folder has no file here.
        guard !uid.isEmpty, !uid.contains("/"), !uid.contains("\0"), !uid.hasPrefix(".") else { return nil }
        for ending in ["pt", "npy", "safetensors"] {
            let path = "\(self.folder)/\(uid).\(ending)"
            do throws(TensorFileError) {
                let file = try FeatureFile(path: path)
                guard file.columns == self.columns else {
                    throw TensorFileError(
                        .mismatch,
                        "\(path) has \(file.columns) features a moment, the model wants \(self.columns); name the "
                            + "folder "
                            + "that the model was made for, or train a new network on these")
                }
                return file
            } catch {
                if error.code == .missing { continue }
                throw error
            }
        }
        return nil
    }

    /// A hash of what `gap(of:)` depends on: the settings, and the names, sizes and times of the folder's files.
    public func digest() throws(TrainingError) -> String {
        var hash = ContentHash.Stream()
        let settings = [
            self.owner.rawValue, "\(self.columns)", "\(self.alignment.stride)", "\(self.alignment.window)",
            "\(self.alignment.rate)",
        ]
        hash.update(Bytes(settings.joined(separator: "\n").utf8))
        for name in try Self.names(self.folder) {
            var status = stat()
            guard stat(self.folder + "/" + name, &status) == 0 else { continue }
            let time = status.st_mtim
            hash.update(Bytes("\n\(name) \(status.st_size) \(time.tv_sec).\(time.tv_nsec)".utf8))
        }
        return hash.finish()
    }
}
