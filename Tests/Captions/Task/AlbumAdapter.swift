// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import TaskRooms

/// Albums, one photo a line, the photos of an album next to each other:
///
///     {"album": "a1", "file": "frames/door.png", "sha256": "8f43…"}
struct AlbumAdapter: ConfigurableAdapter {
    static let path = Field(
        "file", required: "albums.jsonl", help: "The file: a line of JSON a photo, with `album`, `file` and `sha256`.")
    static let specification = SourceSpecification(
        name: "albums", summary: "Albums of photos, one photo a line.", fields: [Self.path],
        examples: ["millrace ingest albums --file albums.jsonl"])
    static let topic = "albums"
    let file: String

    init(_ configuration: Configuration) { self.file = configuration[Self.path] }

    func read(progress: ProgressHandler?, _ body: (SourceItem<Album>) throws -> Void) throws {
        var lines = LineReader(try FileReader.text(path: self.file, progress: progress))
        var open: Album?
        while try lines.next() {
            if lines.byteCount == 0 { continue }
            let photo: Photo
            do throws(SourceFault) {
                photo = try Self.photo(lines, after: open)
            } catch {
                // A last line that does not end may have been cut off, and with it the rest of its album.
                guard lines.isEnded else { throw self.cutOff(lines, error) }
                try body(.problem(lines.problem(error, key: nil)))
                continue
            }
            if open?.name != photo.album {
                if let open { try body(.group(open)) }
                open = Album(name: photo.album)
            }
            open?.photos.append(photo)
        }
        if let open { try body(.group(open)) }
    }

    private static func photo(_ line: LineReader, after album: Album?) throws(SourceFault) -> Photo {
        if line.isTooLong {
            throw SourceFault(SourceReason.textTooLong, "the line has \(line.byteCount) bytes: is a line end missing?")
        }
        do throws(JSONError) {
            let members = try JSONValue(parsing: line.bytes)
            let before = album.map { $0.name == members["album"]?.string ? $0.count : 0 } ?? 0
            return try Photo(members, number: before + 1)
        } catch {
            throw SourceFault("no-photo", "\(error)")
        }
    }

    private func cutOff(_ line: LineReader, _ fault: SourceFault) -> SourceError {
        SourceError(
            file: self.file, line: line.line, offset: line.offset,
            "the file breaks off within this line (\(fault.message)); its album was not taken. Get a whole copy and run "
                + "it again")
    }
}
