// SPDX-License-Identifier: Apache-2.0

import Codecs

// The steps of a world in the formats of two data sets: Ego4D Goal-Step, of the same videos as `narration.json`, and
// HoloAssist, of which each first clip of a video is a recording of its own, with an instructor who sees mistakes.

extension WorldWriter {
    // MARK: goalstep_*.json

    /// The two parts that there are; videos of the NLQ test split are in the latter.
    private func goalStepFile(_ split: NLQSplit) -> JSONFile {
        split == .none || split == .train ? self.goalStepTrain : self.goalStepVal
    }

    func beginGoalStep(_ file: JSONFile, split: String) {
        file.json.beginObject()
        file.json.field("version", "sample")
        file.json.field("date", "000000")
        file.json.field("description", "Steps of an invented sample world in the format of Ego4D Goal-Step's")
        file.json.field("split", split)
        file.json.key("videos")
        file.json.beginArray()
    }

    func endGoalStep(_ file: JSONFile) {
        file.json.endArray()
        file.json.endObject()
    }

    func writeGoalStep(_ video: VideoPlan, _ split: NLQSplit, _ steps: VideoSteps) {
        let file = self.goalStepFile(split)
        file.json.beginObject()
        file.json.field("video_uid", video.uid)
        file.json.field("start_time", 0)
        file.json.field("end_time", seconds: video.duration)
        file.json.field("goal_category", steps.category)
        file.json.field("goal_description", steps.goal)
        file.json.field("goal_wikihow_url", "")
        file.json.field("summary", strings: [steps.goal])
        file.json.field("is_procedural", true)
        file.json.key("segments")
        file.json.beginArray()
        for step in steps.steps {
            self.beginSegment(step.events[0], end: step.end, step.relevance, to: file)
            file.json.key("segments")
            file.json.beginArray()
            for (number, event) in step.events.enumerated() {
                // A step's own relevance is not that of all that is done in it.
                let relevance = number % 5 == 4 ? WorldStep.Relevance.optional : step.relevance
                self.beginSegment(event, end: event.end, relevance, to: file)
                file.json.endObject()
            }
            file.json.endArray()
            file.json.endObject()
        }
        file.json.endArray()
        file.json.endObject()
        self.summary.steps += steps.steps.count
    }

    private func beginSegment(
        _ event: WorldEvent, end: Microseconds, _ relevance: WorldStep.Relevance, to file: JSONFile
    ) {
        let verb = self.plan.inventory.verb(of: event.pair)
        let noun = self.plan.inventory.noun(of: event.pair).text
        file.json.beginObject()
        file.json.field("start_time", seconds: event.start)
        file.json.field("end_time", seconds: end)
        file.json.field("step_category", "\(verb.base): \(noun)")
        file.json.field("step_description", "\(verb.third) the \(noun)")
        file.json.field("is_continued", false)
        file.json.field("is_procedural", true)
        file.json.field("is_relevant", relevance.rawValue)
        file.json.field("summary", strings: [])
    }

    // MARK: holoassist.json

    func writeSession(_ video: VideoPlan, _ split: NLQSplit, _ steps: VideoSteps) throws(SampleWorldError) {
        guard let clip = video.clips.first else { return }
        let inside = steps.steps.filter { $0.start >= clip.start && $0.end <= clip.end }
        let number = String(video.index)
        let name =
            "S" + String(repeating: "0", count: max(0, 5 - number.utf8.count)) + "\(number)-sample-"
            + video.scenario.label.lowercased()
        let list = split == .none || split == .train ? self.sessionTrain : self.sessionVal
        list.json.restart()
        list.json.raw((list.isEmpty ? name : "\n\(name)").utf8)
        self.sessions.json.beginObject()
        self.sessions.json.field("video_name", name)
        self.sessions.json.field("taskId", video.scenario.rawValue)
        self.sessions.json.field("taskType", steps.goal)
        self.sessions.json.key("videoMetadata")
        self.sessions.json.beginObject()
        self.sessions.json.key("duration")
        self.sessions.json.beginObject()
        self.sessions.json.field("seconds", seconds: ClipPlan.length)
        self.sessions.json.endObject()
        self.sessions.json.key("video")
        self.sessions.json.beginObject()
        self.sessions.json.field("fps", seconds: 30_000_000)
        self.sessions.json.endObject()
        self.sessions.json.endObject()
        self.sessions.json.key("events")
        self.sessions.json.beginArray()
        var events = SessionEvents(file: self.sessions, inventory: self.plan.inventory, origin: clip.start)
        events.write(inside, goal: steps.goal)
        self.sessions.json.endArray()
        self.sessions.json.endObject()
        self.summary.sessions += 1
        self.summary.mistakes += events.mistakes
    }
}

/// Writes the events of one HoloAssist session.
private struct SessionEvents {
    let file: JSONFile
    let inventory: PairInventory
    /// The moment of the video at which the session begins.
    let origin: Microseconds
    private var number = 0
    private(set) var mistakes = 0

    init(file: JSONFile, inventory: PairInventory, origin: Microseconds) {
        self.file = file
        self.inventory = inventory
        self.origin = origin
    }

    mutating func write(_ steps: [WorldStep], goal: String) {
        let second = 1_000_000
        self.event(
            "Narration", self.origin, self.origin + ClipPlan.length,
            [("Long form description", "The student: \(goal).")])
        for (place, step) in steps.enumerated() {
            let words = "\(self.inventory.verb(of: step.events[0].pair).base) the \(self.noun(step.events[0]))"
            if place % 2 == 0 {
                let begin = max(self.origin, step.start - 2 * second)
                self.talk(
                    "instructor-start-conversation_describing high-level instruction", "Now \(words).", begin,
                    begin + second)
            } else if place % 5 == 3 {
                self.talk(
                    "student-start-conversation_ask questions", "Do I \(words) now?", step.start, step.start + second)
                self.talk(
                    "instructor-reply-to-student_confirming the previous action", "Yes, go on.", step.start + second,
                    step.start + 2 * second)
            }
            self.event(
                "Coarse grained action", step.start, step.end,
                [("Action sentence", "The student \(self.doing(step.events[0])).")] + self.words(of: step.events[0]))
            for (index, event) in step.events.enumerated() {
                self.action(event, isWrong: step.mistakes.contains(index))
            }
        }
    }

    private mutating func action(_ event: WorldEvent, isWrong: Bool) {
        let note = isWrong ? "The student \(self.doing(event)) too early." : "none"
        self.event(
            "Fine grained action", event.start, event.end,
            [
                ("Action Correctness", isWrong ? "Wrong Action, corrected by instructor verbally" : "Correct Action"),
                ("Incorrect Action Explanation", note),
                ("Incorrect Action Corrected by", isWrong ? "instructor" : "none"),
            ] + self.words(of: event))
        guard isWrong else { return }
        self.mistakes += 1
        self.talk(
            "instructor-start-conversation_correct the wrong action", "No, leave the \(self.noun(event)) for later.",
            event.end, event.end + 1_500_000)
    }

    private mutating func talk(_ purpose: String, _ words: String, _ start: Microseconds, _ end: Microseconds) {
        self.event(
            "Conversation", start, end,
            [
                ("Conversation Purpose", purpose), ("Transcription", words),
                ("Transcription Confidence", "high-confidence-transcription"),
                ("Conversation Purpose -- Other", "none"),
            ])
    }

    private mutating func event(
        _ label: String, _ start: Microseconds, _ end: Microseconds, _ attributes: [(name: String, value: String)]
    ) {
        self.number += 1
        self.file.json.beginObject()
        self.file.json.field("id", self.number)
        self.file.json.field("label", label)
        self.file.json.field("start", seconds: start - self.origin)
        self.file.json.field("end", seconds: end - self.origin)
        self.file.json.field("type", "range")
        self.file.json.key("attributes")
        self.file.json.beginObject()
        for (name, value) in attributes {
            self.file.json.key(text: name)
            self.file.json.value(value)
        }
        self.file.json.endObject()
        self.file.json.endObject()
    }

    /// `washes the cup`
    private func doing(_ event: WorldEvent) -> String {
        "\(self.inventory.verb(of: event.pair).third) the \(self.noun(event))"
    }

    private func noun(_ event: WorldEvent) -> String { self.inventory.noun(of: event.pair).text }

    private func words(of event: WorldEvent) -> [(name: String, value: String)] {
        func joined(_ text: String) -> String { String(text.map { $0 == " " ? "_" : $0 }) }
        return [
            ("Verb", joined(self.inventory.verb(of: event.pair).base)), ("Adjective", "none"),
            ("Noun", joined(self.noun(event))), ("adverbial", "none"),
        ]
    }
}
