// SPDX-License-Identifier: Apache-2.0

import Codecs
import MomentQueries
import Shards
import Testing

@Suite struct NLQSchemaTests {
    private func identity(_ line: String) -> LineIdentity {
        Bytes(line.utf8).withUnsafeBufferPointer { LineSchema.nlq.identity($0) }
    }

    @Test func `a sample is known by the last narration of its query, in three fields`() {
        let lineage = #"{"video_uid":"v","pass":2,"narrations":[3,4]}"#
        #expect(
            self.identity(#"{"query_id":"q","lineage":\#(lineage)}"#)
                == LineIdentity(["last_video_uid": .text("v"), "last_pass": .number(2), "last_index": .number(4)]))
        for line in ["{}", "7", "{", #"{"lineage":[]}"#, #"{"lineage":{"narrations":[]}}"#] {
            #expect(self.identity(line).isUnknown, "\(line)")
            #expect(self.identity(line).fields.map(\.name) == ["last_video_uid", "last_pass", "last_index"])
        }
    }
}
