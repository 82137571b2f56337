// SPDX-License-Identifier: Apache-2.0

import Codecs
import Shards

/// The size of a set of shards, as `run` and `status` show it.
struct SetSize {
    var name: String
    var shards: Int
    var samples: Int
    var bytes: Int

    init(_ name: String, _ manifest: Manifest) {
        self.name = name
        self.shards = manifest.commits.count
        self.samples = manifest.samples
        self.bytes = manifest.commits.reduce(0) { $0 + $1.entry.bytes }
    }

    /// Writes the fields of an open object.
    func write(to json: inout JSONWriter) {
        json.field("name", self.name)
        json.field("shards", self.shards)
        json.field("samples", self.samples)
        json.field("bytes", self.bytes)
    }
}
