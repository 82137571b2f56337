// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Floats at a fixed address, zero at first, aligned for vector loads. Pages that are never touched take no memory.
///
/// `@unchecked Sendable`: the address never changes; who writes while another thread reads is settled by the owner, as
/// for any buffer (here: the micro-batches of a step write to buffers of their own, and are joined before the sum).
public final class FloatBuffer: @unchecked Sendable {
    /// The number of floats.
    public let count: Int
    /// The first float; valid as long as the buffer lives.
    public let start: UnsafeMutablePointer<Float>

    private let memory: Workspace

    /// Creates a buffer of zeros.
    public convenience init(count: Int) {
        self.init(Workspace(byteCount: count * MemoryLayout<Float>.size), count)
    }

    /// Creates a buffer of zeros; `nil` where the system has no memory for it.
    public static func allocate(count: Int) -> FloatBuffer? {
        let (size, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Float>.size)
        guard count >= 0, !overflow else { return nil }
        return Workspace.allocate(byteCount: size).map { FloatBuffer($0, count) }
    }

    private init(_ memory: Workspace, _ count: Int) {
        self.count = count
        self.memory = memory
        self.start = self.memory.start.bindMemory(to: Float.self, capacity: max(count, 1))
    }

    /// Creates a buffer with a copy of `values`.
    public convenience init(_ values: [Float]) {
        self.init(count: values.count)
        self.assign(values)
    }

    /// A copy of the contents, or of a range of them.
    public func values(_ range: Range<Int>? = nil) -> [Float] {
        let range = range ?? 0..<self.count
        precondition(range.lowerBound >= 0 && range.upperBound <= self.count, "the range \(range)")
        return Array(UnsafeBufferPointer(start: self.start + range.lowerBound, count: range.count))
    }

    /// Overwrites the contents from `offset` on.
    public func assign(_ values: [Float], at offset: Int = 0) {
        precondition(offset >= 0 && offset + values.count <= self.count, "\(values.count) floats at \(offset)")
        values.withUnsafeBufferPointer { source in
            guard let first = source.baseAddress else { return }
            (self.start + offset).update(from: first, count: source.count)
        }
    }

    /// Adds another buffer's floats of a range to those here.
    public func add(_ other: FloatBuffer, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= min(self.count, other.count), "the range \(range)")
        ck_add_scaled(other.start + range.lowerBound, 1, self.start + range.lowerBound, range.count)
    }

    /// Sets every float to zero.
    public func clear() { self.start.update(repeating: 0, count: self.count) }
}
