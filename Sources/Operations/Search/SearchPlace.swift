// SPDX-License-Identifier: Apache-2.0

public import Records

/// The place of a sample in its shard, for as long as the shard is there: `FRAME.INDEX`.
public struct SampleLine: Hashable, Sendable, CustomStringConvertible {
    /// The frame, from zero.
    public var frame: Int
    /// The number of its line in the frame, from zero.
    public var index: Int

    /// Names a place.
    public init(frame: Int, index: Int) {
        self.frame = frame
        self.index = index
    }

    /// Reads a place as it is written; `nil` for what is none.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let frame = Int(parts[0]), let index = Int(parts[1]), frame >= 0, index >= 0 else {
            return nil
        }
        self.init(frame: frame, index: index)
    }

    /// `FRAME.INDEX`
    public var description: String { "\(self.frame).\(self.index)" }
}

/// The place before which a search goes on: `OFFSET.FRAME.INDEX.SET`.
public struct SearchPlace: Hashable, Sendable, CustomStringConvertible {
    /// The set.
    public var set: String
    /// The offset of the shard's record in the manifest.
    public var offset: Offset
    /// The sample in the shard that was looked at last, or would be behind it.
    public var line: SampleLine

    /// Names a place.
    public init(set: String, offset: Offset, line: SampleLine) {
        self.set = set
        self.offset = offset
        self.line = line
    }

    /// Reads a place as it is written; `nil` for what is none.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, !parts[3].isEmpty, let offset = Offset(parts[0]), offset >= 0,
            let line = SampleLine("\(parts[1]).\(parts[2])")
        else { return nil }
        self.init(set: String(parts[3]), offset: offset, line: line)
    }

    /// `OFFSET.FRAME.INDEX.SET`
    public var description: String { "\(self.offset).\(self.line).\(self.set)" }
}
