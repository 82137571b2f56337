// SPDX-License-Identifier: Apache-2.0

import Captions
import Codecs
import MillraceTesting
import TaskRooms
import Testing

@testable import Commands

/// The program's own adapters keep what is asked of others'.
@Suite("Own adapters") struct OwnAdapterTests {
    @Test("Every source of the program has a sample")
    func complete() {
        let tried = Set(AdapterSamples.all.map(\.description))
        #expect(tried == Set(Tasks.registered.sources.map(TaskRegistry.name)))
    }

    private static let cases = AdapterSamples.all.indices.flatMap { sample in
        AdapterCase.all.indices.map { (sample, $0) }
    }

    @Test("Adapters keep their promises", arguments: cases)
    func keeps(_ sample: Int, _ promise: Int) throws {
        let trial = AdapterSamples.all[sample]
        do {
            let outcome = try AdapterCase.all[promise].run(on: trial)
            if let reason = outcome.skipReason { try Test.cancel("\(trial): \(reason)") }
        } catch let broken as BrokenPromise {
            Issue.record("\(trial): \(AdapterCase.all[promise]): \(broken)")
        }
    }
}
