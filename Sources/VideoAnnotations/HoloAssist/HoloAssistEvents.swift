// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// The events of a HoloAssist video, as narrations in the making.
struct HoloAssistEvents {
    /// The number of events so far, those that were none among them.
    private(set) var count = 0
    /// The last description of the whole video.
    private(set) var summary: String?
    private var narrations: [AttachedNarration] = []

    private static let fields = NarrationFieldNames(time: "start", text: "text", start: "start", end: "end")

    /// Reads an event.
    mutating func take(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, into group: inout NarrationGroup) throws(SourceFault)
    {
        self.count += 1
        let event = try ShallowObject(bytes)
        guard let range = event.ranges["attributes"] else {
            throw SourceFault(SourceReason.missingKey, "`attributes` is missing: they say what the event is")
        }
        let attributes = try ShallowObject(event.bytes[range])
        func text(_ field: String) throws(SourceFault) -> String { try attributes.entry(field).text(field) }
        let has = attributes.ranges
        if has["Long form description"] != nil {
            self.summary = Self.plain(try text("Long form description"))
        }
        if has["Action sentence"] != nil {
            let sentence = Self.plain(try text("Action sentence"))
            try self.add(sentence, NarrationDetails(level: .step), event)
        } else if has["Conversation Purpose"] != nil {
            let purpose = try text("Conversation Purpose")
            let role = purpose.prefix { $0 != "-" } == "student" ? "user" : "assistant"
            let words = Self.plain(try text("Transcription"))
            if words.isEmpty { return group.count("without-text") }
            try self.add(words, NarrationDetails(level: .substep, role: role), event)
        } else if has["Action Correctness"] != nil {
            let isCorrect = try text("Action Correctness") == "Correct Action"
            let verb = Self.plain(try text("Verb"))
            let noun = Self.plain(try text("Noun"))
            let adjective = try attributes.entry("Adjective").textIfAny("Adjective") ?? ""
            let words = ["none", "wrong", ""].contains(adjective) ? [verb, noun] : [verb, adjective, noun]
            let note = try attributes.entry("Incorrect Action Explanation").textIfAny("Incorrect Action Explanation")
            let details = NarrationDetails(
                level: .substep, mistake: !isCorrect, mistakeNote: isCorrect ? nil : Self.plain(note ?? "none"),
                verb: verb)
            try self.add(words.joined(separator: " "), details, event)
        } else if has["Long form description"] == nil {
            group.count("other-events")
        }
    }

    private mutating func add(
        _ text: String, _ details: NarrationDetails, _ event: ShallowObject
    ) throws(SourceFault) {
        let entry = try event.entry("start", "end")
        let interval = try Interval(entry.seconds("start"), entry.seconds("end"))
        self.narrations.append(AttachedNarration(text: text, interval: interval, details: details))
    }

    /// Adds all, each substep with the step that began last before it, if any.
    /// - Parameter problem: describes what is wrong with an event, which it names.
    consuming func add(to group: inout NarrationGroup, _ problem: (SourceFault, String) -> SourceProblem) {
        AttachedNarration.add(self.narrations, to: &group, fields: Self.fields, problem)
    }

    /// A text without the marks of the annotators: `_` between words, words that nobody understood, and `student` for
    /// the one whom all others call the user.
    static func plain(_ text: String) -> String {
        String(text.trimming()).replacing("_", with: " ").replacing("student", with: "user")
            .replacing("*unintelligible*", with: "")
    }
}

/// A narration whose step, if any, is yet to be found by its time.
struct AttachedNarration {
    var text: String
    var interval: Interval
    var details: NarrationDetails

    /// The moment by which it is sorted: what is said has no length.
    private var start: Double {
        self.details.role == nil ? self.interval.start : (self.interval.start + self.interval.end) / 2
    }

    /// Adds narrations to a group in the order of the file, each substep with the step that began last before it.
    static func add(
        _ narrations: [AttachedNarration], to group: inout NarrationGroup, fields: NarrationFieldNames,
        _ problem: (SourceFault, String) -> SourceProblem
    ) {
        let order = narrations.indices.sorted { (narrations[$0].start, $0) < (narrations[$1].start, $1) }
        var parents: [Int: Int] = [:]
        var step: Int?
        for index in order {
            if narrations[index].details.level == .step { step = index } else { parents[index] = step }
        }
        for (index, narration) in narrations.enumerated() {
            var details = narration.details
            details.parent = parents[index]
            do throws(SourceFault) {
                try group.add(
                    seconds: nil, text: narration.text, annotated: narration.interval, details: details, fields: fields)
                if details.level == .step { group.nameLast(index) }
            } catch { group.add(problem(error, "`\(narration.text.prefix(64))`")) }
        }
    }
}
