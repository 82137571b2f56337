// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Commands

/// One line of a run's progress, whatever it has to say.
@Suite struct ProgressLineTests {
    private func stage(_ name: String, calls: ClosedRange<Int> = 0...0, rate: Int = 3) -> ProgressLine.Stage {
        ProgressLine.Stage(name: name, records: 12, rate: rate, waiting: 88, inFlight: 5, callsToCome: calls)
    }

    @Test("Calls that may yet come are a range, or a number where it is one; where there are none, nothing is said")
    func calls() {
        #expect(
            ProgressLine(stages: [self.stage("generate", calls: 5...17)]).text
                == "generate 12 (3/s, 88 waiting, 5 in flight, 5–17 calls to come, 00:29 left)")
        #expect(
            ProgressLine(stages: [self.stage("generate", calls: 5...5, rate: 0)]).text
                == "generate 12 (0/s, 88 waiting, 5 in flight, 5 calls to come)")
        #expect(
            ProgressLine(stages: [self.stage("generate", calls: 0...1, rate: 0)]).text.contains("0–1 calls to come"))
        #expect(ProgressLine(stages: [self.stage("generate", calls: 1...1, rate: 0)]).text.contains("1 call to come"))
        #expect(!ProgressLine(stages: [self.stage("generate")]).text.contains("call"))
    }

    @Test("It fits 80 columns: the calls go before what waits, and after time and rate")
    func columns() {
        let two = ProgressLine(stages: [self.stage("curate"), self.stage("generate", calls: 5...17)]).text
        #expect(two == "curate 12 (88 waiting, 5 in flight)  generate 12 (88 waiting, 5 in flight)")
        let long = self.stage("annotate-all-moments", calls: 12_345...1_234_567)
        #expect(ProgressLine(stages: [long]).text == "annotate-all-moments 12 (88 waiting, 5 in flight)")
        for count in 1...12 {
            let stages = (0..<count).map { self.stage("stage-\($0)", calls: 0...999_999) }
            #expect(ProgressLine(stages: stages).text.count < ProgressLine.columnsMax)
        }
    }
}
