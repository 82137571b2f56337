// SPDX-License-Identifier: Apache-2.0

import Threads

/// Sums the gradients of a step's parts in a fixed tree, while they are computed: pairs, then pairs of pairs, whatever
/// the threads, so that one thread and many give the same bits.
///
/// A sum takes the place of its left part, and frees that of its right one: n parts on t threads need
/// ⌈log₂ n⌉ + t buffers. A part is begun only with a buffer for it, and in order: those that are under way can be
/// finished, and when they are, so few sums are left that there are buffers again.
///
/// ```swift
/// tree.begin(parts: 8)
/// team.run(8) { thread in
///     while let part = tree.take() { differentiate(part.index, into: part.buffer); tree.finish(part) }
/// }
/// // tree.sum holds the sum.
/// ```
///
/// `@unchecked Sendable`: what changes is touched while the lock is held, and a buffer by the one thread that was given
/// it.
public final class GradientTree: @unchecked Sendable {
    /// A part that is under way, and where its gradients go. They are zero at first.
    public struct Part {
        /// The part's number.
        public let index: Int
        /// The place of its gradients.
        public let buffer: FloatBuffer
    }

    /// Sums of neighbouring parts, the first of which it is filed under.
    private struct Subtotal {
        var buffer: FloatBuffer
        /// The parts that the tree is wide at this height; at its right edge fewer are there.
        var span: Int
    }

    /// The sum of all parts, once all are finished.
    public let sum: FloatBuffer
    private let lock = ConditionLock()
    private var free: [FloatBuffer] = []
    private var others: [FloatBuffer] = []
    private var waiting: [Subtotal?] = []
    private var parts = 0
    private var next = 0

    /// Creates a tree of sums of so many floats each.
    public init(count: Int) { self.sum = FloatBuffer(count: count) }

    /// The number of buffers.
    var bufferCount: Int { self.others.count + 1 }

    /// Prepares for a step.
    /// - Parameters:
    ///   - parts: how many, at least one.
    ///   - threads: how many may be under way at once.
    /// - Returns: whether there is memory for it.
    public func begin(parts: Int, threads: Int) -> Bool {
        let depth = Int.bitWidth - (parts - 1).leadingZeroBitCount
        while self.bufferCount < min(parts, depth + threads) {
            guard let buffer = FloatBuffer.allocate(count: self.sum.count) else { return false }
            self.others.append(buffer)
        }
        self.free = self.others
        self.parts = parts
        self.next = 0
        if self.waiting.count < parts { self.waiting = Array(repeating: nil, count: parts) }
        return true
    }

    /// The next part; `nil` where all are taken. Waits for a buffer.
    public func take() -> Part? {
        self.lock.hold()
        while self.next > 0, self.next < self.parts, self.free.isEmpty { self.lock.wait() }
        guard self.next < self.parts else {
            self.lock.release()
            return nil
        }
        // The first part's buffer is the left one of every sum that it goes into.
        let buffer = self.next == 0 ? self.sum : self.free.removeLast()
        let part = Part(index: self.next, buffer: buffer)
        self.next += 1
        self.lock.release()
        part.buffer.clear()
        return part
    }

    /// Adds a part whose gradients are there, as far up as its neighbours are.
    public func finish(_ part: Part) {
        var first = part.index
        var total = Subtotal(buffer: part.buffer, span: 1)
        while total.span < self.parts, let neighbour = self.meet(first, total) {
            if let neighbour, neighbour.first < first {
                neighbour.buffer.add(total.buffer)
                self.release(total.buffer)
                (first, total.buffer) = neighbour
            } else if let neighbour {
                total.buffer.add(neighbour.buffer)
                self.release(neighbour.buffer)
            }
            total.span *= 2
        }
    }

    /// The neighbour that a subtotal is to be added to: `.some(nil)` where it has none, at the right edge; `nil` where
    /// it must wait for its neighbour, which then finds it.
    private func meet(_ first: Int, _ total: Subtotal) -> (first: Int, buffer: FloatBuffer)?? {
        let isLeft = first / total.span % 2 == 0
        let other = isLeft ? first + total.span : first - total.span
        guard other < self.parts else { return .some(nil) }
        self.lock.hold()
        defer { self.lock.release() }
        guard let neighbour = self.waiting[other], neighbour.span == total.span else {
            self.waiting[first] = total
            return nil
        }
        self.waiting[other] = nil
        return (other, neighbour.buffer)
    }

    private func release(_ buffer: FloatBuffer) {
        self.lock.hold()
        self.free.append(buffer)
        self.lock.wakeAll()
        self.lock.release()
    }
}

extension FloatBuffer {
    fileprivate func add(_ other: FloatBuffer) { self.add(other, 0..<self.count) }
}
