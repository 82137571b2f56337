// SPDX-License-Identifier: Apache-2.0

/// The place of a line in a sequence.
public struct SequencePlace: Hashable, Sendable {
    /// The sequence's name. After its last line, another sequence may begin under the same name.
    public var key: String
    /// Tells whether the sequence ends with the line.
    public var isLast: Bool

    /// Describes a place.
    public init(_ key: String, isLast: Bool) {
        self.key = key
        self.isLast = isLast
    }
}

/// Neighbouring lines of a shard that belong to one sequence.
struct SequenceStretch: Hashable, Codable {
    /// The sequence's name.
    var key: String
    /// The number of the first line in the shard.
    var first: Int
    /// The number of lines.
    var count: Int
    /// Tells whether the sequence ends with the last of them.
    var ends: Bool

    /// The numbers of the lines.
    var lines: Range<Int> { self.first..<self.first + self.count }
}

extension [SequenceStretch] {
    /// Takes the place of a line, whose number is above all before.
    mutating func add(_ place: SequencePlace, line: Int) {
        if let last = self.last, !last.ends, last.key == place.key, last.lines.upperBound == line {
            self[self.count - 1].count += 1
            self[self.count - 1].ends = place.isLast
        } else {
            self.append(SequenceStretch(key: place.key, first: line, count: 1, ends: place.isLast))
        }
    }

    /// Tells whether the stretches lie within so many lines, and follow each other.
    func isSound(lines: Int) -> Bool {
        var end = 0
        for stretch in self {
            guard stretch.first >= end, stretch.first <= lines, stretch.count > 0,
                stretch.count <= lines - stretch.first
            else { return false }
            end = stretch.lines.upperBound
        }
        return true
    }
}

/// The sequences that the samples of shards make up, as the shards land. Each part of it follows from a prefix of the
/// shards: what comes later changes nothing in what was there.
struct SequenceIndex {
    /// The numbers of a sequence's samples, in order, and the shard that it ends in.
    private struct Sequence {
        var samples: [Int32]
        var endShard: Int?
    }

    /// The sequences in the order of their first samples.
    private var sequences: [Sequence] = []
    /// Those of them that are whole, in the order in which they came to be.
    private var whole: [Int] = []
    /// Those that go on, by name.
    private var open: [String: Int] = [:]
    /// The number of whole ones, and of samples, after each shard.
    private var marks: [(whole: Int, samples: Int)] = [(0, 0)]

    /// Takes the next shard.
    /// - Parameters:
    ///   - samples: the numbers of the lines whose samples can be used, in order.
    ///   - first: the number of the first such sample, over all shards.
    mutating func take(_ stretches: [SequenceStretch], samples: [Int], first: Int) {
        let shard = self.marks.count - 1
        var next = 0
        for stretch in stretches {
            while next < samples.count, samples[next] < stretch.first { next += 1 }
            let from = next
            while next < samples.count, samples[next] < stretch.lines.upperBound { next += 1 }
            self.extend(stretch.key, by: first + from..<first + next)
            guard stretch.ends, let sequence = self.open.removeValue(forKey: stretch.key) else { continue }
            self.sequences[sequence].endShard = shard
            self.whole.append(sequence)
        }
        self.marks.append((self.whole.count, first + samples.count))
    }

    /// A sequence none of whose samples can be used is none.
    private mutating func extend(_ key: String, by samples: Range<Int>) {
        guard !samples.isEmpty else { return }
        let numbers = samples.map { Int32($0) }
        if let known = self.open[key] {
            self.sequences[known].samples += numbers
        } else {
            self.open[key] = self.sequences.count
            self.sequences.append(Sequence(samples: numbers))
        }
    }

    /// The number of sequences that go on after all shards.
    var openCount: Int { self.open.count }

    /// The sequences of the first so many shards: those that are whole, in the order in which they came to be; behind
    /// them, where the set is taken as finished, those that go on, as far as they are there.
    func stock(shards: Int, isFinished: Bool) -> SequenceStock {
        let mark = self.marks[shards]
        var stock = SequenceStock(wholeCount: mark.whole)
        guard isFinished else { return stock }
        for sequence in self.sequences where sequence.endShard.map({ $0 >= shards }) ?? true {
            let there = sequence.samples.prefix { $0 < mark.samples }
            if there.isEmpty { break }
            stock.open.append(Array(there))
        }
        return stock
    }

    /// The numbers of the samples of a sequence, by its number in a stock.
    func samples(of sequence: Int, in stock: SequenceStock) -> [Int32] {
        sequence < stock.wholeCount
            ? self.sequences[self.whole[sequence]].samples : stock.open[sequence - stock.wholeCount]
    }
}

/// The sequences that a segment draws from: numbers of an index, the whole ones first.
struct SequenceStock: Equatable {
    /// The number of those that are whole.
    var wholeCount: Int
    /// The samples of those that go on, as far as they are there.
    var open: [[Int32]] = []

    /// The number of all.
    var count: Int { self.wholeCount + self.open.count }
}
