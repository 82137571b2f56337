// SPDX-License-Identifier: Apache-2.0

import Records
import TaskRooms

/// Reads a JSON file of videos, one video at a time: what GoalStep and CaptainCook4D share.
struct VideoPieces {
    /// One video's value in memory with its place in the file.
    struct Piece {
        var key: String?
        var bytes: UnsafeBufferPointer<UInt8>
        var file: String
        var offset: Int
        var line: Int
        private let lines = LineCount()

        init(key: String?, bytes: UnsafeBufferPointer<UInt8>, file: String, offset: Int, line: Int) {
            self.key = key
            self.bytes = bytes
            self.file = file
            self.offset = offset
            self.line = line
        }

        /// The place of a byte of the piece.
        func place(_ position: Int) -> SourcePlace {
            let line = self.line + self.lines.newlines(in: self.bytes, before: position)
            return SourcePlace(file: self.file, line: line, offset: self.offset + position)
        }

        /// The place of a part of the piece.
        func place(of part: UnsafeBufferPointer<UInt8>) -> SourcePlace {
            guard let base = self.bytes.baseAddress, let start = part.baseAddress else { return self.place(0) }
            return self.place(base.distance(to: start))
        }
    }

    let path: String
    let layout: JSONLayout
    /// The content of a file of the right kind, for the message about one that has another.
    let expected: String

    /// Calls a function with each piece; what it throws becomes a problem about the whole piece.
    ///
    /// - Parameters:
    ///   - parse: makes an item of a piece; it gets the ids that were there before.
    func read(
        progress: ProgressHandler?, _ parse: (Piece, inout Set<String>) throws(SourceFault) -> NarrationItem,
        _ body: (NarrationItem) throws -> Void
    ) throws {
        let reader = try FileReader.text(path: self.path, progress: progress)
        var splitter = JSONSplitter(reader, layout: self.layout)
        var seen: Set<String> = []
        var isEmpty = true
        while let piece = try splitter.next() {
            isEmpty = false
            try body(self.item(piece, &seen, parse))
        }
        if isEmpty { throw SourceError(file: self.path, "holds no video: expected \(self.expected)") }
    }

    private func item(
        _ piece: JSONPiece, _ seen: inout Set<String>,
        _ parse: (Piece, inout Set<String>) throws(SourceFault) -> NarrationItem
    ) -> NarrationItem {
        piece.bytes.withUnsafeBufferPointer { bytes in
            let borrowed = Piece(
                key: piece.key, bytes: bytes, file: self.path, offset: piece.offset, line: piece.line)
            do throws(SourceFault) {
                if piece.isCut {
                    throw SourceFault(
                        SourceReason.videoTooLarge,
                        "\(piece.byteCount) bytes, more than \(SourceLimits.videoBytesMax >> 20) MiB")
                }
                return try parse(borrowed, &seen)
            } catch {
                return .problem(
                    SourceProblem(
                        reason: error.reason, message: "\(borrowed.place(0)): a video: \(error.message)",
                        key: piece.key, raw: piece.bytes, byteCount: piece.byteCount))
            }
        }
    }

    /// Takes note of an id, which must be new.
    static func check(uid: String, isNewIn seen: inout Set<String>) throws(SourceFault) {
        guard seen.insert(uid).inserted else {
            throw SourceFault(
                SourceReason.duplicateVideo,
                "\(uid) occurs a second time in the file, and this occurrence is not read: merge the two or remove one")
        }
    }
}
