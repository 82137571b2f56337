// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing

@testable import MomentQueries
@testable import VideoAnnotations

@Suite("state of the narration operators")
struct OperatorStateTests {
    private static let filter = {
        var configuration = Configuration()
        configuration.set(FilterOperator.videos, Configuration())
        configuration.set(FilterOperator.narrations, Configuration())
        return configuration
    }()

    private static let annotated = {
        var configuration = Configuration()
        configuration.set(WindowOperator.method, .annotated)
        return configuration
    }()

    private static let block = {
        var configuration = Configuration()
        configuration.set(BlockOperator.size, 2)
        configuration.set(BlockOperator.stride, 1)
        return configuration
    }()

    @Test("a stream cut anywhere goes on as if it had not been", arguments: 0..<60 as Range<UInt64>)
    func cuts(_ seed: UInt64) throws {
        var generator = StreamGenerator(seed: seed)
        let events = elements(generator.interleaved())
        try self.check(FilterOperator.self, Self.filter, events, seed)
        try self.check(WindowOperator.self, Configuration(), events, seed)
        try self.check(WindowOperator.self, Self.annotated, events, seed)
        try self.check(BlockOperator.self, Self.block, events, seed)
        try self.check(FormatNarrationOperator.self, Configuration(), events, seed)
    }

    /// Runs the stream uncut, and cut at every position with commits at random ones before.
    private func check<Op: Operator>(
        _ type: Op.Type, _ configuration: Configuration, _ events: [Element<NarrationEvent>], _ seed: UInt64
    ) throws where Op.Input == NarrationEvent, Op.Output: Hashable {
        var uncut = try Op(configuration, context)
        let expected = uncut.run(events)
        var random = Generator(seed: seed ^ 0xabcd)
        for cut in 0...events.count {
            var store: [Bytes: Bytes] = [:]
            var first = try Op(configuration, context)
            var outcome = Outcome<Op.Output>()
            for event in events[..<cut] {
                outcome.add(first.run([event]))
                if random.oneIn(3) { self.commit(&first, &store) }
            }
            self.commit(&first, &store)
            #expect(first.stateChanges().isEmpty)

            var second = try Op(configuration, context)
            try second.restore(store.map { StateEntry(key: $0.key, value: $0.value) }.shuffled(using: &random))
            #expect(second.stateChanges().isEmpty)
            for event in events[cut...] {
                outcome.add(second.run([event]))
                if random.oneIn(5) { self.commit(&second, &store) }
            }
            #expect(outcome == expected, "\(type), seed \(seed), cut at \(cut)")

            // The state holds the videos open at the end, and no more.
            self.commit(&second, &store)
            #expect(Set(store.keys.map(Self.video)) == Self.openVideos(events, type), "\(type), seed \(seed)")
        }
    }

    private func commit<Op: Operator>(_ op: inout Op, _ store: inout [Bytes: Bytes]) {
        let changes = op.stateChanges()
        #expect(Set(changes.map(\.key)).count == changes.count, "a key changes once a commit")
        for change in changes {
            if change.value == nil { #expect(store[change.key] != nil, "what is removed was there") }
            store[change.key] = change.value
        }
    }

    /// The video and pass that a state key `pass piece uid` is about.
    private static func video(_ key: Bytes) -> String {
        let parts = String(decoding: key, as: UTF8.self).split(separator: " ", maxSplits: 2)
        return parts.count == 3 ? "\(parts[0]) \(parts[2])" : "?"
    }

    private static func openVideos(_ events: [Element<NarrationEvent>], _ type: any Operator.Type) -> Set<String> {
        var open: Set<String> = []
        for event in events.map(\.value) {
            let name = "\(event.pass) \(event.videoUID)"
            switch event {
            case .video: open.insert(name)
            case .narration: continue
            case .end: open.remove(name)
            }
        }
        return open
    }

    @Test("a long video is committed piece by piece, each narration once")
    func pieces() throws {
        var window = try WindowOperator(Configuration(), context)
        let events = elements(
            stream(Video(videoUID: "v with blanks", source: "s"), narrations(at: [1, 2, 3, 4], video: "v with blanks")))
        _ = window.run([events[0]])
        #expect(window.stateChanges().map(\.key) == [Bytes("1 0 v with blanks".utf8)])
        _ = window.run(events[1...2])
        let second = window.stateChanges()
        #expect(second.map(\.key) == [Bytes("1 1 v with blanks".utf8)])
        #expect(
            second.first?.value.map { String(decoding: $0, as: UTF8.self) }
                == """
                [1,{"index":0,"timestamp_sec":1.0,"text":"#C C does 0"},\
                2,{"index":1,"timestamp_sec":2.0,"text":"#C C does 1"}]
                """)
        #expect(window.stateChanges().isEmpty)
        _ = window.run(events[3...])
        #expect(window.stateChanges().map(\.value) == [nil, nil])
        #expect(window.stateChanges().isEmpty)
    }

    @Test("a video that came and went between two commits leaves no trace")
    func nothingOpen() throws {
        var format = try FormatNarrationOperator(Configuration(), context)
        _ = format.run(stream(Video(videoUID: "v", source: "s"), narrations(at: [1, 2])))
        #expect(format.stateChanges().isEmpty)
    }

    @Test(
        "keys that are no text, and none at all, are restored as they were",
        arguments: [nil, [], [0xff, 0], [0x61]] as [Bytes?])
    func keys(_ key: Bytes?) throws {
        let events = stream(Video(videoUID: "v", source: "s"), narrations(at: [1, 2])).enumerated().map {
            Element(key: key, value: $1, origin: Offset($0))
        }
        var first = try WindowOperator(Configuration(), context)
        _ = first.run(events[..<2])
        var second = try WindowOperator(Configuration(), context)
        try second.restore(
            first.stateChanges().compactMap { change in change.value.map { StateEntry(key: change.key, value: $0) } })
        #expect(second.run(events[2...]).emitted.map(\.key) == [key, key, key, key])
    }

    @Test(
        "state that cannot be is refused",
        arguments: [
            ("x", "[]"), ("1 0", "[]"), ("1 -1 v", "[]"), ("1 1 v", "[]"), ("1 0 v", ""), ("1 0 v", "[]"),
            ("1 0 v", "[3]"),
            ("1 0 v", "[3,null,{}]"), ("1 0 v", #"[3,[300],{"kind":"end","video_uid":"v","narrations":1}]"#),
            ("1 0 v", #"[3,null,{"kind":"end","video_uid":"v","narrations":1}]"#),
        ])
    func corrupt(_ key: String, _ value: String) throws {
        let entries = [StateEntry(key: Bytes(key.utf8), value: Bytes(value.utf8))]
        var window = try WindowOperator(Configuration(), context)
        #expect(throws: JSONError.self) { try window.restore(entries) }
        var filter = try FilterOperator(Self.filter, context)
        #expect(throws: JSONError.self) { try filter.restore(entries) }
    }
}

extension Outcome {
    mutating func add(_ other: Outcome) {
        self.emitted += other.emitted
        self.counts.merge(other.counts, uniquingKeysWith: +)
        self.letters += other.letters
    }
}
