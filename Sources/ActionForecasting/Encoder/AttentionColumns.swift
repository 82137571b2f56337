// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// The keys that each query may see: a row of 0 and "closed" for the token of the class, and one for each frame.
struct AttentionColumns: Sendable {
    private let shape: BlockShape
    private let isCausal: Bool

    init(_ shape: BlockShape, isCausal: Bool) {
        self.shape = shape
        self.isCausal = isCausal
    }

    /// The floats of the rows for `columns` keys.
    func count(columns: Int) -> Int { (self.shape.queryGrid.time + 1) * columns }

    /// Fills the rows where some keys are closed.
    /// - Returns: whether some are.
    func fill(
        _ rows: UnsafeMutablePointer<Float>, columns: Int, _ entries: [Recall.Entry]
    ) -> Bool {
        guard self.isCausal || entries.contains(where: \.isClosed) else { return false }
        let frame = self.shape.keyGrid.height * self.shape.keyGrid.width
        for row in 0...self.shape.queryGrid.time {
            let bias = rows + row * columns
            bias.update(repeating: 0, count: columns)
            if self.isCausal {
                // The token of the class holds all frames, and sees them; no other query sees it, nor does it itself.
                bias[0] = MaskedSoftmax.closed
                if row > 0 {
                    let first = 1 + row * frame
                    (bias + first).update(repeating: MaskedSoftmax.closed, count: self.shape.keys - first)
                }
            }
            for (number, entry) in entries.enumerated() where entry.isClosed {
                let first = self.shape.keys + number * self.shape.remembered
                (bias + first).update(repeating: MaskedSoftmax.closed, count: self.shape.remembered)
            }
        }
        return true
    }

    /// Softmax of the scores of the queries from number `first` on.
    func softmax(_ scores: Matrix, first: Int, bias: UnsafePointer<Float>?) {
        guard let bias, self.isCausal else {
            MaskedSoftmax.forward(scores, bias: bias)
            return
        }
        let frame = self.shape.queryGrid.height * self.shape.queryGrid.width
        var row = 0
        while row < scores.rows {
            let query = first + row, group = query == 0 ? 0 : 1 + (query - 1) / frame
            let end = min(scores.rows, group * frame + 1 - first)
            MaskedSoftmax.forward(scores.rows(row..<end), bias: bias + group * scores.columns)
            row = end
        }
    }
}
