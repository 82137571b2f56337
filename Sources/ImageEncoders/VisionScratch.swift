// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// The room in which one picture at a time is encoded. One thread uses it at a time.
public final class VisionScratch {
    private let buffers: [FloatBuffer]
    let hidden, normal, query, key, value, context, inner, scores, patches, statistics: Matrix
    let probe, probeSum: Matrix

    /// Takes the memory that an encoder needs for a picture.
    public init(_ encoder: VisionTransformer) {
        let tokens = encoder.tokens, width = encoder.width
        let patchSize = 3 * encoder.patch * encoder.patch
        let shapes = [
            (tokens, width), (tokens, width), (tokens, width), (tokens, width), (tokens, width), (tokens, width),
            (tokens, encoder.innerWidth), (tokens, tokens), (encoder.patches, patchSize), (tokens, 2), (1, width),
            (1, width),
        ]
        let buffers = shapes.map { FloatBuffer(count: $0.0 * $0.1) }
        self.buffers = buffers
        func matrix(_ index: Int) -> Matrix {
            Matrix(buffers[index].start, rows: shapes[index].0, columns: shapes[index].1)
        }
        self.hidden = matrix(0)
        self.normal = matrix(1)
        self.query = matrix(2)
        self.key = matrix(3)
        self.value = matrix(4)
        self.context = matrix(5)
        self.inner = matrix(6)
        self.scores = matrix(7)
        self.patches = matrix(8)
        self.statistics = matrix(9)
        self.probe = matrix(10)
        self.probeSum = matrix(11)
    }
}
