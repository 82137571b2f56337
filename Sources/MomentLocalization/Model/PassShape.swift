// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// The sizes of a pass. The parts of the network share them, the masks, and memory that no part keeps.
struct PassShape: Hashable, Sendable {
    /// Samples of a micro-batch, at most.
    var samples: Int
    /// Video bins, padding included.
    var video: Int
    /// Query tokens, padding included.
    var text: Int
    /// Characters of a word, padding included.
    var word: Int

    /// The least shape that both fit in.
    func union(_ other: PassShape) -> PassShape {
        PassShape(
            samples: max(self.samples, other.samples), video: max(self.video, other.video),
            text: max(self.text, other.text), word: max(self.word, other.word))
    }
}

/// Memory that every part may use between its own first and last line.
struct Scratch: Sendable {
    /// (rows, d), three times.
    let first: FloatSlot, second: FloatSlot, third: FloatSlot
    /// (rows, 3d).
    let projected: FloatSlot
    /// Scratch memory for kernels.
    let kernel: FloatSlot

    init(_ plan: inout WorkspacePlan, samples: Int, length: Int, width: Int, kernel: Int) {
        let count = samples * length * width
        self.first = plan.floats(count)
        self.second = plan.floats(count)
        self.third = plan.floats(count)
        self.projected = plan.floats(3 * count)
        self.kernel = plan.floats(kernel)
    }
}

/// The places of padded sequences that are padding.
struct PaddingMask {
    /// The padded length.
    let length: Int
    /// (samples, length): 0, or −1e30 on padding. Added to scores and logits.
    let bias: UnsafeMutablePointer<Float>
    /// Tells whether there is any padding.
    let isNeeded: Bool

    /// The bias that attention adds for its keys.
    var keyBias: UnsafeMutablePointer<Float>? { self.isNeeded ? self.bias : nil }

    /// Writes the mask of `lengths` into `bias`.
    init(lengths: some Collection<Int>, length: Int, bias: UnsafeMutablePointer<Float>) {
        self.length = length
        self.bias = bias
        var isNeeded = false
        for (sample, valid) in lengths.enumerated() {
            for place in 0..<length { bias[sample * length + place] = place < valid ? 0 : -1e30 }
            isNeeded = isNeeded || valid < length
        }
        self.isNeeded = isNeeded
    }

    /// Tells whether a place of a sample is not padding.
    func isValid(_ sample: Int, _ place: Int) -> Bool { self.bias[sample * self.length + place] == 0 }
}
