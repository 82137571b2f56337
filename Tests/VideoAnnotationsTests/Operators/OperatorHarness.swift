// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import VideoAnnotations

/// The output of an operator for some elements.
struct Outcome<Value: StreamValue & Hashable>: Hashable {
    struct Emitted: Hashable {
        var key: Bytes?
        var value: Value
        var origin: Offset
    }

    var emitted: [Emitted] = []
    var counts: [String: Int] = [:]
    var letters: [Letter] = []

    var values: [Value] { self.emitted.map(\.value) }

    mutating func take(_ collector: inout Collector<Value>) {
        self.emitted += collector.elements.map { Emitted(key: $0.key, value: $0.value, origin: $0.origin) }
        self.counts.merge(collector.notes.counts, uniquingKeysWith: +)
        self.letters += collector.notes.letters
        _ = collector.takeElements()
        collector.notes = StepNotes()
    }
}

extension Operator where Output: Hashable {
    /// Runs elements through the operator.
    mutating func run(_ elements: some Sequence<Element<Input>>) -> Outcome<Output> {
        var outcome = Outcome<Output>()
        var collector = Collector<Output>(step: Self.specification.name)
        for element in elements {
            self.process(element, into: &collector)
            outcome.take(&collector)
        }
        return outcome
    }
}

extension Operator where Output: Hashable, Input == NarrationEvent {
    /// Runs events through the operator, each a record with its video's uid as key, at offsets 0, 1, …
    mutating func run(_ events: [NarrationEvent]) -> Outcome<Output> { self.run(elements(events)) }
}

/// Events as the records they would be.
func elements(_ events: [NarrationEvent]) -> [Element<NarrationEvent>] {
    events.enumerated().map { offset, event in
        Element(key: Bytes(event.videoUID.utf8), value: event, origin: Offset(offset))
    }
}

let context = OperatorContext(topologyHash: "topology")

/// One video with its narrations at some times, and its end.
func stream(_ video: Video, _ narrations: [Narration]) -> [NarrationEvent] {
    [.video(video)] + narrations.map(NarrationEvent.narration)
        + [.end(EndOfVideo(videoUID: video.videoUID, pass: video.pass, narrations: narrations.count))]
}

/// Narrations `#C C does 0`, `#C C does 1`, … at some times, each with the window that is given around it.
func narrations(at times: [Double], video: String = "v", pass: Int = 1, halfWindow: Double? = nil) -> [Narration] {
    times.enumerated().map { index, time in
        Narration(
            videoUID: video, pass: pass, index: index, timestampSec: time, text: "#C C does \(index)",
            window: halfWindow.map { Interval(time - $0, time + $0) })
    }
}

/// A clip of a video in seconds.
func clip(_ uid: String, _ start: Double, _ end: Double) -> Clip { Clip(clipUID: uid, span: Interval(start, end)) }

/// SplitMix64, so that a failing case can be run again by its seed.
struct Generator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var word = self.state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    /// Draws whether something happens that has a chance of one in `count`.
    mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }
}

/// Streams of a few videos whose records alternate, with everything that can be odd about them.
struct StreamGenerator {
    var random: Generator

    init(seed: UInt64) { self.random = Generator(seed: seed) }

    /// Videos with records in random alternation: missing videos and ends, second revisions, odd times among them.
    mutating func interleaved() -> [NarrationEvent] {
        var queues = (0..<Int.random(in: 1...4, using: &self.random)).map {
            self.video("video-\($0 / 2)", pass: 1 + $0 % 2)
        }
        var events: [NarrationEvent] = []
        while !queues.isEmpty {
            let queue = Int.random(in: queues.indices, using: &self.random)
            let run = Int.random(in: 1...6, using: &self.random)
            events += queues[queue].prefix(run)
            queues[queue].removeFirst(min(run, queues[queue].count))
            if queues[queue].isEmpty { queues.remove(at: queue) }
        }
        return events
    }

    private mutating func video(_ uid: String, pass: Int) -> [NarrationEvent] {
        var events = self.revision(uid, pass: pass, 1)
        if self.random.oneIn(4) {
            if self.random.oneIn(2) { events.removeLast(Int.random(in: 1...events.count, using: &self.random)) }
            events += self.revision(uid, pass: pass, 2)
        }
        if self.random.oneIn(8) { events.removeFirst() }
        if self.random.oneIn(8), !events.isEmpty { events.removeLast() }
        return events
    }

    private mutating func revision(_ uid: String, pass: Int, _ revision: Int) -> [NarrationEvent] {
        let splits: [[String]?] = [nil, [], ["train"], ["val"], ["train", "test"]]
        let video = Video(
            videoUID: uid, pass: pass, source: "ego4d", durationSec: 60, clips: self.clips(),
            splits: splits.randomElement(using: &self.random) ?? nil,
            hasFeatures: [nil, true, true, false].randomElement(using: &self.random) ?? nil, revision: revision,
            meanGapSec: self.random.oneIn(2) ? nil : 2.5)
        return stream(video, self.narrations(uid, pass: pass))
    }

    mutating func clips() -> [Clip] {
        (0..<Int.random(in: 0...5, using: &self.random)).map { index in
            let start = Double(Int.random(in: -2...60, using: &self.random))
            return clip("clip-\(index)", start, start + Double(Int.random(in: 0...40, using: &self.random)))
        }
    }

    mutating func narrations(_ uid: String, pass: Int, _ counts: ClosedRange<Int> = 0...14) -> [Narration] {
        let texts = [
            "#C C opens a box", " #O man X  walks\n", "#unsure", "#C C holds #Unsure", "  ", "#summary C cooks",
            "ein Öl",
        ]
        var time = 0.0
        var index = 0
        return (0..<Int.random(in: counts, using: &self.random)).map { _ in
            time += [0, 0.25, 1, 1.0 / 3, 7].randomElement(using: &self.random) ?? 0
            if self.random.oneIn(15) { time -= 3 }
            index += self.random.oneIn(6) ? 2 : 1
            let half = Double.random(in: 0...3, using: &self.random)
            return Narration(
                videoUID: uid, pass: pass, index: index, timestampSec: time,
                text: texts.randomElement(using: &self.random) ?? "",
                annotated: self.random.oneIn(4)
                    ? nil : Interval(time, time + Double(Int.random(in: -1...4, using: &self.random))),
                window: self.random.oneIn(9) ? nil : Interval(time - half, time + half),
                details: index % 3 == 0
                    ? NarrationDetails(level: .substep, parent: index, role: "user") : NarrationDetails())
        }
    }
}
