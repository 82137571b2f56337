// SPDX-License-Identifier: Apache-2.0

import CKernels

/// A table with a row for each id: PyTorch's `Embedding`.
public struct Embedding: Sendable {
    /// (rows, width).
    public let weight: Parameter
    /// The number of rows.
    public let rows: Int
    /// The columns.
    public let width: Int
    private let paddingIndex: Int32?

    /// Adds `NAME.weight`, normally distributed. The row of `paddingIndex` has no gradient; row 0 begins at zero then.
    public init(_ name: String, rows: Int, width: Int, paddingIndex: Int32? = nil, in layout: inout ParameterLayout) {
        precondition(paddingIndex == nil || paddingIndex == 0, "only row 0 can stand for padding")
        self.weight = layout.add("\(name).weight", [rows, width], .normal(zeroRows: paddingIndex == nil ? 0 : 1))
        self.rows = rows
        self.width = width
        self.paddingIndex = paddingIndex
    }

    /// y (n, width) = the rows of n ids.
    /// - Precondition: ids are within the table.
    public func forward(_ ids: UnsafeBufferPointer<Int32>, into y: Matrix, _ pass: Pass) {
        let table = pass.value(self.weight)
        for (index, id) in ids.enumerated() {
            precondition(id >= 0 && id < self.rows, "id \(id) in a table of \(self.rows)")
            y.row(index).update(from: table + Int(id) * self.width, count: self.width)
        }
    }

    /// The gradient of the table += dy's rows.
    public func backward(_ ids: UnsafeBufferPointer<Int32>, dy: Matrix, _ pass: Pass) {
        let gradient = pass.gradient(self.weight)
        for (index, id) in ids.enumerated() where id != self.paddingIndex {
            ck_add_scaled(dy.row(index), 1, gradient + Int(id) * self.width, self.width)
        }
    }

    /// y = x + the row of each place in its sequence; x, y (sequences · length, width).
    public func addPositions(_ x: Matrix, into y: Matrix, length: Int, _ pass: Pass) {
        precondition(length <= self.rows, "a sequence of \(length), positions for \(self.rows)")
        for first in stride(from: 0, to: x.rows, by: length) {
            ck_add(x.row(first), pass.value(self.weight), y.row(first), length * self.width)
        }
    }

    /// The gradient of the rows that `addPositions` added.
    public func addPositionGradient(_ dy: Matrix, length: Int, _ pass: Pass) {
        for first in stride(from: 0, to: dy.rows, by: length) {
            ck_add_scaled(dy.row(first), 1, pass.gradient(self.weight), length * self.width)
        }
    }
}
