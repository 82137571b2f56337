// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// The layers from a window's pixels to logits, and one slot's pass through them.
struct VideoNetwork: Sendable {
    let description: VideoDescription
    let encoder: VideoEncoder
    let head: ForecastHead
    let layout: ParameterLayout

    /// The place of one window's values.
    struct Plan: Sendable {
        let workspace: WorkspacePlan
        fileprivate let pixels: [FloatSlot], clips: FloatSlot, dclips: FloatSlot
        fileprivate let encoder: [VideoEncoder.Cache]
        let head: ForecastHead.Cache
    }

    init(_ description: VideoDescription) {
        var layout = ParameterLayout(decays: { !$0.contains("bn") }), sites = DropoutSites()
        self.description = description
        self.encoder = VideoEncoder(description.encoder, in: &layout, sites: &sites)
        self.head = ForecastHead(description.forecast, &sites, in: &layout)
        self.layout = layout
    }

    private var inputs: Int { self.description.forecast.inputs }
    private var width: Int { self.description.forecast.width }

    /// - Parameter training: whether gradients are asked for; without, all clips share their room.
    func plan(training: Bool) -> Plan {
        var plan = WorkspacePlan()
        let pixels = (0..<(training ? self.inputs : 1)).map { _ in plan.floats(self.encoder.pixelCount) }
        let clips = plan.floats(self.inputs * self.width), dclips = plan.floats(self.inputs * self.width)
        let head = self.head.plan(&plan, samples: 1)
        let encoder = (0..<(training ? self.inputs : 1)).map { _ in self.encoder.plan(&plan, training: training) }
        return Plan(workspace: plan, pixels: pixels, clips: clips, dclips: dclips, encoder: encoder, head: head)
    }

    /// The passes of one window. Masks are drawn by a pass's number, so that each input has a pass of its own.
    struct Passes {
        var head: ForecastHead.Passes
        /// By the input's place.
        var clips: [Pass]
    }

    /// One window on its way.
    struct Window {
        /// Writes the normalized pixels of one of its inputs.
        var fill: (Int, UnsafeMutablePointer<Float>) -> Void
        /// The ranks of its inputs, in time order.
        var ranks: [Int]
        /// Tells whether another clip begins with it.
        var begins: Bool
        /// The number of the window in the batch.
        var sample: Int
        var paths: DropPath?
    }

    /// Leaves logits in the plan's head. Memory moves on.
    /// - Returns: the clips that were encoded now, each with its place among the inputs; the others' features are
    ///   remembered.
    func forward(
        _ window: Window, _ stream: VideoStream, _ plan: Plan, _ passes: Passes
    ) -> [(place: Int, clip: VideoEncoder.Clip)] {
        let pass = passes.head.head, rows = pass.matrix(plan.clips, rows: self.inputs, columns: self.width)
        stream.enter(begins: window.begins || !self.description.memory.followsClips)
        let known = stream.recall(window.ranks, into: rows)
        var clips: [(place: Int, clip: VideoEncoder.Clip)] = []
        for place in 0..<self.inputs where !known[place] {
            let room = plan.encoder.count > 1 ? place : 0, pixels = pass[plan.pixels[room]]
            window.fill(place, pixels)
            var clip = VideoEncoder.Clip(
                pixels: pixels, video: stream.video, memory: stream.memory, paths: window.paths,
                sample: window.sample * self.inputs + place)
            let features = rows.rows(place..<place + 1)
            self.encoder.forward(&clip, into: features, cache: plan.encoder[room], passes.clips[place])
            clips.append((place, clip))
        }
        stream.remember(window.ranks, rows)
        self.head.forward(rows, cache: plan.head, passes.head)
        return clips
    }

    /// Adds up the gradients, after `forward` with a plan for training and the head's loss. Memory has none.
    func backward(
        _ clips: [(place: Int, clip: VideoEncoder.Clip)], _ plan: Plan, _ passes: Passes
    ) {
        let dclips = passes.head.head.matrix(plan.dclips, rows: self.inputs, columns: self.width)
        self.head.backward(dclips: dclips, cache: plan.head, passes.head)
        for (place, clip) in clips.reversed() {
            self.encoder.backward(
                clip, dfeatures: dclips.rows(place..<place + 1), cache: plan.encoder[place], passes.clips[place])
        }
    }
}

/// Everything that lasts of one slot's stream of clips: the encoder's memory, and the features of the last segments, so
/// that each segment is encoded once.
///
/// `@unchecked Sendable`: one thread works on a stream at a time.
final class VideoStream: @unchecked Sendable {
    let memory: ClipMemory?
    /// The number of the video, whether there are features, the ranks of those, then the features.
    let recent: FloatBuffer
    private let inputs: Int, width: Int

    init(_ network: VideoNetwork) {
        self.memory = network.encoder.makeMemory()
        self.inputs = network.description.forecast.inputs
        self.width = network.description.forecast.width
        self.recent = FloatBuffer(count: 2 + self.inputs * (1 + self.width))
    }

    /// The number of the video, which tells videos of a stream apart.
    var video: Int { Int(self.recent.start[0]) }

    private var hasRecent: Bool {
        get { self.recent.start[1] != 0 }
        set { self.recent.start[1] = newValue ? 1 : 0 }
    }

    private func features(_ index: Int) -> UnsafeMutablePointer<Float> {
        self.recent.start + 2 + self.inputs + index * self.width
    }

    /// Ranks as a float holds them exactly.
    private static func number(_ rank: Int) -> Float { Float(rank & 0xff_ffff) }

    /// Forgets everything.
    func clear() {
        self.recent.clear()
        self.memory?.clear()
    }

    func enter(begins: Bool) {
        guard begins else { return }
        self.recent.start[0] = Float((self.video + 1) % ClipMemory.videosMax)
        self.hasRecent = false
    }

    /// Copies the features of segments that were encoded before.
    /// - Returns: which were.
    func recall(_ ranks: [Int], into rows: Matrix) -> [Bool] {
        guard self.hasRecent, self.memory != nil else { return ranks.map { _ in false } }
        return ranks.enumerated().map { place, rank in
            for index in 0..<self.inputs where self.recent.start[2 + index] == Self.number(rank) {
                rows.row(place).update(from: self.features(index), count: self.width)
                return true
            }
            return false
        }
    }

    func remember(_ ranks: [Int], _ rows: Matrix) {
        for (index, rank) in ranks.enumerated() {
            self.recent.start[2 + index] = Self.number(rank)
            self.features(index).update(from: rows.row(index), count: self.width)
        }
        self.hasRecent = true
    }

    /// Says what is wrong with what a checkpoint held, or nothing.
    func problem() -> String? {
        let head = self.recent.values(0..<2)
        guard head.allSatisfy({ $0 >= 0 && $0 < Float(ClipMemory.videosMax) && $0 == $0.rounded() }), head[1] <= 1
        else { return "the recent features of a stream do not say whose they are" }
        return self.memory?.problem()
    }
}
