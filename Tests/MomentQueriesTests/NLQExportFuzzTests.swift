// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Testing

@testable import MomentQueries

@Suite struct NLQExportFuzzTests {
    @Test func `samples for export`() throws {
        let seed = #"""
            {"query_id":"q","video_uid":"v","clip_uid":"c","annotation_uid":"a","query":"Where is it?","template":null,
            "clip_start_sec":1.5,"clip_end_sec":3,"video_start_sec":481.5,"video_end_sec":483,"clip_duration_sec":480}
            """#
        for input in Fuzz("nlq-sample", seeds: [seed], tokens: .json, seconds: 1) {
            guard let sample = try? NLQSample(line: input.bytes) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            try #require(sample.clipStart >= 0 && sample.clipEnd > sample.clipStart, "\(input)")
            try #require(sample.clipStartInVideo.isFinite, "\(input)")
        }
    }
}
