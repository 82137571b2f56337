// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Synchronization
public import Threads
public import Training

/// The way from windows to what the network takes, as far as that decides the bits.
public struct VideoPreparation: RunSettings {
    /// The share of a weight that is added to its gradient.
    public var weightDecay = 1e-4

    /// The defaults.
    public init() {}

    /// Each setting as it was given, by the option that sets it.
    public var settings: [(name: String, value: String)] { [("--weight-decay", "\(self.weightDecay)")] }

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        self.weightDecay >= 0 && self.weightDecay <= 1 ? nil : "--weight-decay is from 0 to 1, not \(self.weightDecay)"
    }
}

/// Windows with their pixels, one a slot.
public struct VideoBatch: Sendable {
    /// A window.
    public struct Window: Sendable {
        /// The challenge's name for it.
        public var key: String
        /// The slot of the batch, whose memory it goes through.
        public var slot: Int
        /// Tells whether another clip begins with it.
        public var begins: Bool
        /// The pixels of its inputs, in time order.
        public var segments: [ClipFrames.Segment]
        /// The ranks of its inputs.
        public var ranks: [Int]
        /// The actions to learn; empty where they are not told.
        public var truth: [Action]

        func window(_ sample: Int, _ encoder: EncoderConfiguration, _ paths: DropPath?) -> VideoNetwork.Window {
            let transform = VideoTransform(frames: encoder.frames, shortSide: encoder.side, side: encoder.side)
            return VideoNetwork.Window(
                fill: { place, pixels in transform.apply(self.segments[place], into: pixels) }, ranks: self.ranks,
                begins: self.begins, sample: sample, paths: paths)
        }
    }

    /// The windows.
    public var windows: [Window]

    /// Puts windows together.
    public init(_ windows: [Window]) { self.windows = windows }
}

/// Turns windows into batches: the pixels of each clip, and the actions to learn.
public struct VideoLoader: BatchLoading {
    /// The pixels.
    public let frames: ClipFrames
    private let description: VideoDescription

    init(frames: ClipFrames, description: VideoDescription) {
        self.frames = frames
        self.description = description
    }

    /// Tells whether a window's clip has pixels, and as many inputs as the network takes.
    public func has(_ window: ForecastWindow) -> Bool {
        window.inputs.count == self.description.forecast.inputs && self.frames.has(window.clipUID)
    }

    /// The actions to learn from a window; `nil` where they are not told.
    func truth(of window: ForecastWindow) -> [Action]? {
        self.description.subject == .future ? window.future : window.inputs.last?.action.map { [$0] }
    }

    /// The batch of a step.
    /// - Throws: `ForecastError` or `TensorFileError` where pixels are missing or damaged.
    public func batch(_ draws: [Draw<ForecastWindow>], _ key: StepKey, on team: ThreadTeam) throws -> VideoBatch {
        let results = Board<Result<VideoBatch.Window, any Error>?>(nil, count: draws.count)
        let next = Atomic<Int>(0)
        team.run(draws.count) { _ in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < draws.count else { return }
                results.set(index, Result { try self.window(draws[index]) })
            }
        }
        return VideoBatch(try results.all.compactMap { try $0?.get() })
    }

    private func window(_ draw: Draw<ForecastWindow>) throws -> VideoBatch.Window {
        let window = draw.sample, ranks = window.inputs.map(\.rank)
        guard ranks.count == self.description.forecast.inputs else {
            throw ForecastError(
                "window \(window.key) has \(ranks.count) inputs, and the network takes "
                    + "\(self.description.forecast.inputs)"
            )
        }
        return VideoBatch.Window(
            key: window.key, slot: draw.slot, begins: draw.beginsSequence,
            segments: try self.frames.segments(window.clipUID, ranks), ranks: ranks, truth: self.truth(of: window) ?? []
        )
    }
}
