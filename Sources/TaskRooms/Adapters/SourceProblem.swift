// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// A piece of a source that could not be used: a dead letter in the making.
public struct SourceProblem: Hashable, Sendable {
    /// A short code to count by: `missing-key`.
    public var reason: String
    /// The file, the line and the byte, what is wrong with which field, and what to do about it.
    public var message: String
    /// The key of the records it belongs to, where it is known: a video, most often.
    public var key: String?
    /// The offending text; of more than 64 KiB the beginning, with a mark at its end.
    public var raw: Bytes

    /// The longest text that is kept whole: 64 KiB.
    public static let rawBytesMax = 64 << 10

    /// Creates a problem; `raw` is cut to its limit.
    ///
    /// - Parameter byteCount: how many bytes the offending text has, where `raw` is just its beginning.
    public init(
        reason: String, message: String, key: String?, raw: some Collection<UInt8>, byteCount: Int? = nil
    ) {
        self.reason = reason
        self.message = message
        self.key = key
        self.raw = Bytes(raw.prefix(Self.rawBytesMax))
        let count = byteCount ?? raw.count
        if count > Self.rawBytesMax { self.raw += Bytes("…[cut: \(count) bytes in all]".utf8) }
    }
}

/// An error that makes a file unusable from some point on.
public struct SourceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The path of the file.
    public var file: String
    /// The line, from 1.
    public var line: Int?
    /// The byte, from 0.
    public var offset: Int?
    /// The fault and its remedy.
    public var message: String
    /// Tells whether there is no such file or folder.
    public var isMissing: Bool

    /// Names the place, as far as it is known, the fault and its remedy.
    public init(file: String, line: Int? = nil, offset: Int? = nil, isMissing: Bool = false, _ message: String) {
        self.file = file
        self.line = line
        self.offset = offset
        self.isMissing = isMissing
        self.message = message
    }

    /// `file, line N, byte N: message`
    public var description: String {
        "\(SourcePlace(file: self.file, line: self.line, offset: self.offset)): \(self.message)"
    }
}

/// A place in a file, as messages name it.
public struct SourcePlace: Hashable, Sendable, CustomStringConvertible {
    /// The path of the file.
    public var file: String
    /// The line, from 1.
    public var line: Int?
    /// The byte, from 0.
    public var offset: Int?

    /// Names a place.
    public init(file: String, line: Int? = nil, offset: Int? = nil) {
        self.file = file
        self.line = line
        self.offset = offset
    }

    /// `file, line N, byte N`
    public var description: String {
        var text = self.file
        if let line = self.line { text += ", line \(line)" }
        if let offset = self.offset { text += ", byte \(offset)" }
        return text
    }
}
