// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
public import TaskRooms

extension Ego4DAdapter {
    /// Parses one piece of the file. It depends on nothing but the piece and the side files, so any thread may call it.
    ///
    /// - Returns: a group for each selected pass that exists, problems, and counts of what belongs to no group.
    public func parse(_ piece: NarrationPiece) -> [NarrationItem] {
        switch piece {
        case .problem(let problem): return [.problem(problem)]
        case .video(let raw):
            return raw.bytes.withUnsafeBufferPointer { bytes in
                var parser = NarrationPieceParser(adapter: self, raw: raw, bytes: bytes)
                do throws(JSONError) {
                    return try parser.items()
                } catch {
                    // The video's own structure is broken: a part of it would pass for the whole.
                    let fault = SourceFault(
                        SourceReason.malformedJSON, "\(error.message): none of it is read; repair the file")
                    return [.problem(parser.problem(fault, "annotations", 0..<bytes.count, at: error.offset))]
                }
            }
        }
    }
}

/// Parses the annotations of one video.
private struct NarrationPieceParser {
    let adapter: Ego4DAdapter
    let raw: RawVideo
    let bytes: UnsafeBufferPointer<UInt8>
    private let lines = LineCount()
    private var cursor: JSONCursor
    private var groups: [NarrationGroup] = []
    private var loose: [NarrationItem] = []
    /// The passes that are there, whether or not they are read.
    private var found: Set<Int> = []
    /// The summaries of a file without passes, whose narrations may come before or after them.
    private var flatSummaries = 0

    init(adapter: Ego4DAdapter, raw: RawVideo, bytes: UnsafeBufferPointer<UInt8>) {
        self.adapter = adapter
        self.raw = raw
        self.bytes = bytes
        self.cursor = JSONCursor(bytes)
    }

    mutating func items() throws(JSONError) -> [NarrationItem] {
        guard self.cursor.open("{") else {
            let fault = SourceFault(SourceReason.wrongType, "expected an object with narration passes or `narrations`")
            return [.problem(self.problem(fault, "annotations", 0..<self.bytes.count, at: 0))]
        }
        while let key = try self.cursor.nextKey() {
            switch key {
            case "narration_pass_1": try self.pass(1)
            case "narration_pass_2": try self.pass(2)
            case "narrations": try self.flat()
            case "summaries": self.flatSummaries += try self.countElements()
            default: try self.cursor.skip()
            }
        }
        if self.cursor.peek() != nil { throw self.cursor.error("unexpected text after the value") }
        return self.finish()
    }

    private mutating func finish() -> [NarrationItem] {
        let missing = self.adapter.passes.passes.count { !self.found.contains($0) }
        if missing > 0 { self.loose.append(.count(reason: "missing-pass", number: missing)) }
        if self.found.contains(1), !self.groups.isEmpty { self.groups[0].count("summaries", self.flatSummaries) }
        let place = SourcePlace(file: self.raw.file, line: self.raw.line, offset: self.raw.offset)
        var items: [NarrationItem] = []
        var groups = self.groups.sorted { $0.pass > $1.pass }
        self.groups = []
        // Taken out one by one, so that the narrations of each are its own and sorting does not copy them.
        while var group = groups.popLast() {
            var video = Video(videoUID: self.raw.uid, pass: group.pass, source: Ego4DAdapter.name)
            if let metadata = self.adapter.metadata {
                let entry = metadata.videos[self.raw.uid]
                video.durationSec = entry?.durationSec
                video.clips = entry?.clips ?? []
                video.details.camera = entry?.camera
                if self.adapter.saysParts { video.details.sourceSplit = entry?.split?.rawValue }
                if entry?.isListed != true { group.count("not-in-metadata") }
            }
            items.append(self.adapter.context.item(video, group, at: place))
        }
        return items + self.loose
    }

    // MARK: Passes

    /// Reads `{"narrations": […], "summaries": […]}`, or passes over it if that pass is not wanted.
    private mutating func pass(_ pass: Int) throws(JSONError) {
        let isWanted = self.adapter.passes.passes.contains(pass)
        guard isWanted else {
            let range = try self.cursor.skip()
            if !self.isNull(range) { self.found.insert(pass) }
            return
        }
        let start = self.cursor.position
        guard self.cursor.open("{") else {
            let range = try self.cursor.skip()
            if !self.isNull(range) { self.refuse(pass, "narration_pass_\(pass)", "an object", range) }
            return
        }
        var summaries = 0
        while let key = try self.cursor.nextKey() {
            switch key {
            case "narrations": try self.narrations(pass, start: start)
            case "summaries": summaries += try self.countElements()
            default: try self.cursor.skip()
            }
        }
        if let last = self.groups.indices.last, self.groups[last].pass == pass {
            self.groups[last].count("summaries", summaries)
        }
    }

    /// Reads the narrations of a video without passes.
    private mutating func flat() throws(JSONError) {
        if self.adapter.passes.passes.contains(1) {
            try self.narrations(1, start: self.cursor.position)
        } else {
            try self.cursor.skip()
            self.found.insert(1)
        }
    }

    private mutating func narrations(_ pass: Int, start: Int) throws(JSONError) {
        guard !self.groups.contains(where: { $0.pass == pass }) else {
            let range = try self.cursor.skip()
            let fault = SourceFault(
                SourceReason.duplicateVideo,
                "pass \(pass) occurs a second time in the video, and this occurrence is not read: remove one")
            self.loose.append(.problem(self.problem(fault, "narrations", range, at: range.lowerBound)))
            return
        }
        guard self.cursor.open("[") else {
            let range = try self.cursor.skip()
            if !self.isNull(range) { self.refuse(pass, "narrations", "an array", range) }
            return
        }
        self.found.insert(pass)
        var group = NarrationGroup(videoUID: self.raw.uid, pass: pass)
        // Half of the piece, at some 200 bytes a narration.
        group.reserveCapacity(self.bytes.count / 400)
        var number = 0
        while try self.cursor.nextElement() {
            try self.narration(number, into: &group)
            number += 1
        }
        self.groups.append(group)
    }

    /// A pass that is there but not what it should be.
    private mutating func refuse(_ pass: Int, _ field: String, _ expected: String, _ range: Range<Int>) {
        self.found.insert(pass)
        let fault = SourceFault(SourceReason.wrongType, "expected \(expected): pass \(pass) is not read")
        self.loose.append(.problem(self.problem(fault, "`\(field)`", range, at: range.lowerBound)))
    }

    private func isNull(_ range: Range<Int>) -> Bool {
        self.bytes[range].elementsEqual("null".utf8)
    }

    /// Passes over a value, and returns the number of its elements; 0 if it is no array.
    private mutating func countElements() throws(JSONError) -> Int {
        guard self.cursor.open("[") else {
            try self.cursor.skip()
            return 0
        }
        var count = 0
        while try self.cursor.nextElement() {
            try self.cursor.skip()
            count += 1
        }
        return count
    }

    // MARK: Narrations

    /// Reads one narration, or notes what is wrong with it and passes over it.
    private mutating func narration(_ number: Int, into group: inout NarrationGroup) throws(JSONError) {
        let start = self.cursor.position
        if let base = self.bytes.baseAddress {
            let scan = NarrationScan(base, from: start, to: self.bytes.count)
            if scan.isGood {
                self.cursor.position = scan.position
                group.append(seconds: scan.seconds, text: scan.text)
                return
            }
        }
        // Seldom: find out what exactly is wrong, if anything.
        self.cursor.position = start
        let range = try self.cursor.skip()
        do throws(SourceFault) {
            try Self.diagnose(self.bytes[range], into: &group)
        } catch {
            let entry = "narration \(number) of pass \(group.pass)"
            group.add(self.problem(error, entry, range, at: range.lowerBound))
        }
    }

    /// Reads a narration slowly and says what is wrong with it.
    private static func diagnose(
        _ bytes: Slice<UnsafeBufferPointer<UInt8>>, into group: inout NarrationGroup
    ) throws(SourceFault) {
        let object = try ShallowObject(bytes)
        let time = object.ranges["timestamp_sec"] == nil && object.ranges["time"] != nil ? "time" : "timestamp_sec"
        let text = object.ranges["narration_text"] == nil && object.ranges["text"] != nil ? "text" : "narration_text"
        let entry = try object.entry(time, text)
        let names = NarrationFieldNames(time: time, text: text)
        try group.add(seconds: entry.seconds(time), text: entry.text(text), fields: names)
    }

    /// A problem with a part of the piece; `offset` is where in the piece it is.
    func problem(_ fault: SourceFault, _ what: String, _ range: Range<Int>, at offset: Int) -> SourceProblem {
        let line = self.raw.line + self.lines.newlines(in: self.bytes, before: offset)
        let place = SourcePlace(file: self.raw.file, line: line, offset: self.raw.offset + offset)
        return fault.problem(
            at: place, entry: "video \(self.raw.uid), \(what)", key: self.raw.uid, raw: self.bytes[range])
    }
}
