// SPDX-License-Identifier: Apache-2.0

import Codecs
public import Shards

extension LineSchema {
    /// Samples of moment queries. A line is known by the last narration that its query is about, as far as its lineage
    /// says: `{"video_uid": …, "pass": 1, "narrations": [3, 4], …}`.
    public static let nlq = LineSchema(streamType: "sample") { line in
        let lineage = (try? JSONValue(parsing: line))?["lineage"]
        return LineIdentity([
            "last_video_uid": .init(lineage?["video_uid"]?.string),
            "last_pass": .init(lineage?["pass"]?.int),
            "last_index": .init(lineage?["narrations"]?.array?.last?.int),
        ])
    }
}
