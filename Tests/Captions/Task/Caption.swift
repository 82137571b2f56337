// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import ModelRequests
import Records
import Shards

/// A photo in words: a sample, a line of the shards. This is the one reader of its schema, for the shards' identity,
/// the export, the explainer and training alike.
struct Caption: StreamValue, Hashable {
    static let typeName = "caption"
    static let schemaVersion = 1

    var album: String
    var number: Int
    var text: String
    /// The picture's liveliness, 0 to 9.
    var liveliness: Int
    /// The digest of the image that it is about.
    var sha256: String
    /// Tells whether it is the last of its album.
    var isLast: Bool

    /// The name of the sample.
    var id: String { "\(self.album)/\(self.number)" }

    init(of photo: Photo, text: String, liveliness: Int) {
        self.album = photo.album
        self.number = photo.number
        self.text = text
        self.liveliness = liveliness
        self.sha256 = photo.image.sha256
        self.isLast = photo.isLast
    }

    /// Reads a line of a shard; `nil` where it is none of this schema.
    init?(line: some Sequence<UInt8>) {
        guard let members = try? JSONValue(parsing: line), let caption = try? Caption(members) else { return nil }
        self = caption
    }

    /// Reads the JSON form.
    init(json: inout JSONScanner) throws(JSONError) { try self.init(try JSONValue(&json)) }

    private init(_ members: JSONValue) throws(JSONError) {
        guard let album = members["album"]?.string, let number = members["number"]?.count,
            let text = members["caption"]?.string, let liveliness = members["liveliness"]?.int,
            Self.scale.contains(liveliness), let sha256 = members["lineage"]?["sha256"]?.string
        else { throw JSONError("a caption wants album, number, caption, liveliness and lineage", offset: 0) }
        (self.album, self.number, self.text, self.liveliness, self.sha256) = (album, number, text, liveliness, sha256)
        self.isLast = members["last"] == .bool(true)
    }

    /// The scale of liveliness.
    static let scale = 0...9

    /// Writes the JSON form.
    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("caption_id", self.id)
        json.field("album", self.album)
        json.field("number", self.number)
        json.field("caption", self.text)
        json.field("liveliness", self.liveliness)
        if self.isLast { json.field("last", true) }
        json.key("lineage")
        json.beginObject()
        json.field("sha256", self.sha256)
        json.endObject()
        json.endObject()
    }
}

extension LineSchema {
    /// Captions, known by album and place in it.
    static let caption = LineSchema(streamType: Caption.typeName) { line in
        let caption = Caption(line: line)
        return LineIdentity(["last_album": .init(caption?.album), "last_number": .init(caption?.number)])
    }
}
