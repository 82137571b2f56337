// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import VideoAnnotations

/// The memory as a task's state: `["video",1]` → `{"last_seen":3,"clips":["…"],"asked":[[0,"0123456789abcdef",1.5,2.5,
/// "where put knife"],…]}`. Signatures are made anew from the gists, which are shorter.
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

    private static func value(of memory: Memory) -> Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("last_seen", memory.lastSeen)
        json.key("clips")
        json.beginArray()
        for clip in memory.clips { json.value(clip) }
        json.endArray()
        json.key("asked")
        json.beginArray()
        for asked in memory.asked {
            json.beginArray()
            json.value(asked.clip)
            json.value(String(asked.query, radix: 16))
            json.value(asked.window.start)
            json.value(asked.window.end)
            json.value(asked.gist.text)
            json.endArray()
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
                    while try json.nextElement() { memory.clips.append(try json.string()) }
                } else if key == "asked" {
                    try json.beginArray()
                    while try json.nextElement() { memory.asked.append(try Self.asked(&json)) }
                } else {
                    try json.skip()
                }
            }
            guard memory.asked.allSatisfy({ memory.clips.indices.contains($0.clip) }) else {
                throw JSONError("a query of a clip that is not listed", offset: json.offset)
            }
            return memory
        }
    }

    private static func asked(_ json: inout JSONScanner) throws(JSONError) -> Asked {
        let place = json.offset
        func next(_ json: inout JSONScanner) throws(JSONError) {
            guard try json.nextElement() else {
                throw JSONError("expected [clip, hash, start, end, gist]", offset: place)
            }
        }
        try json.beginArray()
        try next(&json)
        let clip = try json.int()
        try next(&json)
        guard let query = UInt64(try json.string(), radix: 16) else {
            throw JSONError("expected a hash in hexadecimal", offset: place)
        }
        try next(&json)
        let start = try json.double()
        try next(&json)
        let end = try json.double()
        try next(&json)
        let gist = QueryGist(text: try json.string())
        while try json.nextElement() { try json.skip() }
        return Asked(clip: clip, query: query, window: Interval(start, end), gist: gist)
    }
}
