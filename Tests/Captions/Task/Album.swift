// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import TaskRooms

/// A record of the topic `albums`: an album begins, its photos follow, it ends.
enum AlbumRecord: StreamValue, Hashable {
    case album(String, revision: Int)
    case photo(Photo)
    case end(String, photos: Int)

    static let typeName = "album"
    static let schemaVersion = 1

    /// Reads the JSON form.
    init(json: inout JSONScanner) throws(JSONError) {
        let members = try JSONValue(&json)
        let album = members["album"]?.string ?? ""
        switch members["kind"]?.string {
        case "album": self = .album(album, revision: members["revision"]?.count ?? 1)
        case "photo": self = .photo(try Photo(members, number: nil))
        case "end": self = .end(album, photos: members["photos"]?.count ?? 0)
        default: throw JSONError("`kind` must be `album`, `photo` or `end`", offset: 0)
        }
    }

    /// Writes the JSON form.
    func write(to json: inout JSONWriter) {
        json.beginObject()
        switch self {
        case .album(let name, let revision):
            json.field("kind", "album")
            json.field("album", name)
            json.field("revision", revision)
        case .photo(let photo):
            json.field("kind", "photo")
            photo.writeMembers(to: &json)
        case .end(let name, let photos):
            json.field("kind", "end")
            json.field("album", name)
            json.field("photos", photos)
        }
        json.endObject()
    }
}

/// An album with its photos, as an ingest writes it: whole, and once.
struct Album: RecordGroup {
    static let words = GroupWords(groups: "albums", wholeGroups: "albums", records: "photos")

    let name: String
    var photos: [Photo] = []

    var key: String { self.name }
    var count: Int { self.photos.count }

    func first(revision: Int) -> AlbumRecord { .album(self.name, revision: revision) }
    func forEach(_ body: (AlbumRecord) -> Void) {
        for (index, var photo) in self.photos.enumerated() {
            photo.isLast = index == self.count - 1
            body(.photo(photo))
        }
    }
    var end: AlbumRecord { .end(self.name, photos: self.photos.count) }
}

/// Hands out the photos of albums. An album's begin and end pass nothing on.
struct PhotosOperator: Operator {
    static let specification = OperatorSpecification(
        name: "photos", summary: "Hands out the photos of albums.", fields: [])

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {}

    mutating func process(_ element: Element<AlbumRecord>, into output: inout Collector<Photo>) {
        if case .photo(let photo) = element.value { output.emit(photo, from: element) }
    }
}
