// SPDX-License-Identifier: Apache-2.0

public import Codecs

/// A piece of a task's state.
public struct StateEntry: Hashable, Sendable {
    /// Names the piece.
    public var key: Bytes
    /// Its content.
    public var value: Bytes

    /// Creates an entry.
    public init(key: Bytes, value: Bytes) {
        self.key = key
        self.value = value
    }
}

/// A change to a task's state: a new content for a key, or `nil` to remove it.
public struct StateChange: Hashable, Sendable {
    /// Names the piece.
    public var key: Bytes
    /// Its new content; `nil` removes it.
    public var value: Bytes?

    /// Creates a change.
    public init(key: Bytes, value: Bytes?) {
        self.key = key
        self.value = value
    }
}
