// SPDX-License-Identifier: Apache-2.0

/// A matrix that a step of a tape makes or takes.
public struct TapeValue: Hashable, Sendable {
    let index: Int
    /// The number of rows: the channels of a picture, or tokens.
    public let rows: Int
    /// The number of columns: the cells of a picture, or features.
    public let columns: Int
}

/// A picture on a tape: a row a channel, cells line by line.
public struct TapeImage: Hashable, Sendable {
    /// Its cells by channel.
    public let value: TapeValue
    /// The lines.
    public let height: Int
    /// The cells of a line.
    public let width: Int
    /// The channels.
    public var channels: Int { self.value.rows }

    /// Reads a matrix of `height` × `width` columns as a picture.
    public init(_ value: TapeValue, height: Int, width: Int) {
        precondition(value.columns == height * width, "\(value.columns) cells are not \(height) × \(width)")
        self.value = value
        self.height = height
        self.width = width
    }
}

/// Floats that a step keeps from its forward to its backward run.
public struct TapeRoom: Hashable, Sendable {
    let index: Int
}

/// One operation of a tape, on the matrices that it was made for.
public protocol TapeStep: Sendable {
    /// Fills the output.
    func forward(_ run: TapeRun)
    /// Adds to the gradients of those inputs that want one, and of the parameters.
    func backward(_ run: TapeRun)
}

/// A network written down once, for one sample of fixed sizes: the steps from its inputs to its outputs, in order.
///
/// The tape knows when each matrix is made and used last, and gives matrices that are not there at the same time the
/// same memory. Backward, the steps run in reverse. It holds no numbers: any thread can run its plan on a workspace of
/// its own.
///
/// ```swift
/// var tape = Tape(isTraining: true)
/// let x = tape.input(rows: 3, columns: 64)
/// let y = tape.activate(.silu, tape.dense(layer, x))
/// tape.keep(y, wantsGradient: true)
/// let plan = tape.plan(&workspacePlan)
/// plan.forward(pass)
/// ```
public struct Tape: Sendable {
    /// The use of a value by the backward run of a step.
    public struct Reads: OptionSet, Sendable {
        /// The bits.
        public let rawValue: Int
        /// Its inputs.
        public static let inputs = Reads(rawValue: 1)
        /// Its output.
        public static let output = Reads(rawValue: 2)

        /// Takes the bits.
        public init(rawValue: Int) { self.rawValue = rawValue }
    }

    struct Value: Sendable {
        let rows: Int, columns: Int
        let producer: Int?
        var wantsGradient: Bool
        var consumers: [Int] = []
        var isKept = false
        var isGiven = false
    }

    struct Entry: Sendable {
        let step: any TapeStep
        let inputs: [Int], output: Int
        let reads: Reads
        let rooms: Range<Int>
    }

    /// Tells whether gradients will be asked for.
    public let isTraining: Bool
    private(set) var values: [Value] = []
    private(set) var entries: [Entry] = []
    private(set) var rooms: [Int] = []
    private(set) var scratchCount = 0

    /// An empty tape.
    public init(isTraining: Bool) { self.isTraining = isTraining }

    /// Adds a matrix that is filled before each run.
    /// - Parameter wantsGradient: whether the gradient at it is read after a backward run.
    public mutating func input(rows: Int, columns: Int, wantsGradient: Bool = false) -> TapeValue {
        self.values.append(
            Value(rows: rows, columns: columns, producer: nil, wantsGradient: wantsGradient && self.isTraining))
        return TapeValue(index: self.values.count - 1, rows: rows, columns: columns)
    }

    /// Adds a picture that is filled before each run.
    public mutating func input(
        channels: Int, height: Int, width: Int, wantsGradient: Bool = false
    ) -> TapeImage {
        TapeImage(
            self.input(rows: channels, columns: height * width, wantsGradient: wantsGradient), height: height,
            width: width)
    }

    /// Keeps a value so that it can be read when the forward run is over.
    /// - Parameter wantsGradient: whether the gradient at it is given before the backward run.
    public mutating func keep(_ value: TapeValue, wantsGradient: Bool = false) {
        self.values[value.index].isKept = true
        if wantsGradient, self.isTraining { self.values[value.index].isGiven = true }
    }

    /// Adds a step and its output.
    /// - Parameters:
    ///   - rows: of the output, likewise `columns`.
    ///   - reads: what its backward run looks at, beside the gradient at its output.
    ///   - hasParameters: whether it has parameters that learn.
    ///   - rooms: the floats of each room that it keeps from forward to backward.
    ///   - scratch: the floats that it uses while it runs.
    ///   - make: the step, given its output and rooms.
    public mutating func record(
        rows: Int, columns: Int, inputs: [TapeValue], reads: Reads, hasParameters: Bool = false, rooms: [Int] = [],
        scratch: Int = 0, _ make: (TapeValue, [TapeRoom]) -> any TapeStep
    ) -> TapeValue {
        let number = self.entries.count, output = self.values.count, first = self.rooms.count
        let wants = self.isTraining && (hasParameters || inputs.contains { self.values[$0.index].wantsGradient })
        self.rooms += rooms
        self.scratchCount = max(self.scratchCount, scratch)
        self.values.append(Value(rows: rows, columns: columns, producer: number, wantsGradient: wants))
        for input in inputs { self.values[input.index].consumers.append(number) }
        let value = TapeValue(index: output, rows: rows, columns: columns)
        self.entries.append(
            Entry(
                step: make(value, (first..<self.rooms.count).map { TapeRoom(index: $0) }),
                inputs: inputs.map(\.index), output: output, reads: reads, rooms: first..<self.rooms.count))
        return value
    }
}
