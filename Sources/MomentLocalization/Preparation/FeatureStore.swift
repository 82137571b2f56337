// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
public import NeuralNetworks
import Records
import Synchronization
import Training
public import VideoFeatures

/// The owner of the features in a file.
public enum FeatureLayout: String, CaseIterable, Sendable {
    /// Files are named after videos; a clip takes its slice.
    case video
    /// Files are named after clips, and used whole.
    case clip
    /// A clip's own file where there is one, else the video's.
    case automatic
}

/// The features of clips, from a folder of files named `UID.pt`, `UID.npy` or `UID.safetensors`.
///
/// Clips are kept as they were last asked for, down-sampled, up to a number of bytes; what is returned depends on the
/// files alone. Used from any thread.
public final class FeatureStore: Sendable {
    /// The features of a clip, at most `bins` rows of them.
    public struct Clip: Sendable {
        /// The features; their rows are the bins of the clip's grid.
        public var features: FeatureMatrix
        /// The grid that targets and predictions of the clip lie on.
        public var grid: TargetGrid
    }

    /// A reason why a clip cannot be used. None of these stops a run: such samples are skipped and counted.
    public enum Gap: String, CaseIterable, Hashable, Sendable {
        /// There is no file for it.
        case missing
        /// The file ends more than two frames before the clip does.
        case short
        /// The clip has no length, so that nothing of a file is its own.
        case noClip

        /// The problem, in words that follow "queries".
        public var words: String {
            switch self {
            case .missing: "without features of their clip or video"
            case .short: "whose features end before their clip does"
            case .noClip: "whose clip does not end after it starts (video_start_sec, video_end_sec)"
            }
        }
    }

    /// The folder.
    public let folder: String
    /// The owners of the features in the files, videos or clips.
    public let layout: FeatureLayout
    /// The most rows that a clip has.
    public let bins: Int
    /// The number of features of a moment.
    public let columns: Int

    private enum Result: Sendable {
        case clip(Clip)
        case gap(Gap)

        var pair: (clip: Clip?, gap: Gap?) {
            switch self {
            case .clip(let clip): (clip, nil)
            case .gap(let gap): (nil, gap)
            }
        }

        var bytes: Int {
            switch self {
            case .clip(let clip): clip.features.values.count * 4
            case .gap: 64
            }
        }
    }

    private let clips: BoundedCache<String, Result>
    private let grids = Mutex<[String: (grid: TargetGrid?, gap: Gap?)]>([:])
    /// The files whose checksums were compared.
    private let verified = Mutex<Set<String>>([])
    private let standIns: [String: String]

    /// Opens a folder.
    /// - Parameters:
    ///   - folder: where the files are.
    ///   - layout: whose features the files hold.
    ///   - bins: the most rows that a clip is to have: the model's `max_pos_len`.
    ///   - columns: the number of features of a moment that the model wants.
    ///   - bytesMax: how much is kept in memory.
    ///   - standIns: videos or clips whose features are to be another's, for controls of an experiment.
    public init(
        folder: String, layout: FeatureLayout = .automatic, bins: Int, columns: Int, bytesMax: Int = 1 << 30,
        standIns: [String: String] = [:]
    ) {
        self.folder = folder
        self.layout = layout
        self.bins = bins
        self.columns = columns
        self.clips = BoundedCache(bytesMax: bytesMax) { $0.bytes }
        self.standIns = standIns
    }

    /// The features of a clip.
    /// - Returns: the clip, or why it cannot be used.
    /// - Throws: `TensorFileError` where a file is damaged, holds NaN, or has another number of features a moment.
    public func clip(of query: MomentQuery) throws(TensorFileError) -> (clip: Clip?, gap: Gap?) {
        try self.clips.value(Self.key(query)) { () throws(TensorFileError) in try self.load(query) }.pair
    }

    /// The grid of a clip, from the head of its file alone; what `clip(of:)` would say, but for damaged numbers.
    public func grid(of query: MomentQuery) throws(TensorFileError) -> (grid: TargetGrid?, gap: Gap?) {
        let key = Self.key(query)
        if let known = self.grids.withLock({ $0[key] }) { return known }
        var result: (grid: TargetGrid?, gap: Gap?)
        if query.clipLength <= 0 {
            result = (nil, .noClip)
        } else if let (_, slice) = try self.find(query) {
            result =
                slice.isShort
                ? (nil, .short)
                : (TargetGrid(bins: min(slice.features.count, self.bins), duration: slice.duration), nil)
        } else {
            result = (nil, .missing)
        }
        self.grids.withLock { $0[key] = result }
        return result
    }

    /// Two samples may differ in where they say that a clip lies.
    private static func key(_ query: MomentQuery) -> String { "\(query.clipUID) \(query.clipStart) \(query.clipEnd)" }

    private func find(_ query: MomentQuery) throws(TensorFileError) -> (file: FeatureFile, slice: ClipSlice)? {
        if self.layout != .video, let own = try self.open(query.clipUID) {
            return (own, ClipSlice(start: query.clipStart, end: query.clipEnd, clipFeatures: own.rows))
        }
        if self.layout != .clip, let video = try self.open(query.videoUID) {
            return (video, ClipSlice(start: query.clipStart, end: query.clipEnd, available: video.rows))
        }
        return nil
    }

    private func load(_ query: MomentQuery) throws(TensorFileError) -> Result {
        if query.clipLength <= 0 { return .gap(.noClip) }
        guard let (file, slice) = try self.find(query) else { return .gap(.missing) }
        if slice.isShort { return .gap(.short) }
        let path = file.path
        let isVerified = self.verified.withLock { $0.contains(path) }
        let features = try file.read(slice.features, isVerified: isVerified).sampled(bins: self.bins)
        if !isVerified { self.verified.withLock { _ = $0.insert(path) } }
        return .clip(
            Clip(features: features, grid: TargetGrid(bins: features.rows, duration: slice.duration)))
    }

    private func open(_ named: String) throws(TensorFileError) -> FeatureFile? {
        let uid = self.standIns[named] ?? named
        // Ids go into paths: one that would leave the folder has no file here.
        guard !uid.isEmpty, !uid.contains("/"), !uid.contains("\0"), !uid.hasPrefix(".") else { return nil }
        for ending in ["pt", "npy", "safetensors"] {
            let path = "\(self.folder)/\(uid).\(ending)"
            do throws(TensorFileError) {
                let file = try FeatureFile(path: path)
                guard file.columns == self.columns else {
                    throw TensorFileError(
                        .mismatch,
                        "\(path) has \(file.columns) features a moment, the model wants \(self.columns); name the folder "
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

    /// A hash of what `grid(of:)` depends on: the settings, and the names, sizes and times of the folder's files.
    /// - Parameter rest: what else the caller wants in it.
    func digest(_ rest: String) throws(TrainingError) -> String {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: self.folder).sorted()
        } catch {
            throw TrainingError(.failed, FileFailure(of: error, "list", self.folder).message)
        }
        var hash = ContentHash.Stream()
        let stands = self.standIns.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let settings = [rest, self.layout.rawValue, "\(self.bins)", "\(self.columns)"] + stands
        hash.update(Bytes(settings.joined(separator: "\n").utf8))
        for name in names {
            var status = stat()
            guard stat(self.folder + "/" + name, &status) == 0 else { continue }
            let time = status.st_mtim
            hash.update(Bytes("\n\(name) \(status.st_size) \(time.tv_sec).\(time.tv_nsec)".utf8))
        }
        return hash.finish()
    }

    /// The number of features a moment of the first readable file of a folder, by name; `nil` where there is none.
    public static func columns(in folder: String, names: [String]) throws(TensorFileError) -> Int? {
        for name in names.sorted() where ["pt", "npy", "safetensors"].contains(name.split(separator: ".").last) {
            return try FeatureFile(path: "\(folder)/\(name)").columns
        }
        return nil
    }
}
