// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing

@testable import VideoAnnotations

@Suite("block")
struct BlockOperatorTests {
    private func operate(_ size: Int, _ stride: Int, contiguous: Bool = false) throws -> BlockOperator {
        var configuration = Configuration()
        configuration.set(BlockOperator.size, size)
        configuration.set(BlockOperator.stride, stride)
        configuration.set(BlockOperator.contiguous, contiguous)
        return try BlockOperator(configuration, context)
    }

    private func video(_ clips: [Clip]) -> Video {
        Video(videoUID: "v", source: "ego4d", clips: clips, meanGapSec: 2.5)
    }

    private func indices(_ outcome: Outcome<Block>) -> [[Int]] { outcome.values.map { $0.narrations.map(\.index) } }

    @Test("steps by stride behind a block, by one where no clip holds the run")
    func walk() throws {
        // Clip a ends at 4, so the runs that begin at 3 and 4 lie in no clip; the walk finds the next block at 5.
        let video = self.video([clip("a", 0, 4.5), clip("b", 4.75, 20)])
        let given = narrations(at: [0, 1, 2, 3, 4, 5, 6, 7, 8], halfWindow: 0.25)
        var block = try self.operate(3, 3)
        let outcome = block.run(stream(video, given))
        #expect(self.indices(outcome) == [[0, 1, 2], [5, 6, 7]])
        #expect(outcome.values.map(\.clip.clipUID) == ["a", "b"])
        #expect(outcome.values.map(\.meanGapSec) == [2.5, 2.5])
        #expect(outcome.emitted.map(\.origin) == [1, 6])
        #expect(outcome.counts == ["no-block": 3])
        #expect(block.stateChanges().isEmpty)
    }

    @Test("blocks overlap where stride is below size, and leave gaps where it is above")
    func strides() throws {
        let video = self.video([clip("a", 0, 100)])
        let given = stream(video, narrations(at: [0, 1, 2, 3, 4, 5], halfWindow: 0.25))
        var overlapping = try self.operate(3, 1)
        let one = overlapping.run(given)
        #expect(self.indices(one) == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]])
        #expect(one.counts.isEmpty)
        var skipping = try self.operate(2, 4)
        let four = skipping.run(given)
        #expect(self.indices(four) == [[0, 1], [4, 5]])
        #expect(four.counts == ["no-block": 2])
    }

    @Test("the first clip in the file's order that holds both ends, though a later one is tighter")
    func firstClip() throws {
        let video = self.video([clip("late", 50, 90), clip("wide", 0, 60), clip("tight", 0, 5)])
        var block = try self.operate(2, 2)
        let outcome = block.run(stream(video, narrations(at: [1, 2, 55, 58], halfWindow: 0.25)))
        #expect(outcome.values.map(\.clip.clipUID) == ["wide", "late"])
    }

    @Test("clip edges belong to the clip; windows are cut to it")
    func edges() throws {
        let video = self.video([clip("a", 2, 6)])
        var block = try self.operate(3, 3)
        let outcome = block.run(stream(video, narrations(at: [2, 4, 6], halfWindow: 0.5)))
        #expect(
            outcome.values.first?.narrations.map(\.window) == [Interval(2, 2.5), Interval(3.5, 4.5), Interval(5.5, 6)])
    }

    @Test("a narration whose window lies outside the clip is no target; a block without targets is none")
    func emptyWindows() throws {
        let video = self.video([clip("a", 0, 10)])
        var given = narrations(at: [1, 2, 3, 4], halfWindow: 0.5)
        given[0].window = Interval(-3, 0)
        given[1].window = nil
        var block = try self.operate(2, 2)
        let outcome = block.run(stream(video, given))
        #expect(self.indices(outcome) == [[2, 3]])
        #expect(outcome.counts == ["empty-window": 1, "no-window": 1, "empty-block": 1])
    }

    @Test("contiguous wants consecutive indices and steps by one where they are not")
    func contiguous() throws {
        let video = self.video([clip("a", 0, 100)])
        var given = narrations(at: [0, 1, 2, 3, 4, 5], halfWindow: 0.25)
        given.remove(at: 2)
        var loose = try self.operate(3, 3)
        #expect(self.indices(loose.run(stream(video, given))) == [[0, 1, 3]])
        var strict = try self.operate(3, 3, contiguous: true)
        let outcome = strict.run(stream(video, given))
        #expect(self.indices(outcome) == [[3, 4, 5]])
        #expect(outcome.counts == ["no-block": 2])
    }

    @Test("equal timestamps, one narration, none, no clips")
    func small() throws {
        let video = self.video([clip("a", 0, 10)])
        var block = try self.operate(3, 3)
        #expect(self.indices(block.run(stream(video, narrations(at: [5, 5, 5], halfWindow: 1)))) == [[0, 1, 2]])
        #expect(block.run(stream(video, narrations(at: [5], halfWindow: 1))).counts == ["no-block": 1])
        #expect(block.run(stream(video, [])) == Outcome())
        #expect(
            block.run(stream(self.video([]), narrations(at: [1, 2, 3, 4], halfWindow: 1))).counts == ["no-block": 4])
    }

    @Test("the id is that of the content: video, pass, clip, indices, texts and windows")
    func identity() throws {
        func id(_ change: (inout Video, inout [Narration]) -> Void) throws -> String {
            var video = self.video([clip("a", 0, 10)])
            var given = narrations(at: [1, 2], halfWindow: 0.5)
            change(&video, &given)
            var block = try self.operate(2, 2)
            return try #require(block.run(stream(video, given)).values.first).blockID
        }
        let plain = try id { _, _ in }
        #expect(plain == (try id { _, _ in }))
        // uuid5 of ["block","v",1,"a",[0,"#C C does 0",0.5,1.5],[1,"#C C does 1",1.5,2.5]] in Millrace's namespace.
        #expect(
            plain
                == ContentHash.uuid5(##"["block","v",1,"a",[0,"#C C does 0",0.5,1.5],[1,"#C C does 1",1.5,2.5]]"##))
        let changed = [
            try id { video, given in
                video.videoUID = "w"
                for index in given.indices { given[index].videoUID = "w" }
            },
            try id { video, given in
                video.pass = 2
                for index in given.indices { given[index].pass = 2 }
            },
            try id { video, _ in video.clips = [clip("b", 0, 10)] },
            try id { _, given in given[1].index = 7 },
            try id { _, given in given[1].text += "." },
            try id { _, given in given[1].window = Interval(1.5, 2.75) },
        ]
        #expect(Set(changed + [plain]).count == 7)
        // A change that the block does not show does not change its id.
        #expect(plain == (try id { video, _ in video.revision = 2 }))
    }

    @Test("equals a slow reading of the definition", arguments: 0..<300 as Range<UInt64>)
    func reference(_ seed: UInt64) throws {
        var generator = StreamGenerator(seed: seed)
        let video = self.video(generator.clips())
        let given = generator.narrations("v", pass: 1, 0...40)
        for (size, stride, contiguous) in [(1, 1, false), (2, 1, true), (3, 2, false), (5, 5, false), (2, 3, true)] {
            var block = try self.operate(size, stride, contiguous: contiguous)
            let outcome = block.run(stream(video, given))
            let expected = ReferenceWalk(
                video: video, narrations: given, size: size, stride: stride, contiguous: contiguous)
            #expect(outcome.values.map(\.clip) == expected.blocks.map(\.clip))
            #expect(outcome.values.map(\.narrations) == expected.blocks.map { $0.narrations.map(\.plain) })
            #expect(outcome.counts == expected.counts)
        }
    }
}

/// The walk as the specification words it, without a thought for speed.
private struct ReferenceWalk {
    var blocks: [(clip: Clip, narrations: [Narration])] = []
    var counts: [String: Int] = [:]

    init(video: Video, narrations: [Narration], size: Int, stride: Int, contiguous: Bool) {
        var covered: Set<Int> = []
        var position = 0
        while position + size <= narrations.count {
            let run = Array(narrations[position..<position + size])
            let isConsecutive = (1..<size).allSatisfy { run[$0].index == run[$0 - 1].index + 1 }
            let clip = video.clips.first { clip in
                clip.span.start <= run[0].timestampSec && run[0].timestampSec <= clip.span.end
                    && clip.span.start <= run[size - 1].timestampSec && run[size - 1].timestampSec <= clip.span.end
            }
            guard let clip, isConsecutive || !contiguous else {
                position += 1
                continue
            }
            covered.formUnion(position..<position + size)
            position += stride
            var targets: [Narration] = []
            for var narration in run {
                guard let window = narration.window else {
                    self.counts["no-window", default: 0] += 1
                    continue
                }
                let start = max(window.start, clip.span.start)
                let end = min(window.end, clip.span.end)
                guard start < end else {
                    self.counts["empty-window", default: 0] += 1
                    continue
                }
                narration.window = Interval(start, end)
                targets.append(narration)
            }
            if targets.isEmpty {
                self.counts["empty-block", default: 0] += 1
            } else {
                self.blocks.append((clip, targets))
            }
        }
        let uncovered = narrations.count - covered.count
        if uncovered > 0 { self.counts["no-block"] = uncovered }
    }
}
