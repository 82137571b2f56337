// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Sizes along time, height and width: of a grid, of a window over it, of a step.
public struct GridSize: Hashable, Sendable, Codable {
    /// Along time.
    public var time: Int
    /// Along height.
    public var height: Int
    /// Along width.
    public var width: Int

    /// Puts three sizes together.
    public init(_ time: Int, _ height: Int, _ width: Int) {
        self.time = time
        self.height = height
        self.width = width
    }

    /// The same along all axes.
    public init(all size: Int) { self.init(size, size, size) }

    /// The number of cells.
    public var count: Int { self.time * self.height * self.width }

    /// The sizes in order.
    public var axes: [Int] { [self.time, self.height, self.width] }

    /// Applies a function to each axis of this and another.
    public func map(_ other: GridSize, _ body: (Int, Int) -> Int) -> GridSize {
        GridSize(
            body(self.time, other.time), body(self.height, other.height), body(self.width, other.width))
    }

    var triple: (Int, Int, Int) { (self.time, self.height, self.width) }
}

/// A window that moves over a grid in steps.
public struct GridWindow: Hashable, Sendable {
    /// The cells of the grid.
    public let from: GridSize
    /// The places of the window.
    public let to: GridSize
    /// The window's size.
    public let kernel: GridSize
    /// The steps from place to place.
    public let step: GridSize
    /// The cells by which the first place lies before the grid.
    public let before: GridSize

    /// The places of a window over a grid with padding on both sides.
    public init(over grid: GridSize, kernel: GridSize, step: GridSize, padding: GridSize) {
        let room = grid.map(padding) { $0 + 2 * $1 }.map(kernel) { $0 - $1 }
        self.from = grid
        self.to = room.map(step) { $0 >= 0 ? $0 / $1 + 1 : 0 }
        self.kernel = kernel
        self.step = step
        self.before = padding
    }

    /// A window padded by half its size; `causal`: along time it looks back alone, one place a cell.
    public init(over grid: GridSize, kernel: GridSize, step: GridSize, causal: Bool = false) {
        var half = kernel.map(kernel) { size, _ in size / 2 }
        let whole = GridWindow(over: grid, kernel: kernel, step: step, padding: half)
        var to = whole.to
        if causal {
            precondition(step.time == 1, "a causal window takes every cell of time")
            half.time = kernel.time - 1
            to.time = grid.time
        }
        self.init(from: grid, to: to, kernel: kernel, step: step, before: half)
    }

    private init(from: GridSize, to: GridSize, kernel: GridSize, step: GridSize, before: GridSize) {
        self.from = from
        self.to = to
        self.kernel = kernel
        self.step = step
        self.before = before
    }

    var raw: ck_window {
        ck_window(
            from: self.from.triple, to: self.to.triple, kernel: self.kernel.triple, step: self.step.triple,
            before: self.before.triple)
    }
}
