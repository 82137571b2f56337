// SPDX-License-Identifier: Apache-2.0

import CKernels

/// A place where dropout acts: one call of one dropout module.
public struct DropoutSite: Hashable, Sendable {
    /// The number of the site in its model, which its random numbers depend on.
    public let index: UInt32
    /// The official module's name and the number of its call in a forward pass, such as `cq_attention.dropout.0`.
    public let name: String
}

/// Hands out a model's dropout sites in order.
public struct DropoutSites: Sendable {
    private var count: UInt32 = 0

    /// No sites.
    public init() {}

    /// The next site.
    public mutating func add(_ name: String) -> DropoutSite {
        defer { self.count += 1 }
        return DropoutSite(index: self.count, name: name)
    }
}

/// The choice of activations that a training step drops.
///
/// Random masks are a function of key, step, site, the sample's place in the batch and the element: no state, so that
/// threads and micro-batches do not change them, and a checkpoint has nothing more to store than key and step.
public struct Dropout: Sendable {
    /// The source of masks.
    public enum Source: Sendable {
        /// Philox under `key`.
        case random(key: UInt64, step: UInt32)
        /// Bytes by site, 1 = kept, for the whole batch, sample after sample, each laid out as the activation is. For
        /// tests.
        case given([String: [UInt8]])
    }

    /// The share that is dropped, from 0 to below 1, to a multiple of 2⁻¹⁶.
    public let rate: Double
    /// The source of masks.
    public let source: Source

    /// Creates dropout of a rate.
    /// - Precondition: 0 ≤ rate < 1.
    public init(rate: Double, source: Source) {
        precondition(rate >= 0 && rate < 1, "a dropout rate of \(rate)")
        self.rate = rate
        self.source = source
    }

    /// The factor of the kept activations.
    public var scale: Float { Float(1 / (1 - self.rate)) }

    /// Writes the masks of `samples` samples from number `first` on, `count` bytes each.
    func fill(_ mask: UnsafeMutablePointer<UInt8>, site: DropoutSite, first: Int, samples: Int, count: Int) {
        switch self.source {
        case .random(let key, let step):
            let keep = UInt32(((1 - self.rate) * 65536).rounded())
            for sample in 0..<samples {
                ck_dropout_mask(
                    mask + sample * count, count, keep, key, site.index, UInt32(first + sample), step)
            }
        case .given(let masks):
            guard let given = masks[site.name], given.count >= (first + samples) * count else {
                preconditionFailure("no mask of the right size was given for \(site.name)")
            }
            given.withUnsafeBufferPointer { buffer in
                guard let start = buffer.baseAddress else { return }
                mask.update(from: start + first * count, count: samples * count)
            }
        }
    }
}
