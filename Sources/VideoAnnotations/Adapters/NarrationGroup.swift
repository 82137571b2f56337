// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// Collects the narrations of one video and pass.
struct NarrationGroup {
    let videoUID: String
    let pass: Int
    private(set) var narrations: [Narration] = []
    var problems: [SourceProblem] = []
    var counts: [String: Int] = [:]
    /// The end of the last narration or interval in seconds.
    private(set) var latestSec = 0.0
    /// The bytes of the texts and of what is known to be wrong.
    private(set) var byteCount = 0
    private var lastSec = 0.0
    private var isSorted = true
    /// The places, in the order they came in, of the narrations that others may name as parents, by what they name
    /// them.
    private var places: [Int: Int] = [:]
    private var hasParents = false
    /// Tells whether each narration is to say its place in the file, where that is not the order of times.
    private let keepsOrder: Bool

    /// - Parameter keepsOrder: for sources where the order of the file says more than the times.
    init(videoUID: String, pass: Int, keepsOrder: Bool = false) {
        self.videoUID = videoUID
        self.pass = pass
        self.keepsOrder = keepsOrder
    }

    /// Tells whether there is more than fits in memory.
    var isTooLarge: Bool { self.byteCount > SourceLimits.videoBytesMax }

    /// Makes room for narrations ahead of time.
    mutating func reserveCapacity(_ count: Int) { self.narrations.reserveCapacity(count) }

    /// Takes a narration whose times, text and details are known to be good.
    mutating func append(
        seconds: Double, text: String, annotated: Interval? = nil, details: NarrationDetails? = nil
    ) {
        if seconds < self.lastSec { self.isSorted = false }
        self.lastSec = seconds
        self.latestSec = max(self.latestSec, seconds, annotated?.end ?? 0)
        self.byteCount += text.utf8.count + Self.narrationBytes
        self.narrations.append(Narration(plain: self.videoUID, self.pass, self.narrations.count, seconds, text))
        if let annotated { self.narrations[self.narrations.count - 1].annotated = annotated }
        if let details {
            self.narrations[self.narrations.count - 1].details = details
            if details.parent != nil { self.hasParents = true }
        }
    }

    /// Says that the narration that was taken last may be a parent.
    /// - Returns: the number by which the details of others name it.
    mutating func nameLast() -> Int {
        let number = self.narrations.count - 1
        self.nameLast(number)
        return number
    }

    /// Says by which number the details of others name the narration that was taken last as their parent; the first
    /// that has a number keeps it.
    mutating func nameLast(_ number: Int) {
        if self.places[number] == nil { self.places[number] = self.narrations.count - 1 }
    }

    /// Checks a narration and takes it.
    ///
    /// - Parameters:
    ///   - details: what the source has beside; `parent` is a number that `nameLast` gave or will give.
    ///   - fields: what the source calls time, text, start and end.
    mutating func add(
        seconds: Double?, text: String, annotated: Interval? = nil, details: NarrationDetails? = nil,
        fields: NarrationFieldNames
    ) throws(SourceFault) {
        if let annotated { try SourceFault.check(annotated, start: fields.start, end: fields.end) }
        guard let seconds = seconds ?? annotated.map({ ($0.start + $0.end) / 2 }) else {
            throw SourceFault(SourceReason.missingKey, "`\(fields.time)` is missing: give the time in seconds")
        }
        try SourceFault.check(seconds: seconds, field: fields.time)
        try SourceFault.check(text: text, field: fields.text)
        self.append(seconds: seconds, text: text, annotated: annotated, details: details.map { self.fitting($0) })
    }

    /// Details without those that are too long, which are counted.
    private mutating func fitting(_ details: NarrationDetails) -> NarrationDetails {
        var fitting = details
        fitting.role = self.fitting(details.role, "role", SourceLimits.detailBytesMax)
        fitting.relevance = self.fitting(details.relevance, "relevance", SourceLimits.detailBytesMax)
        fitting.mistakeNote = self.fitting(details.mistakeNote, "mistake_note", SourceLimits.detailBytesMax)
        fitting.camera = self.fitting(details.camera, "camera", SourceLimits.detailBytesMax)
        fitting.verb = self.fitting(details.verb, "verb", SourceLimits.verbBytesMax)
        fitting.picture = self.fitting(details.picture, "picture", SourceLimits.pictureBytesMax)
        return fitting
    }

    /// A detail of a narration or video without white space around it; `nil`, and counted, where it is too long.
    mutating func fitting(_ detail: String?, _ name: String, _ bytesMax: Int) -> String? {
        guard let text = detail?.trimming(), !text.isEmpty else { return nil }
        guard text.utf8.count <= bytesMax else {
            self.count("unread-\(name)")
            return nil
        }
        return String(text)
    }

    /// A text that the source has beside; one of another type is counted, for it must not cost the narration.
    mutating func detail(_ field: String, of entry: SourceEntry?) -> String? {
        do throws(SourceFault) {
            return try entry?.textIfAny(field)
        } catch {
            self.count("unread-\(field)")
            return nil
        }
    }

    /// A truth value that the source has beside; one of another type is counted.
    mutating func flag(_ field: String, of entry: SourceEntry?) -> Bool? {
        do throws(SourceFault) {
            return try entry?.boolIfAny(field)
        } catch {
            self.count("unread-\(field)")
            return nil
        }
    }

    /// A video's goal and its class, of what the source calls them.
    mutating func goal(_ goal: String, _ category: String? = nil, of object: ShallowObject) -> VideoDetails {
        let entry = try? object.entry(goal)
        var details = VideoDetails(
            goal: self.fitting(self.detail(goal, of: entry), goal, SourceLimits.goalBytesMax))
        if let category {
            let entry = try? object.entry(category)
            details.goalCategory = self.fitting(
                self.detail(category, of: entry), category, SourceLimits.goalBytesMax)
        }
        return details
    }

    /// Takes a problem.
    mutating func add(_ problem: SourceProblem) {
        self.byteCount += problem.raw.count + problem.message.utf8.count
        self.problems.append(problem)
    }

    /// Counts something.
    mutating func count(_ reason: String, _ number: Int = 1) {
        if number > 0 { self.counts[reason, default: 0] += number }
    }

    /// Puts the narrations in the order of their times, ties in the order they came, and numbers them.
    ///
    /// Parents are then known by these numbers; one that is not among the narrations is left out, counted.
    mutating func sort() {
        if !self.isSorted {
            // The index is the order they came in, so that the order is total and no stability is needed.
            self.narrations.sort { ($0.timestampSec, $0.index) < ($1.timestampSec, $1.index) }
        }
        if self.hasParents { self.numberParents() }
        if self.isSorted { return }
        for index in self.narrations.indices {
            let place = self.narrations[index].index
            if self.keepsOrder, place != index { self.narrations[index].details.order = place }
            self.narrations[index].index = index
        }
        self.isSorted = true
    }

    /// Called while the narrations stand in their new order and have the old numbers.
    private mutating func numberParents() {
        var indices = Array(repeating: 0, count: self.narrations.count)
        for (index, narration) in self.narrations.enumerated() { indices[narration.index] = index }
        for index in self.narrations.indices {
            guard let parent = self.narrations[index].details.parent else { continue }
            let place = self.places[parent]
            if place == nil { self.count("parent-missing") }
            self.narrations[index].details.parent = place.map { indices[$0] }
        }
        self.hasParents = false
    }

    /// The memory that a narration takes beside its text.
    private static let narrationBytes = MemoryLayout<Narration>.stride
}

/// The names that a source gives to the fields of a narration, for messages.
struct NarrationFieldNames {
    var time: String
    var text: String
    var start = "start_sec"
    var end = "end_sec"
}
