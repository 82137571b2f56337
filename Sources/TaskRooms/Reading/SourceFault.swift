// SPDX-License-Identifier: Apache-2.0

/// A fault in an entry of a file, before its place in the file is added.
public struct SourceFault: Error, Hashable, Sendable {
    /// One of `SourceReason`.
    public var reason: String
    /// The field, what is wrong with it, and what to do about it.
    public var message: String

    /// Describes a fault.
    public init(_ reason: String, _ message: String) {
        self.reason = reason
        self.message = message
    }

    /// The problem that this makes of an entry at a place.
    public func problem(at place: SourcePlace, entry: String, key: String?, raw: some Collection<UInt8>)
        -> SourceProblem
    {
        SourceProblem(reason: self.reason, message: "\(place): \(entry): \(self.message)", key: key, raw: raw)
    }
}
