// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import ModelRequests
import Records

/// A photo of an album: what a model is asked about.
struct Photo: StreamValue, Hashable {
    static let typeName = "photo"
    static let schemaVersion = 1

    var album: String
    /// Its place in the album, from 1.
    var number: Int
    /// Its file, below the folder that `--media` names, and what the file held when the album was written.
    var image: MessageImage
    /// Tells whether it is the last of its album.
    var isLast = false

    /// Reads the JSON form.
    init(json: inout JSONScanner) throws(JSONError) { try self.init(try JSONValue(&json), number: nil) }

    /// Reads the members of an object.
    /// - Parameter number: the place in the album, where the object does not say it.
    init(_ json: JSONValue, number: Int?) throws(JSONError) {
        guard let album = json["album"]?.string, !album.isEmpty else { throw Self.missing("album", "an album's name") }
        guard let number = number ?? json["number"]?.count else { throw Self.missing("number", "a whole number") }
        guard let file = json["file"]?.string else { throw Self.missing("file", "a path in the folder of images") }
        guard let image = MessageImage(path: file, sha256: json["sha256"]?.string ?? "") else {
            throw Self.missing("sha256", "64 hexadecimal digits")
        }
        (self.album, self.number, self.image) = (album, number, image)
        self.isLast = json["last"] == .bool(true)
    }

    private static func missing(_ name: String, _ wanted: String) -> JSONError {
        JSONError("`\(name)` must be \(wanted)", offset: 0)
    }

    /// Writes the JSON form.
    func write(to json: inout JSONWriter) {
        json.beginObject()
        self.writeMembers(to: &json)
        json.endObject()
    }

    /// Writes the members of the JSON form into an object.
    func writeMembers(to json: inout JSONWriter) {
        json.field("album", self.album)
        json.field("number", self.number)
        json.field("file", self.image.path)
        json.field("sha256", self.image.sha256)
        if self.isLast { json.field("last", true) }
    }
}
