// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A place for floats in every workspace of a plan.
public struct FloatSlot: Sendable {
    let offset: Int
    /// The number of floats.
    public let count: Int
}

/// A place for bytes, such as a dropout mask, in every workspace of a plan.
public struct ByteSlot: Sendable {
    let offset: Int
    /// The number of bytes.
    public let count: Int
}

/// The place of each activation, decided once for the largest micro-batch, so that a step allocates nothing.
public struct WorkspacePlan: Sendable {
    /// The bytes that a workspace of this plan has.
    public private(set) var byteCount = 0

    /// An empty plan.
    public init() {}

    /// Reserves floats.
    public mutating func floats(_ count: Int) -> FloatSlot {
        FloatSlot(offset: self.reserve(count * MemoryLayout<Float>.size), count: count)
    }

    /// Reserves bytes.
    public mutating func bytes(_ count: Int) -> ByteSlot { ByteSlot(offset: self.reserve(count), count: count) }

    /// Lets parts share their room: each reserves from the same place on, and all take as much as the largest.
    public mutating func share<Parts: Sequence>(
        _ parts: Parts, _ reserve: (Parts.Element, inout WorkspacePlan) -> Void
    ) {
        var largest = self
        for part in parts {
            var plan = self
            reserve(part, &plan)
            if plan.byteCount > largest.byteCount { largest = plan }
        }
        self = largest
    }

    private mutating func reserve(_ size: Int) -> Int {
        let offset = self.byteCount
        // A cache line beyond each: neighbours do not share one, and equal powers of two do not land on one cache set.
        self.byteCount += (size + 127) / 64 * 64
        return offset
    }
}

/// The memory of one thread: everything that the plan reserved.
///
/// `@unchecked Sendable`: handed from thread to thread, used by one at a time.
public final class Workspace: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let byteCount: Int

    /// Allocates the memory of a plan. Pages are taken from the system when they are first used.
    public convenience init(_ plan: WorkspacePlan) { self.init(byteCount: plan.byteCount) }

    /// The same; `nil` where the system has no memory for it.
    public static func allocate(_ plan: WorkspacePlan) -> Workspace? { self.allocate(byteCount: plan.byteCount) }

    static func allocate(byteCount: Int) -> Workspace? {
        let byteCount = max(byteCount, 64)
        return self.map(byteCount).map { Workspace($0, byteCount) }
    }

    /// Zeros, aligned to a page. Running out of memory is not an error one can go on from.
    convenience init(byteCount: Int) {
        let byteCount = max(byteCount, 64)
        guard let memory = Self.map(byteCount) else {
            preconditionFailure("no memory for a workspace of \(byteCount) bytes")
        }
        self.init(memory, byteCount)
    }

    private init(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        self.start = start
        self.byteCount = byteCount
    }

    private static func map(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return memory == MAP_FAILED ? nil : memory
    }

    deinit { munmap(self.start, self.byteCount) }
}
