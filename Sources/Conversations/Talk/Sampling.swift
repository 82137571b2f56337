// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// One of several samples of the requests about a record: which one it is, and what its seeds are derived from.
///
/// The same record gets the same seeds on every run and machine, in every order. The clock and the process have no part
/// in them.
public struct Sampling: Hashable, Sendable {
    /// The record's own name, from its content.
    public let record: String
    /// The stage that asks: two stages that ask the same draw differently.
    public let stage: String
    /// The sample's number, from 1.
    public let ordinal: Int
    /// The seed that the topology gives, if it gives one: another one draws all samples anew.
    public let base: Int?

    /// Describes a sample.
    public init(record: String, stage: String, ordinal: Int, base: Int? = nil) {
        self.record = record
        self.stage = stage
        self.ordinal = ordinal
        self.base = base
    }

    /// The seed of a request: the first 31 bits of the SHA-256 of the JSON list of record, stage, ordinal and round,
    /// and of the topology's seed where there is one. More bits, or a sign, and some servers refuse it or take it for
    /// none.
    /// - Parameter round: how many requests of this sample came before, from 0.
    public func seed(round: Int) -> Int {
        var json = JSONWriter()
        json.beginArray()
        json.value(self.record)
        json.value(self.stage)
        json.value(self.ordinal)
        json.value(round)
        if let base { json.value(base) }
        json.endArray()
        return (Int(ContentHash.sha256(json.bytes).prefix(8), radix: 16) ?? 0) >> 1
    }
}
