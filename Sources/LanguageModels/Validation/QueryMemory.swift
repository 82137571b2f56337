// SPDX-License-Identifier: Apache-2.0

internal import Dataflow
internal import Narrations
internal import Records

/// Which queries were asked before, by video and pass, for as many videos as it may remember.
///
/// Videos may come interleaved; the one whose last query is the longest ago is forgotten first, so that what is kept is
/// bounded by the videos remembered and the queries of each. Its state is one entry a video and pass.
struct QueryMemory: Sendable {
    /// What the same question in the same clip means.
    enum ClipRule: String, Choice {
        /// Nothing.
        case off
        /// It is a duplicate where its window is the same, too.
        case sameWindow = "same-window"
        /// It is a duplicate.
        case anyWindow = "any-window"
    }

    private struct Name: Hashable, Sendable {
        let videoUID: String
        let pass: Int
    }

    private struct Asked: Hashable, Sendable {
        let query: UInt64
        let window: Interval
    }

    private struct Memory: Sendable {
        /// Grows with every change of video, for finding the one that is the longest ago.
        var lastSeen: Int
        var clips: [String: [Asked]] = [:]
    }

    private let videosMax: Int
    private var videos: [Name: Memory] = [:]
    private var newest: Name?
    private var clock = 0
    private var changed: Set<Name> = []
    private var forgotten: Set<Name> = []

    init(videosMax: Int) { self.videosMax = videosMax }

    /// What speaks against a query that is otherwise good; one that nothing speaks against is remembered.
    /// - Parameter repeatsMax: how often a question may be asked in a video; 0 is without limit.
    mutating func judge(
        _ proposal: Proposal, of block: Block, window: Interval, rule: ClipRule, repeatsMax: Int
    ) -> (reason: RejectReason, message: String)? {
        let name = Name(videoUID: block.videoUID, pass: block.pass)
        let query = StableHash(proposal.normalized).value
        if let memory = self.videos[name] {
            let inClip = (memory.clips[block.clip.clipUID] ?? []).filter { $0.query == query }
            if rule == .anyWindow && !inClip.isEmpty
                || rule == .sameWindow && inClip.contains(where: { $0.window == window })
            {
                return (.duplicateInClip, "the clip has it already")
            }
            let count = memory.clips.values.reduce(0) { $0 + $1.count { $0.query == query } }
            if repeatsMax > 0, count >= repeatsMax {
                return (.repeatedInVideo, "the video has it \(count) times already")
            }
        }
        self.remember(Asked(query: query, window: window), clip: block.clip.clipUID, of: name)
        return nil
    }

    private mutating func remember(_ asked: Asked, clip: String, of name: Name) {
        if self.newest != name {
            self.clock += 1
            self.newest = name
            self.videos[name, default: Memory(lastSeen: self.clock)].lastSeen = self.clock
            self.forgotten.remove(name)
            self.forgetOldest()
        }
        self.videos[name]?.clips[clip, default: []].append(asked)
        self.changed.insert(name)
    }

    private mutating func forgetOldest() {
        while self.videos.count > self.videosMax {
            guard let oldest = self.videos.min(by: { $0.value.lastSeen < $1.value.lastSeen })?.key else { return }
            self.videos[oldest] = nil
            self.changed.remove(oldest)
            self.forgotten.insert(oldest)
        }
    }
}

// MARK: State

extension QueryMemory {
    /// The changes since they were last asked for, in the order of their keys.
    mutating func stateChanges() -> [StateChange] {
        var changes: [StateChange] = []
        for name in self.changed {
            guard let memory = self.videos[name] else { continue }
            changes.append(StateChange(key: Self.key(of: name), value: Self.value(of: memory)))
        }
        for name in self.forgotten { changes.append(StateChange(key: Self.key(of: name), value: nil)) }
        self.changed.removeAll()
        self.forgotten.removeAll()
        return changes.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    /// Takes up what was remembered.
    mutating func restore(_ entries: [StateEntry]) throws(JSONError) {
        for entry in entries {
            let name = try Self.name(of: entry.key)
            let memory = try Self.memory(of: entry.value)
            self.videos[name] = memory
            if memory.lastSeen > self.clock {
                self.clock = memory.lastSeen
                self.newest = name
            }
        }
        self.forgetOldest()
    }

    /// `["video",1]`
    private static func key(of name: Name) -> Bytes {
        var json = JSONWriter()
        json.beginArray()
        json.value(name.videoUID)
        json.value(name.pass)
        json.endArray()
        return json.bytes
    }

    private static func name(of key: Bytes) throws(JSONError) -> Name {
        try JSONScanner.scan(key) { json throws(JSONError) in
            try json.beginArray()
            guard try json.nextElement() else { throw JSONError("expected a video", offset: json.offset) }
            let videoUID = try json.string()
            guard try json.nextElement() else { throw JSONError("expected a pass", offset: json.offset) }
            let pass = try json.int()
            while try json.nextElement() { try json.skip() }
            return Name(videoUID: videoUID, pass: pass)
        }
    }

    /// `{"last_seen":3,"clips":[{"clip_uid":"…","asked":[["0123456789abcdef",1.5,2.5],…]},…]}`
    private static func value(of memory: Memory) -> Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("last_seen", memory.lastSeen)
        json.key("clips")
        json.beginArray()
        for (clip, asked) in memory.clips.sorted(by: { $0.key < $1.key }) {
            json.beginObject()
            json.field("clip_uid", clip)
            json.key("asked")
            json.beginArray()
            for query in asked {
                json.beginArray()
                json.value(String(query.query, radix: 16))
                json.value(query.window.start)
                json.value(query.window.end)
                json.endArray()
            }
            json.endArray()
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func memory(of value: Bytes) throws(JSONError) -> Memory {
        try JSONScanner.scan(value) { json throws(JSONError) in
            var memory = Memory(lastSeen: 0)
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "last_seen" {
                    memory.lastSeen = try json.int()
                } else if key == "clips" {
                    try json.beginArray()
                    while try json.nextElement() {
                        let (clip, asked) = try Self.clip(&json)
                        memory.clips[clip] = asked
                    }
                } else {
                    try json.skip()
                }
            }
            return memory
        }
    }

    private static func clip(_ json: inout JSONScanner) throws(JSONError) -> (String, [Asked]) {
        var clip = ""
        var asked: [Asked] = []
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "clip_uid" {
                clip = try json.string()
            } else if key == "asked" {
                try json.beginArray()
                while try json.nextElement() { asked.append(try Self.asked(&json)) }
            } else {
                try json.skip()
            }
        }
        return (clip, asked)
    }

    private static func asked(_ json: inout JSONScanner) throws(JSONError) -> Asked {
        let place = json.offset
        var query: UInt64?
        var times: [Double] = []
        try json.beginArray()
        if try json.nextElement() { query = UInt64(try json.string(), radix: 16) }
        while try json.nextElement() { times.append(try json.double()) }
        guard let query, times.count == 2 else { throw JSONError("expected [hash, start, end]", offset: place) }
        return Asked(query: query, window: Interval(times[0], times[1]))
    }
}
