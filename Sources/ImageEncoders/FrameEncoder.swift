// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Synchronization
public import Threads

/// Encodes pictures side by side, one on each thread: the features do not depend on the number of threads.
public final class FrameEncoder: Sendable {
    /// The encoder.
    public let encoder: VisionTransformer
    /// The states that grids are taken of.
    public let layer: VisionLayer
    /// The cells along each side of each grid.
    public let grids: [Int]
    /// The pictures that are encoded at a time.
    public var threads: Int { self.team.count }
    private let team: ThreadTeam
    private let scratches: [ThreadRoom]

    /// Starts threads for an encoder.
    /// - Precondition: the encoder has the layer and the grids (`VisionTransformer.problem`).
    /// - Throws: `ThreadError` where the system has fewer threads.
    public init(
        _ encoder: VisionTransformer, threads: Int, layer: VisionLayer = .last, grids: [Int] = []
    ) throws(ThreadError) {
        precondition(encoder.problem(layer: layer, grids: grids) == nil, "a layer and grids of this encoder")
        self.encoder = encoder
        self.layer = layer
        self.grids = grids
        self.team = try ThreadTeam(count: threads)
        self.scratches = (0..<max(threads, 1)).map { _ in ThreadRoom(encoder) }
    }

    /// The features of pictures, in their order.
    /// - Parameter pictures: each (3, side, side), scaled as `VisionForm.scaling` says.
    public func encode(_ pictures: [[Float]]) -> [PictureFeatures] {
        self.encode(pictures.count) { pictures[$0] }
    }

    /// The features of pictures that are made on the thread that encodes them.
    /// - Parameter pixels: makes the picture of a number below `count`.
    public func encode(_ count: Int, _ pixels: @Sendable (Int) -> [Float]) -> [PictureFeatures] {
        let results = Mutex([PictureFeatures?](repeating: nil, count: count)), next = Atomic(0)
        _ = BLAS.coreType
        self.team.run(min(self.threads, count)) { number in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < count else { return }
                let features = self.scratches[number].use { scratch in
                    self.encoder.encode(pixels(index), layer: self.layer, grids: self.grids, in: scratch)
                }
                results.withLock { $0[index] = features }
            }
        }
        return results.withLock { $0.compactMap(\.self) }
    }
}

/// The room of one of the threads, made when it is first needed.
///
/// `@unchecked Sendable`: a team does one piece of work at a time, and each of its threads uses the room of its number.
private final class ThreadRoom: @unchecked Sendable {
    private let encoder: VisionTransformer
    private lazy var scratch = VisionScratch(self.encoder)

    init(_ encoder: VisionTransformer) { self.encoder = encoder }

    func use(_ body: (VisionScratch) -> PictureFeatures) -> PictureFeatures { body(self.scratch) }
}
