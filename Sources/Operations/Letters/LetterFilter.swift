// SPDX-License-Identifier: Apache-2.0

public import Records

/// Says which letters are wanted; what is `nil` wants all.
public struct LetterFilter: Hashable, Sendable {
    /// The reason code.
    public var reason: String?
    /// The stage, or the source of an ingest.
    public var stage: String?
    /// The kind: `dead` or `rejected`.
    public var kind: String?
    /// The time of the append from which on they are wanted.
    public var since: Timestamp?

    /// Wants all.
    public init() {}

    /// Tells whether a letter is wanted.
    public func takes(_ letter: KeptLetter) -> Bool {
        if let reason, letter.reason != reason { return false }
        if let stage, letter.stage != stage { return false }
        // One that cannot be read has no kind, and is shown with either.
        if let kind, letter.kind != kind, letter.problem == nil { return false }
        return self.since.map { letter.time >= $0 } ?? true
    }
}
