// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

/// The place of each part of a stream's memory in one buffer of floats, so that a checkpoint can keep it as it is.
///
/// First a head: the number of compressed clips, the oldest's place in the rings, whether there is a clip before, the
/// video of that, and of each place in the rings. Then for each block that remembers: a ring of compressed keys and one
/// of values, and the keys and values of the clip before, which are not compressed yet.
struct MemoryPlan: Hashable, Sendable {
    struct Block: Hashable, Sendable {
        /// The floats of one clip, compressed and not.
        let compressed: Int, whole: Int
        let keys: Int, values: Int, wholeKeys: Int, wholeValues: Int
    }

    /// The clips in a ring.
    let capacity: Int
    /// By number; none for blocks that do not remember.
    let blocks: [Block?]
    let count: Int

    init(_ memory: MemoryConfiguration, _ shapes: [BlockShape]) {
        let capacity = memory.kept - 1
        var count = 4 + capacity
        self.capacity = capacity
        self.blocks = shapes.map { shape in
            guard !memory.excluded.contains(shape.index) else { return nil }
            let compressed = shape.remembered * shape.inputs, whole = shape.keys * shape.inputs
            let block = Block(
                compressed: compressed, whole: whole, keys: count, values: count + capacity * compressed,
                wholeKeys: count + 2 * capacity * compressed, wholeValues: count + 2 * capacity * compressed + whole)
            count = block.wholeValues + whole
            return block
        }
        self.count = count
    }
}

/// The clips that one is encoded beside.
struct Recall: Hashable, Sendable {
    /// A remembered clip.
    struct Entry: Hashable, Sendable {
        /// Its place in the rings; `nil` for the clip before, which is compressed only now.
        var place: Int?
        /// Tells whether it is closed to attention.
        var isClosed: Bool
    }

    /// Oldest first.
    var entries: [Entry] = []
    /// Tells whether there is a clip before.
    var hasBefore = false
    /// The place in the rings that the clip before goes to, once it is compressed; `nil` where there are none.
    var place: Int?

    /// The number of the entry that learns how to compress: the clip before.
    var newest: Int? { self.entries.indices.last.flatMap { self.entries[$0].place == nil ? $0 : nil } }
}

/// The memory of one stream of clips: a ring for each block, in one buffer that a checkpoint keeps.
///
/// `@unchecked Sendable`: one thread encodes a stream at a time.
public final class ClipMemory: @unchecked Sendable {
    /// All of it.
    public let buffer: FloatBuffer
    private let configuration: MemoryConfiguration
    let plan: MemoryPlan

    init(_ configuration: MemoryConfiguration, _ plan: MemoryPlan) {
        self.configuration = configuration
        self.plan = plan
        self.buffer = FloatBuffer(count: plan.count)
    }

    /// Forgets everything.
    public func clear() { self.buffer.clear() }

    /// Videos are told apart by numbers that a float holds exactly.
    public static let videosMax = 1 << 24

    /// The clips that are remembered.
    public var count: Int { self.compressed + (self.hasBefore ? 1 : 0) }

    private var compressed: Int {
        get { Int(self.buffer.start[0]) }
        set { self.buffer.start[0] = Float(newValue) }
    }
    private var oldest: Int {
        get { Int(self.buffer.start[1]) }
        set { self.buffer.start[1] = Float(newValue) }
    }
    private var hasBefore: Bool {
        get { self.buffer.start[2] != 0 }
        set { self.buffer.start[2] = newValue ? 1 : 0 }
    }
    private var videoBefore: Int {
        get { Int(self.buffer.start[3]) }
        set { self.buffer.start[3] = Float(newValue) }
    }
    private func video(_ place: Int) -> Int { Int(self.buffer.start[4 + place]) }

    /// Says what is wrong with the head of a memory that was read, or nothing.
    public func problem() -> String? {
        let head = self.buffer.values(0..<4 + self.plan.capacity)
        let capacity = Float(self.plan.capacity)
        guard head.allSatisfy({ $0 >= 0 && $0 < Float(Self.videosMax) && $0 == $0.rounded() }), head[0] <= capacity,
            head[1] < max(capacity, 1), head[2] <= 1, head[0] == 0 || head[2] == 1
        else { return "the memory of a stream does not say what it holds" }
        return nil
    }

    /// Prepares for a clip of a video.
    func enter(video: Int) -> Recall {
        precondition(video >= 0 && video < Self.videosMax, "video \(video)")
        let before = self.count
        let places = (0..<self.compressed).map { ($0 + self.oldest) % max(self.plan.capacity, 1) }
        switch self.configuration.change {
        case .drop:
            if self.hasBefore, self.videoBefore != video {
                self.compressed = 0
                self.hasBefore = false
            }
        case .zero:
            for place in places where self.video(place) != video { self.zero(place) }
            if self.hasBefore, self.videoBefore != video { self.zero(nil) }
        case .mask: break
        }
        var recall = Recall(hasBefore: self.hasBefore)
        if self.count == before {
            let all =
                places.map { Recall.Entry(place: $0, isClosed: self.isClosed(self.video($0), video)) }
                + (self.hasBefore ? [Recall.Entry(place: nil, isClosed: self.isClosed(self.videoBefore, video))] : [])
            recall.entries = self.configuration.selection(of: before).map { all[$0] }
        }
        if recall.hasBefore, self.plan.capacity > 0 {
            recall.place = (self.oldest + self.compressed) % self.plan.capacity
        }
        return recall
    }

    private func isClosed(_ other: Int, _ video: Int) -> Bool {
        self.configuration.change == .mask && other != video
    }

    /// Clears a clip's keys and values in all blocks: those in the rings, or those of the clip before.
    private func zero(_ place: Int?) {
        for case let block? in self.plan.blocks {
            let count = place == nil ? block.whole : block.compressed
            for start in [self.start(block, keys: true, place), self.start(block, keys: false, place)] {
                start.update(repeating: 0, count: count)
            }
        }
    }

    /// A clip's keys or values in a block: those at a place in the ring, or, for `nil`, those of the clip before.
    func start(_ block: MemoryPlan.Block, keys: Bool, _ place: Int?) -> UnsafeMutablePointer<Float> {
        guard let place else { return self.buffer.start + (keys ? block.wholeKeys : block.wholeValues) }
        return self.buffer.start + (keys ? block.keys : block.values) + place * block.compressed
    }

    /// Takes note of a clip that all blocks have put into the memory.
    func leave(_ recall: Recall, video: Int) {
        if let place = recall.place {
            self.buffer.start[4 + place] = Float(self.videoBefore)
            if self.compressed == self.plan.capacity {
                self.oldest = (self.oldest + 1) % self.plan.capacity
            } else {
                self.compressed += 1
            }
        }
        self.hasBefore = true
        self.videoBefore = video
    }
}
