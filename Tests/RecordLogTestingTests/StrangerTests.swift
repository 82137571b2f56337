// SPDX-License-Identifier: Apache-2.0

import RecordLogTesting
import Testing

/// The suite from outside: no import here sees more than the products `RecordLog` and `RecordLogTesting` export.
@Suite("A stranger's log") struct StrangerTests {
    @Test("runs every promise", arguments: ConformanceCase.all)
    func conforms(_ conformanceCase: ConformanceCase) throws {
        let outcome = try conformanceCase.run(on: StrangerHarness())
        if let reason = outcome.skipReason { try Test.cancel("\(reason)") }
        #expect(outcome == .kept)
    }

    @Test("that breaks a promise is found out", arguments: StrangerLog.Fault.allCases)
    func faulty(_ fault: StrangerLog.Fault) {
        let broken = ConformanceCase.all.filter { conformanceCase in
            do {
                _ = try conformanceCase.run(on: StrangerHarness(fault))
                return false
            } catch {
                return true
            }
        }
        #expect(!broken.isEmpty)
    }

    @Test("skips what it cannot show, and says so")
    func skipped() throws {
        let outcomes = try ConformanceCase.all.map { try $0.run(on: StrangerHarness(features: [])) }
        for (conformanceCase, outcome) in zip(ConformanceCase.all, outcomes) {
            let expected: ConformanceCase.Outcome =
                conformanceCase.needs.isEmpty ? .kept : .skipped(lacking: conformanceCase.needs)
            #expect(outcome == expected, "\(conformanceCase)")
        }
        let durability = ConformanceCase.Outcome.skipped(lacking: [.silentDeath, .durability])
        #expect(durability.skipReason == "the log lacks durability, silentDeath")
        #expect(outcomes.contains { $0.skipReason != nil } && outcomes.contains(.kept))
    }
}
