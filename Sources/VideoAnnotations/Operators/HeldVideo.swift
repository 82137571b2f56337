// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Dataflow
public import Records

/// A video with the narrations that have come so far, for operators that work on whole videos.
public struct HeldVideo: OpenVideo {
    /// A narration with the offset of its record.
    public struct Entry: Sendable {
        /// The narration.
        public var narration: Narration
        /// The offset of its record.
        public var origin: Offset
    }

    /// The key of the video's record; all that is made of the video leaves under it.
    public let key: Bytes?
    /// The offset of the video's record.
    public let origin: Offset
    /// The video as far as it is known.
    public let video: Video
    /// The narrations, in the order they came.
    public internal(set) var entries: [Entry] = []
    private var isVideoSaved = false
    private var savedEntries = 0

    /// Begins a video.
    init(_ video: Video, from element: Element<NarrationEvent>) {
        self.key = element.key
        self.origin = element.origin
        self.video = video
    }

    /// The moments in ascending order, whatever the order in which they came.
    var sortedTimes: [Double] {
        var times: [Double] = []
        times.reserveCapacity(self.entries.count)
        var isSorted = true
        for entry in self.entries {
            if let last = times.last, last > entry.narration.timestampSec { isSorted = false }
            times.append(entry.narration.timestampSec)
        }
        if !isSorted { times.sort() }
        return times
    }

    // MARK: State

    /// First the video, then a piece for each commit that found new narrations: `[origin, {…}, origin, {…}, …]`.
    public mutating func takeUnsavedPieces() -> [Bytes] {
        var pieces: [Bytes] = []
        if !self.isVideoSaved {
            pieces.append(self.headPiece())
            self.isVideoSaved = true
        }
        if self.savedEntries < self.entries.count {
            var json = JSONWriter()
            json.beginArray()
            for entry in self.entries[self.savedEntries...] {
                json.value(Int(entry.origin))
                json.beginObject()
                entry.narration.writeFields(to: &json)
                entry.narration.writeDetails(to: &json)
                json.endObject()
            }
            json.endArray()
            pieces.append(json.bytes)
            self.savedEntries = self.entries.count
        }
        return pieces
    }

    /// `[origin, key, {…}]`
    private func headPiece() -> Bytes {
        var json = JSONWriter()
        json.beginArray()
        json.value(Int(self.origin))
        Self.write(key: self.key, to: &json)
        NarrationEvent.video(self.video).write(to: &json)
        json.endArray()
        return json.bytes
    }

    /// A key is text nearly always, and else its bytes as numbers.
    private static func write(key: Bytes?, to json: inout JSONWriter) {
        guard let key else { return json.null() }
        if let text = String(validating: key, as: UTF8.self) { return json.value(text) }
        json.beginArray()
        for byte in key { json.value(Int(byte)) }
        json.endArray()
    }

    /// Takes up the pieces.
    public init(_ video: VideoPass, restoring pieces: [Bytes]) throws(JSONError) {
        guard let head = pieces.first else { throw JSONError("the state of a video has no pieces", offset: 0) }
        let (origin, key, known) = try JSONScanner.scan(head) { json throws(JSONError) in try Self.readHead(&json) }
        self.origin = Offset(origin)
        self.video = known
        self.key = key
        for piece in pieces.dropFirst() {
            let entries = try JSONScanner.scan(piece) { json throws(JSONError) in try Self.readEntries(&json, video) }
            self.entries.append(contentsOf: entries)
        }
        self.isVideoSaved = true
        self.savedEntries = self.entries.count
    }

    private static func readHead(_ json: inout JSONScanner) throws(JSONError) -> (Int, Bytes?, Video) {
        try json.beginArray()
        guard try json.nextElement() else { throw Self.incomplete(json) }
        let origin = try json.int()
        guard try json.nextElement() else { throw Self.incomplete(json) }
        let key = try Self.readKey(&json)
        guard try json.nextElement(), case .video(let video) = try NarrationEvent(json: &json),
            try !json.nextElement()
        else { throw Self.incomplete(json) }
        return (origin, key, video)
    }

    private static func incomplete(_ json: JSONScanner) -> JSONError {
        JSONError("the state of a video is not `[origin, key, video]`", offset: json.offset)
    }

    private static func readKey(_ json: inout JSONScanner) throws(JSONError) -> Bytes? {
        switch try json.kind() {
        case .null: return try json.isNull() ? nil : nil
        case .string: return Bytes(try json.string().utf8)
        default: break
        }
        var key: Bytes = []
        try json.beginArray()
        while try json.nextElement() {
            guard let byte = UInt8(exactly: try json.int()) else {
                throw JSONError("the key of a video is not bytes", offset: json.offset)
            }
            key.append(byte)
        }
        return key
    }

    private static func readEntries(_ json: inout JSONScanner, _ video: VideoPass) throws(JSONError) -> [Entry] {
        var entries: [Entry] = []
        try json.beginArray()
        while try json.nextElement() {
            let origin = try json.int()
            guard try json.nextElement() else {
                throw JSONError("the state of a video lacks a narration", offset: json.offset)
            }
            let fields = try NarrationFields(&json)
            let narration = try fields.narration(videoUID: video.videoUID, pass: video.pass, at: json.offset)
            entries.append(Entry(narration: narration, origin: Offset(origin)))
        }
        return entries
    }
}
