// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Dataflow
public import Records

/// A video and pass.
public struct VideoPass: Hashable, Sendable {
    /// The id of the video.
    public var videoUID: String
    /// The annotation pass.
    public var pass: Int

    /// Names a video and pass.
    @inlinable
    public init(videoUID: String, pass: Int) {
        self.videoUID = videoUID
        self.pass = pass
    }
}

/// The content that an operator keeps of a video between its first record and its end.
///
/// The committed form is a list of pieces that only grows, so that a commit in the middle of a long video writes what
/// came since the last one and not all of it again.
public protocol OpenVideo: Sendable {
    /// The pieces that were not yet answered, as JSON. The first call answers at least one.
    mutating func takeUnsavedPieces() -> [Bytes]

    /// Takes up all pieces, in their order; there is at least one.
    init(_ video: VideoPass, restoring pieces: [Bytes]) throws(JSONError)
}

/// The videos of a partition that have begun and not ended, and what an operator keeps of each.
///
/// Mostly there is one, and the next record is about the one that the last record was about; but records of several
/// videos may alternate, and a video whose end retention took stays until a newer revision of it begins.
public struct OpenVideos<Content: OpenVideo>: Sendable {
    // Members that every record looks up can be inlined, so that they are compiled for the content of each operator.

    @usableFromInline
    struct Slot: Sendable {
        @usableFromInline var video: VideoPass
        @usableFromInline var content: Content
        /// The number of pieces in the committed state.
        @usableFromInline var savedPieces: Int
        /// Tells whether `content` may have pieces that the committed state lacks.
        @usableFromInline var isChanged: Bool

        @usableFromInline
        init(video: VideoPass, content: Content, savedPieces: Int, isChanged: Bool) {
            self.video = video
            self.content = content
            self.savedPieces = savedPieces
            self.isChanged = isChanged
        }
    }

    @usableFromInline var slots: [Slot] = []
    @usableFromInline var indices: [VideoPass: Int] = [:]
    /// The slot that was looked up last.
    @usableFromInline var latest = 0
    /// The videos whose slots have changed since the last commit, each once.
    @usableFromInline var changed: [VideoPass] = []
    /// The videos that were closed since the last commit, with the pieces that the committed state still has.
    private var closed: [VideoPass: Int] = [:]

    /// Begins with no video open.
    public init() {}

    /// The number of open videos.
    public var count: Int { self.slots.count }

    /// Returns the slot of a video's content, valid until a video is opened or closed; `nil` where it is not open.
    @inlinable
    public mutating func index(of videoUID: String, _ pass: Int) -> Int? {
        if self.latest < self.slots.count, self.slots[self.latest].video.pass == pass,
            self.slots[self.latest].video.videoUID == videoUID
        {
            return self.latest
        }
        guard let index = self.indices[VideoPass(videoUID: videoUID, pass: pass)] else { return nil }
        self.latest = index
        return index
    }

    /// The content of an open video. Writing to it counts as a change.
    @inlinable
    public subscript(index: Int) -> Content {
        _read { yield self.slots[index].content }
        _modify {
            if !self.slots[index].isChanged {
                self.slots[index].isChanged = true
                self.changed.append(self.slots[index].video)
            }
            yield &self.slots[index].content
        }
    }

    /// Opens a video. If it is open already, its content is replaced and the former one answered.
    @discardableResult
    public mutating func open(_ video: VideoPass, _ content: Content) -> Content? {
        let former = self.close(video)
        self.insert(Slot(video: video, content: content, savedPieces: 0, isChanged: true))
        self.changed.append(video)
        return former
    }

    /// Closes a video and answers its content; `nil` where it is not open.
    @discardableResult
    public mutating func close(_ video: VideoPass) -> Content? {
        guard let index = self.indices.removeValue(forKey: video) else { return nil }
        self.slots.swapAt(index, self.slots.count - 1)
        let slot = self.slots.removeLast()
        if index < self.slots.count { self.indices[self.slots[index].video] = index }
        self.latest = 0
        if slot.savedPieces > 0 { self.closed[video, default: 0] += slot.savedPieces }
        if slot.isChanged { self.changed.removeAll { $0 == video } }
        return slot.content
    }

    private mutating func insert(_ slot: Slot) {
        self.indices[slot.video] = self.slots.count
        self.latest = self.slots.count
        self.slots.append(slot)
    }

    // MARK: State

    /// The changes of the committed state since this was last asked for; nothing where nothing happened.
    public mutating func stateChanges() -> [StateChange] {
        if self.changed.isEmpty, self.closed.isEmpty { return [] }
        var changes: [StateChange] = []
        for video in self.changed {
            guard let index = self.indices[video] else { continue }
            for piece in self.slots[index].content.takeUnsavedPieces() {
                changes.append(StateChange(key: Self.key(video, self.slots[index].savedPieces), value: piece))
                self.slots[index].savedPieces += 1
            }
            self.slots[index].isChanged = false
        }
        for (video, pieces) in self.closed.sorted(by: { $0.key < $1.key }) {
            // A newer revision that was opened since has written over the first pieces.
            let kept = self.indices[video].map { self.slots[$0].savedPieces } ?? 0
            for piece in min(kept, pieces)..<pieces {
                changes.append(StateChange(key: Self.key(video, piece), value: nil))
            }
        }
        self.changed.removeAll(keepingCapacity: true)
        self.closed.removeAll(keepingCapacity: true)
        return changes
    }

    /// Takes up the committed state in place of what is there.
    public mutating func restore(_ entries: [StateEntry]) throws(JSONError) {
        self = OpenVideos()
        var pieces: [VideoPass: [Int: Bytes]] = [:]
        for entry in entries {
            guard let (video, piece) = Self.parse(key: entry.key) else {
                throw JSONError("the state has a key that is not `pass piece video_uid`", offset: 0)
            }
            pieces[video, default: [:]][piece] = entry.value
        }
        for (video, numbered) in pieces.sorted(by: { $0.key < $1.key }) {
            var inOrder: [Bytes] = []
            for piece in 0..<numbered.count {
                guard let value = numbered[piece] else {
                    throw JSONError("the state of video \(video.videoUID) lacks its piece \(piece)", offset: 0)
                }
                inOrder.append(value)
            }
            let content = try Content(video, restoring: inOrder)
            self.insert(Slot(video: video, content: content, savedPieces: inOrder.count, isChanged: false))
        }
    }

    /// `pass piece video_uid`: the uid is last, so that it may hold anything.
    private static func key(_ video: VideoPass, _ piece: Int) -> Bytes {
        Bytes("\(video.pass) \(piece) \(video.videoUID)".utf8)
    }

    private static func parse(key: Bytes) -> (VideoPass, piece: Int)? {
        let parts = key.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let pass = Int(String(decoding: parts[0], as: UTF8.self)),
            let piece = Int(String(decoding: parts[1], as: UTF8.self)), piece >= 0
        else { return nil }
        return (VideoPass(videoUID: String(decoding: parts[2], as: UTF8.self), pass: pass), piece)
    }
}

extension VideoPass: Comparable {
    /// Orders by video, then by pass.
    public static func < (left: VideoPass, right: VideoPass) -> Bool {
        (left.videoUID, left.pass) < (right.videoUID, right.pass)
    }
}
