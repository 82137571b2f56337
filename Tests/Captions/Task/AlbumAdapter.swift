// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import DurableFiles
import Records
import TaskRooms

/// Albums, one photo a line, the photos of an album next to each other:
///
///     {"album": "a1", "file": "frames/door.png", "sha256": "8f43…"}
struct AlbumAdapter: SourceAdapter {
    static let name = "albums"
    static let topic = "albums"
    let file: String

    /// The largest file that is read: 64 MiB.
    private static let bytesMax = 64 << 20

    func read(progress: ProgressHandler?, _ body: (SourceItem<Album>) throws -> Void) throws {
        let bytes = try self.contents()
        var open: Album?
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            let photo: Photo
            do throws(JSONError) {
                let members = try JSONValue(parsing: line)
                let before = open.map { $0.name == members["album"]?.string ? $0.count : 0 } ?? 0
                photo = try Photo(members, number: before + 1)
            } catch {
                let place = SourcePlace(file: self.file, line: index + 1)
                try body(.problem(.init(reason: "no-photo", message: "\(place): \(error)", key: nil, raw: line)))
                continue
            }
            if open?.name != photo.album {
                if let open { try body(.group(open)) }
                open = Album(name: photo.album)
            }
            open?.photos.append(photo)
        }
        if let open { try body(.group(open)) }
        progress?(SourceProgress(bytesRead: bytes.count, bytesTotal: bytes.count))
    }

    private func contents() throws(SourceError) -> Bytes {
        do throws(FileFailure) {
            return try InputFile.contents(self.file, bytesMax: Self.bytesMax)
        } catch {
            throw SourceError(file: self.file, error.message)
        }
    }
}

/// The command line of `millrace ingest albums`.
struct AlbumArguments: SourceArguments {
    static let abstract = "Albums of photos, one photo a line."
    static let discussion = """
        EXAMPLES
          millrace ingest albums --file albums.jsonl
        """

    @Option(help: "The file: a line of JSON a photo, with `album`, `file` and `sha256`.")
    var file: String

    func makeAdapter() -> AlbumAdapter { AlbumAdapter(file: self.file) }
}
