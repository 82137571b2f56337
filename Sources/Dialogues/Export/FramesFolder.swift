// SPDX-License-Identifier: Apache-2.0

import Foundation
import TaskRooms

/// A data set's folder with the files of frames, or of their features, that sequences name: `frames/UID.arrow`.
struct FramesFolder {
    /// The reasons why the original's loader would stop at a sequence.
    enum Fault: String, Hashable {
        /// There is no such file.
        case missing = "no file of frames"
        /// It stops before its end, or is none of Arrow's.
        case unreadable = "their file of frames is cut or no Arrow stream"
        /// It has fewer frames than the sequence shows.
        case tooFew = "more frames than their file has"
    }

    private let folder: URL
    /// The rows of files that have been looked at.
    private var rows: [String: Result<Int, Fault>] = [:]

    /// Takes a folder that is there.
    init(_ path: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw TaskFailure(.usage, "--frames: \(path) is no folder; give the one that holds frames/UID.arrow")
        }
        self.folder = URL(fileURLWithPath: path)
    }

    /// The reason why a sequence cannot be loaded; `nil` where it can.
    mutating func fault(of sequence: PreparedSequence) -> Fault? {
        let rows = self.rows[sequence.framesFile] ?? self.count(sequence.framesFile)
        self.rows[sequence.framesFile] = rows
        switch rows {
        case .success(let count): return sequence.frames.upperBound > count ? .tooFew : nil
        case .failure(let fault): return fault
        }
    }

    /// Counts the rows of a file, in the folder by its path or by its name alone: those of features lie side by side.
    private func count(_ path: String) -> Result<Int, Fault> {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        for candidate in [path, name] {
            guard !candidate.contains(".."),
                let file = try? FileHandle(forReadingFrom: self.folder.appendingPathComponent(candidate))
            else { continue }
            defer { try? file.close() }
            do throws(ArrowRows.Fault) {
                return .success(try ArrowRows.count(in: file))
            } catch {
                return .failure(.unreadable)
            }
        }
        return .failure(.missing)
    }
}

extension FramesFolder.Fault: Error {}
