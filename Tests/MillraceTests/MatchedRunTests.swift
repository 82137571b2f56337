// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `nlq-matched.yaml` by the real process: what `plan` says comes true, and windows are whole.
@Suite("Sets like people's")
struct MatchedRunTests {
    @Test("The plan says how large the set will be; windows lie in their clips and several tell of some")
    func planned() throws {
        let bench = try Workbench(videos: 12)
        try bench.expect(0, Workbench.ingestWorld)
        let topology = Workbench.topology("nlq-matched")
        let plan = try bench.succeed("plan", topology)
        plan.prints("balanced set of stage generate: ")
        let stages = try JSONTree(try bench.succeed("plan", topology, "--json").outputText).array
        let planned = try #require(stages.first { $0["stage"].string == "generate" })
        try bench.run(topology)
        let samples = try bench.samples("nlq-matched").map(JSONTree.init)
        #expect(samples.count > 20 && planned["balanced"].int == samples.count)
        #expect(planned["balanced_of"].int ?? 0 > samples.count)
        for sample in samples {
            let (start, end) = (sample["clip_start_sec"].double ?? -1, sample["clip_end_sec"].double ?? -1)
            #expect(start >= 0 && end > start && end <= (sample["clip_duration_sec"].double ?? 0) + 1e-6)
        }
        let blocks = try bench.succeed("topics", "read", "matched.blocks", "--json").outputText
        #expect(blocks.contains("\"covers\":["))
        // People's forms: some are in the present tense, and some have no I.
        let queries = samples.compactMap { $0["query"].string }
        #expect(queries.contains { $0.contains(" is the ") || $0.contains(" are the ") })
        #expect(queries.contains { $0.contains(" I ") } && queries.contains { !$0.contains(" I ") })
    }
}
