// SPDX-License-Identifier: Apache-2.0

/// The parts in which the original works through its data, one a process. Millrace needs none: they serve to read what
/// others have made.
public enum LegoChunks {
    /// The clips of a chunk of the description model: the last ones are shorter, or not there at all.
    /// - Parameter chunk: counted from 1.
    /// - Returns: `nil` where so few clips make no such chunk, at which the original stops with an error.
    public static func clips(_ count: Int, chunks: Int, chunk: Int) -> Range<Int>? {
        guard count > 0, chunks > 0, chunk > 0 else { return nil }
        let size = (count + chunks - 1) / chunks, first = (chunk - 1) * size
        return first < count ? first..<min(first + size, count) : nil
    }

    /// The samples of a chunk of the frame model: all are nearly as long.
    /// - Parameter chunk: counted from 1.
    public static func samples(_ count: Int, chunks: Int, chunk: Int) -> Range<Int> {
        precondition(count >= 0 && (1...max(chunks, 1)).contains(chunk), "one of \(chunks) chunks")
        return (chunk - 1) * count / chunks..<chunk * count / chunks
    }
}
