// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records
public import TaskRooms

/// A piece that a narration file is cut into.
public enum NarrationPiece: Hashable, Sendable {
    /// One video's annotations, not yet parsed.
    case video(RawVideo)
    /// A part that is no video's annotations, or those of a video that was there before.
    case problem(SourceProblem)
}

/// One video's annotations as they stand in the file.
public struct RawVideo: Hashable, Sendable {
    /// The path of the file that it was cut from.
    public var file: String
    /// The id of the video.
    public var uid: String
    /// The JSON value under the video's id.
    public var bytes: Bytes
    /// The offset in the file at which the value begins, in bytes.
    public var offset: Int
    /// The line it begins on, from 1.
    public var line: Int

    /// Creates a piece.
    public init(file: String, uid: String, bytes: Bytes, offset: Int, line: Int) {
        self.file = file
        self.uid = uid
        self.bytes = bytes
        self.offset = offset
        self.line = line
    }
}

/// Cuts `narration.json` and its kin into videos, with one chunk of the file and one video in memory.
///
/// Only strings and brackets are looked at here. A video's id that comes again is a problem, whose second annotations
/// are not handed out; for that the ids are remembered.
public struct NarrationFileSplitter {
    private var splitter: JSONSplitter
    private var seen: Set<String> = []

    /// Opens a file.
    ///
    /// - Parameters:
    ///   - chunkBytes: how many bytes are read at once.
    ///   - progress: called for each chunk.
    public init(path: String, chunkBytes: Int = FileReader.chunkBytes, progress: ProgressHandler? = nil)
        throws(SourceError)
    {
        let reader = try FileReader.text(path: path, chunkBytes: chunkBytes, progress: progress)
        self.splitter = JSONSplitter(reader, layout: JSONLayout(opening: ["videos"], taking: nil))
    }

    /// Keys beside `videos` at the top of wrapped files that are no videos.
    private static let headers: Set<String> = [
        "version", "date", "description", "manifest", "metadata", "split", "status", "license", "info",
    ]

    /// The next piece; `nil` at the end of the file.
    ///
    /// - Throws: `SourceError` where the file is truncated or its outermost structure is broken. Calling again throws
    ///   again.
    public mutating func next() throws(SourceError) -> NarrationPiece? {
        while let piece = try self.splitter.next() {
            guard let uid = piece.key else {
                throw SourceError(
                    file: self.splitter.reader.path, line: piece.line, offset: piece.offset,
                    "holds a list of videos where narrations have an object with the videos' ids as keys. This looks "
                        + "like metadata (--metadata) or an NLQ file (--exclude); give narration.json here.")
            }
            if piece.container == nil, Self.headers.contains(uid) { continue }
            return self.video(piece, uid: uid)
        }
        return nil
    }

    private mutating func video(_ piece: JSONPiece, uid: String) -> NarrationPiece {
        let fault: SourceFault
        do throws(SourceFault) {
            try SourceFault.check(uid: uid, field: "the key")
            guard self.seen.insert(uid).inserted else {
                throw SourceFault(
                    SourceReason.duplicateVideo,
                    "occurs a second time in the file, and this occurrence is not read: merge the two or remove one")
            }
            if piece.isCut {
                throw SourceFault(
                    SourceReason.videoTooLarge,
                    "its annotations have \(piece.byteCount) bytes, more than \(SourceLimits.videoBytesMax >> 20) MiB: "
                        + "is a quote or bracket missing?")
            }
            return .video(
                RawVideo(
                    file: self.splitter.reader.path, uid: uid, bytes: piece.bytes, offset: piece.offset,
                    line: piece.line))
        } catch { fault = error }
        let place = SourcePlace(file: self.splitter.reader.path, line: piece.line, offset: piece.offset)
        return .problem(
            SourceProblem(
                reason: fault.reason, message: "\(place): video \(uid.prefix(64)): \(fault.message)", key: uid,
                raw: piece.bytes, byteCount: piece.byteCount))
    }
}
