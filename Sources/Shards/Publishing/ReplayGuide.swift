// SPDX-License-Identifier: Apache-2.0

/// Closes the shards of a replay where those of the original were closed, whatever closed those: then equal samples
/// make equal files, even where the original was cut by the clock.
///
/// A value without I/O. Asked after each input record, it compares the number of samples in the open shard with the
/// original's, and at that number the last sample with the original's last. Where they differ the content has
/// diverged: a narration was added, a validator changed. From there on there is nothing to follow.
public struct ReplayGuide: Hashable, Sendable {
    /// What to do after an input record.
    public enum Decision: Hashable, Sendable {
        /// Go on: the original's shard held more.
        case keep
        /// Close the shard here.
        case rotate
        /// There is nothing (more) to follow; why.
        case diverged(String)
    }

    private let original: [ManifestEntry]
    private var position = 0

    /// Why there is nothing (more) to follow; `nil` while there is.
    public private(set) var divergence: String?

    /// The original's shards that the replay has not come to.
    public var remaining: Int { max(0, self.original.count - self.position) }

    /// Follows a partition's original shards.
    /// - Parameters:
    ///   - original: the entries of the original's partition, in order.
    ///   - published: what this replay has published of that partition before, in order, if it is going on.
    public init(original: [ManifestEntry], published: [ManifestEntry] = []) {
        self.original = original
        for entry in published {
            self.compare(samples: entry.samples, last: entry.last)
            self.position += 1
        }
    }

    /// Decides after an input record.
    /// - Parameters:
    ///   - samples: how many the open shard holds.
    ///   - last: the last of them; asked for only where the number is the original's.
    public mutating func decide(samples: Int, last: @autoclosure () -> SampleIdentity) -> Decision {
        if self.divergence == nil {
            if samples == 0 { return .keep }
            if self.position < self.original.count, samples < self.original[self.position].samples { return .keep }
            self.compare(samples: samples, last: last())
        }
        return self.divergence.map(Decision.diverged) ?? .rotate
    }

    /// A shard was closed and committed, for whatever reason.
    public mutating func advance(samples: Int, last: SampleIdentity) {
        self.compare(samples: samples, last: last)
        self.position += 1
    }

    private mutating func compare(samples: Int, last: SampleIdentity) {
        if self.divergence != nil { return }
        guard self.position < self.original.count else {
            self.divergence = "there are samples after the original's last shard"
            return
        }
        let entry = self.original[self.position]
        if samples != entry.samples {
            self.divergence = "the original's \(entry.file) holds \(entry.samples) samples, here it came to \(samples)"
        } else if last != entry.last {
            self.divergence = "the original's \(entry.file) ends in \(entry.last.text), here it came to \(last.text)"
        }
    }
}

extension SampleIdentity {
    /// The identity in words, for messages.
    var text: String {
        let pass = self.pass.map(String.init) ?? "none"
        let index = self.index.map(String.init) ?? "none"
        return "video \(self.videoUID ?? "none"), pass \(pass), narration \(index)"
    }
}
