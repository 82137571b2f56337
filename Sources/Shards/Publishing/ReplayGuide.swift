// SPDX-License-Identifier: Apache-2.0

/// Closes the shards of a replay where those of the original were closed, whatever closed those: then equal samples
/// make equal files, even if the original was cut by the clock.
///
/// A value without I/O. Asked after each input record, it compares the number of samples in the open shard with the
/// original's, and at that number the last sample with the original's last. Where they differ the content has
/// diverged: a narration was added, a validator changed. Behind the original's last shard the replay goes on beyond it.
/// From there on there is nothing to follow.
public struct ReplayGuide: Hashable, Sendable {
    /// The action to take after an input record.
    public enum Decision: Hashable, Sendable {
        /// Go on: the original's shard held more.
        case keep
        /// Close the shard here.
        case rotate
        /// There is nothing (more) to follow; why.
        case part(Parting)
    }

    /// The reason why there is nothing (more) to follow.
    public enum Parting: Hashable, Sendable, CustomStringConvertible {
        /// All shards of the original, this many, have been followed, and there are more samples.
        case beyond(shards: Int)
        /// The samples are not the original's; how that was seen.
        case diverged(String)

        /// The reason in words, to be followed by no more than a full stop.
        public var description: String {
            switch self {
            case .beyond(let shards):
                "there are samples beyond the original, which ends after \(shards) shard\(shards == 1 ? "" : "s")"
            case .diverged(let reason): reason
            }
        }
    }

    private let original: [ManifestEntry]
    private var position = 0

    /// The reason why there is nothing (more) to follow; `nil` while there is.
    public private(set) var parting: Parting?

    /// The original's shards that the replay has not come to.
    public var remaining: Int { max(0, self.original.count - self.position) }

    /// Follows a partition's original shards.
    /// - Parameters:
    ///   - original: the entries of the original's partition, in order.
    ///   - published: what this replay has published of that partition before, in order, if it is going on.
    public init(original: [ManifestEntry], published: [ManifestEntry] = []) {
        self.original = original
        for entry in published { self.advance(samples: entry.samples, last: entry.last) }
    }

    /// Decides after an input record.
    /// - Parameters:
    ///   - samples: how many the open shard holds.
    ///   - last: the last of them; asked for only if the number is the original's.
    public mutating func decide(samples: Int, last: @autoclosure () -> LineIdentity) -> Decision {
        if self.parting == nil {
            if samples == 0 { return .keep }
            if self.position < self.original.count, samples < self.original[self.position].samples { return .keep }
            self.compare(samples: samples, last: last())
        }
        return self.parting.map(Decision.part) ?? .rotate
    }

    /// A shard was closed and committed, for whatever reason.
    public mutating func advance(samples: Int, last: LineIdentity) {
        self.compare(samples: samples, last: last)
        self.position += 1
    }

    private mutating func compare(samples: Int, last: LineIdentity) {
        if self.parting != nil { return }
        guard self.position < self.original.count else {
            self.parting = .beyond(shards: self.original.count)
            return
        }
        let entry = self.original[self.position]
        if samples != entry.samples {
            self.parting = .diverged("\(entry.file) holds \(entry.samples) samples, here it came to \(samples)")
        } else if last != entry.last, !entry.last.isUnknown {
            // If the original says nothing of its last line, the number is all that there is to compare.
            self.parting = .diverged(
                "\(entry.file) ends in a sample with \(entry.last.text), here it came to one with \(last.text)")
        }
    }
}
