// SPDX-License-Identifier: Apache-2.0

import Codecs

/// The groups that the steps of a stage gather and whose end has not come: videos, most often. While records come that
/// is as it should be; when no more come, an input lacks its ends.
struct OpenGroups {
    private let counts: [String: Int]

    /// Takes counts by step; `nil` where nothing is open.
    init?(_ counts: [String: Int]) {
        if counts.isEmpty { return nil }
        self.counts = counts
    }

    /// `open, their end has not come: block 2, window 1`
    var line: String {
        let parts = self.counts.sorted { $0.key < $1.key }.map { "\($0.key) \(ProgressReporter.grouped($0.value))" }
        return "open, their end has not come: " + parts.joined(separator: ", ")
    }

    /// Writes the counts as a field of an open object.
    func write(to json: inout JSONWriter) {
        json.key("open")
        json.beginObject()
        for (step, count) in self.counts.sorted(by: { $0.key < $1.key }) {
            json.key(text: step)
            json.value(count)
        }
        json.endObject()
    }
}
