// SPDX-License-Identifier: Apache-2.0

/// The places of a tape's matrices in a workspace, and its runs.
///
/// Time: step i of n runs forward at i and backward at 2n − i; between the two, at n, outputs are read and their
/// gradients given.
public struct TapePlan: Sendable {
    private let entries: [Tape.Entry]
    fileprivate let values: [FloatSlot?], gradients: [FloatSlot?], rooms: [FloatSlot?]
    fileprivate let scratch: FloatSlot
    /// The steps that run backward, and the gradients that are zeroed before each.
    private let backwards: [Bool], clears: [[Int]]
    private let isTraining: Bool

    /// A time in which a matrix holds its place.
    private struct Span {
        var count: Int
        var first: Int, last: Int
    }

    init(_ tape: Tape, in plan: inout WorkspacePlan) {
        let n = tape.entries.count, backwards = Self.backwards(tape)
        var clears = [[Int]](repeating: [], count: n)
        var values: [Span?] = [], gradients: [Span?] = [], rooms: [Span?] = []
        for (index, value) in tape.values.enumerated() {
            let count = value.rows * value.columns, made = value.producer
            var last = max(made ?? -1, value.consumers.max() ?? -1)
            if tape.isTraining {
                for consumer in value.consumers
                where backwards[consumer] && tape.entries[consumer].reads.contains(.inputs) {
                    last = max(last, 2 * n - consumer)
                }
                if let made, backwards[made], tape.entries[made].reads.contains(.output) {
                    last = max(last, 2 * n - made)
                }
            }
            values.append(Span(count: count, first: made ?? -1, last: value.isKept ? Int.max : last))
            let learners = value.consumers.filter { backwards[$0] }
            guard value.wantsGradient, value.isGiven || !learners.isEmpty else {
                gradients.append(nil)
                continue
            }
            let first = value.isGiven ? n : 2 * n - (learners.max() ?? 0)
            if !value.isGiven, let learner = learners.max() { clears[learner].append(index) }
            gradients.append(Span(count: count, first: first, last: made.map { 2 * n - $0 } ?? Int.max))
        }
        for (number, entry) in tape.entries.enumerated() {
            for room in entry.rooms {
                rooms.append(
                    Span(count: tape.rooms[room], first: number, last: backwards[number] ? 2 * n - number : number))
            }
        }
        let (places, total) = Self.arrange(values + gradients + rooms)
        let whole = plan.floats(total)
        let slots = zip(places, values + gradients + rooms).map { place, span in
            place.map { FloatSlot(offset: whole.offset + $0 * MemoryLayout<Float>.size, count: span?.count ?? 0) }
        }
        self.values = Array(slots[0..<values.count])
        self.gradients = Array(slots[values.count..<2 * values.count])
        self.rooms = Array(slots[(2 * values.count)...])
        self.scratch = plan.floats(tape.scratchCount)
        self.entries = tape.entries
        self.backwards = backwards
        self.clears = clears
        self.isTraining = tape.isTraining
    }

    /// Tells of each step whether a gradient comes to it.
    private static func backwards(_ tape: Tape) -> [Bool] {
        var result = [Bool](repeating: false, count: tape.entries.count)
        for (number, entry) in tape.entries.enumerated().reversed() {
            let output = tape.values[entry.output]
            result[number] = output.wantsGradient && (output.isGiven || output.consumers.contains { result[$0] })
        }
        return result
    }

    /// Offsets at which no two spans overlap both in time and in place: the largest first, each in the lowest gap.
    private static func arrange(_ spans: [Span?]) -> (places: [Int?], total: Int) {
        let order = spans.indices.filter { spans[$0] != nil }
            .sorted { (-(spans[$0]?.count ?? 0), $0) < (-(spans[$1]?.count ?? 0), $1) }
        var places = [Int?](repeating: nil, count: spans.count), total = 0
        var placed: [(range: Range<Int>, span: Span)] = []
        for index in order {
            guard let span = spans[index] else { continue }
            let size = (span.count + 15) / 16 * 16
            var offset = 0
            // By offset, so that the first gap is the lowest.
            for other in placed where other.span.first <= span.last && span.first <= other.span.last {
                if offset + size <= other.range.lowerBound { break }
                offset = max(offset, other.range.upperBound)
            }
            let range = offset..<offset + size
            placed.insert((range, span), at: placed.firstIndex { $0.range.lowerBound > offset } ?? placed.count)
            places[index] = offset
            total = max(total, range.upperBound)
        }
        return (places, total)
    }

    /// Fills all values from the inputs.
    public func forward(_ pass: Pass) {
        let run = TapeRun(pass: pass, plan: self)
        for entry in self.entries { entry.step.forward(run) }
    }

    /// Adds up the gradients of the parameters and of the inputs, after `forward`, from those of the outputs.
    public func backward(_ pass: Pass) {
        precondition(self.isTraining, "a tape for training")
        let run = TapeRun(pass: pass, plan: self)
        for number in self.entries.indices.reversed() where self.backwards[number] {
            for index in self.clears[number] {
                guard let slot = self.gradients[index] else { continue }
                pass[slot].update(repeating: 0, count: slot.count)
            }
            self.entries[number].step.backward(run)
        }
    }

    /// A value, as long as it is there: an input before a forward run, an output after it.
    public func value(_ value: TapeValue, _ pass: Pass) -> Matrix { TapeRun(pass: pass, plan: self).value(value) }

    /// The gradient at a value: at an output, to be given before a backward run; at an input, to be read after it.
    /// - Precondition: it was asked for when the tape was written.
    public func gradient(_ value: TapeValue, _ pass: Pass) -> Matrix {
        guard let gradient = TapeRun(pass: pass, plan: self).gradient(value) else {
            preconditionFailure("no gradient is kept at this value")
        }
        return gradient
    }
}

extension Tape {
    /// Reserves the memory of a run.
    public func plan(_ plan: inout WorkspacePlan) -> TapePlan { TapePlan(self, in: &plan) }
}

/// A run of a tape: what its steps work on.
public struct TapeRun {
    /// The parameters, gradients and workspace.
    public let pass: Pass
    let plan: TapePlan

    /// A value's numbers.
    public func value(_ value: TapeValue) -> Matrix {
        guard let slot = self.plan.values[value.index] else { preconditionFailure("a value without a place") }
        return self.pass.matrix(slot, rows: value.rows, columns: value.columns)
    }

    /// The gradient at a value, to be added to; `nil` where none is wanted.
    public func gradient(_ value: TapeValue) -> Matrix? {
        self.plan.gradients[value.index].map { self.pass.matrix($0, rows: value.rows, columns: value.columns) }
    }

    /// The gradient at a step's output, which is there while the step runs backward.
    func upstream(_ value: TapeValue) -> Matrix {
        guard let gradient = self.gradient(value) else { preconditionFailure("a step without a gradient ran backward") }
        return gradient
    }

    /// The floats of a room.
    public func room(_ room: TapeRoom) -> UnsafeMutablePointer<Float> {
        guard let slot = self.plan.rooms[room.index] else { preconditionFailure("a room without a place") }
        return self.pass[slot]
    }

    /// The floats that a step has while it runs.
    public var scratch: UnsafeMutablePointer<Float> { self.pass[self.plan.scratch] }
}
