// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Training

/// The dealing of whole sequences to slots.
@Suite struct SequenceWalkTests {
    private static let lengths = [2, 5, 1, 3, 4]

    private func draw(_ number: Int) -> (sequence: Int, length: Int) {
        let sequence = EpochDraw(seed: 5, count: Self.lengths.count).sample(number)
        return (sequence, Self.lengths[sequence])
    }

    @Test func eachSlotWalksSequencesToTheirEnds() {
        var walk = SequenceWalk<Int>(slots: 3)
        var before: [SequenceWalk<Int>.Stand] = []
        var drawn: [Int] = []
        for step in 0..<200 {
            walk.walk(to: step) { number in
                #expect(number == drawn.count, "one after another")
                drawn.append(self.draw(number).sequence)
                return self.draw(number)
            }
            #expect(walk.stands.count == 3)
            for (slot, stand) in walk.stands.enumerated() {
                #expect((stand.firstStep..<stand.firstStep + stand.length).contains(step))
                guard slot < before.count, before[slot].firstStep != stand.firstStep else { continue }
                #expect(before[slot].firstStep + before[slot].length == step && stand.firstStep == step)
            }
            before = walk.stands
        }
        // Every epoch deals each sequence once.
        for epoch in 0..<drawn.count / Self.lengths.count {
            #expect(
                Set(drawn[epoch * Self.lengths.count..<(epoch + 1) * Self.lengths.count]).count == Self.lengths.count)
        }
    }

    @Test func aWalkThatLeapsStandsWhereOneThatGoesStepByStepDoes() {
        for target in [1, 16, 17, 40, 199] {
            var slow = SequenceWalk<Int>(slots: 4), leap = SequenceWalk<Int>(slots: 4)
            for step in 0...target { slow.walk(to: step, draw: self.draw) }
            leap.walk(to: target, draw: self.draw)
            #expect(slow.stands.map(\.sequence) == leap.stands.map(\.sequence))
            #expect(slow.stands.map(\.firstStep) == leap.stands.map(\.firstStep))
        }
    }

    @Test func anotherStockIsDrawnFromOnceASlotIsFree() {
        var walk = SequenceWalk<String>(slots: 2)
        walk.walk(to: 2) { ("old \($0)", 2 + 2 * $0) }
        #expect(walk.stands.map(\.sequence) == ["old 2", "old 1"])
        walk.beginStock()
        walk.walk(to: 3) { ("new \($0)", 9) }
        #expect(walk.stands.map(\.sequence) == ["old 2", "old 1"], "both are on their way")
        walk.walk(to: 8) { ("new \($0)", 9) }
        #expect(walk.stands.map(\.sequence) == ["new 1", "new 0"] && walk.stands.map(\.firstStep) == [8, 4])
    }
}

/// The sequences that samples make up, as shards land.
@Suite struct SequenceIndexTests {
    /// Lines such as `a`, `b!` (the last of `b`), and `-a` (of `a`, whose sample cannot be used).
    private func take(_ lines: String, _ index: inout SequenceIndex, first: inout Int) {
        var stretches: [SequenceStretch] = []
        var usable: [Int] = []
        for (number, line) in lines.split(separator: " ").enumerated() {
            if line == "." { continue }
            let key = line.filter { $0.isLetter }
            stretches.add(SequencePlace(key, isLast: line.hasSuffix("!")), line: number)
            if !line.hasPrefix("-") { usable.append(number) }
        }
        #expect(stretches.isSound(lines: lines.split(separator: " ").count))
        index.take(stretches, samples: usable, first: first)
        first += usable.count
    }

    private func index(_ shards: [String]) -> SequenceIndex {
        var index = SequenceIndex()
        var first = 0
        for shard in shards { self.take(shard, &index, first: &first) }
        return index
    }

    private func sequences(_ index: SequenceIndex, _ shards: Int, isFinished: Bool) -> [[Int32]] {
        let stock = index.stock(shards: shards, isFinished: isFinished)
        return (0..<stock.count).map { index.samples(of: $0, in: stock) }
    }

    @Test func sequencesAreWholeInTheOrderOfTheirEnds() {
        let index = self.index(["a a b a", "b! c a!", "c"])
        #expect(self.sequences(index, 0, isFinished: true).isEmpty)
        #expect(self.sequences(index, 1, isFinished: false).isEmpty)
        #expect(self.sequences(index, 1, isFinished: true) == [[0, 1, 3], [2]], "as far as they are there")
        #expect(self.sequences(index, 2, isFinished: false) == [[2, 4], [0, 1, 3, 6]])
        #expect(self.sequences(index, 2, isFinished: true) == [[2, 4], [0, 1, 3, 6], [5]])
        #expect(self.sequences(index, 3, isFinished: true) == [[2, 4], [0, 1, 3, 6], [5, 7]])
        #expect(index.openCount == 1)
    }

    @Test func whatComesLaterChangesNothingInAPrefix() {
        let shards = ["a b", "a! c", "b b!", "a c!", "a!"]
        let whole = self.index(shards)
        for count in 0...shards.count {
            let early = self.index(Array(shards.prefix(count)))
            for isFinished in [false, true] {
                #expect(
                    self.sequences(early, count, isFinished: isFinished)
                        == self.sequences(whole, count, isFinished: isFinished))
            }
        }
    }

    @Test func endsThatComeTwiceOrOfNothingAreLivedWith() {
        // The second end of `a` has no sample that can be used, and that of `b` ends another sequence of its own.
        let index = self.index(["a a! -a! b!", "b! -c -c! ."])
        #expect(self.sequences(index, 2, isFinished: true) == [[0, 1], [2], [3]])
        #expect(index.openCount == 0)
        // An end without a sample ends the sequence all the same.
        #expect(self.sequences(self.index(["a a -a!"]), 1, isFinished: false) == [[0, 1]])
        // One that never comes leaves it open.
        #expect(self.sequences(self.index(["a a", "a"]), 2, isFinished: false).isEmpty)
    }

    @Test func stretchesOfDamagedFilesAreRefused() {
        let sound = SequenceStretch(key: "a", first: 1, count: 2, ends: false)
        #expect([sound].isSound(lines: 3) && ![sound].isSound(lines: 2) && ![sound, sound].isSound(lines: 9))
        for (first, count) in [(-1, 2), (0, 0), (0, -1), (1, .max), (.max, 1), (.min, 1)] {
            #expect(![SequenceStretch(key: "a", first: first, count: count, ends: true)].isSound(lines: 9))
        }
    }
}
