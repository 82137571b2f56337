// SPDX-License-Identifier: Apache-2.0

import RecordLog
import RecordLogTesting
import Records
import Testing

@Suite struct Conformance {
    @Test(arguments: ConformanceCase.all)
    func ofEmbeddedLog(_ conformanceCase: ConformanceCase) throws {
        try self.run(conformanceCase, on: EmbeddedHarness())
    }

    @Test(arguments: ConformanceCase.all)
    func ofMemoryLog(_ conformanceCase: ConformanceCase) throws {
        try self.run(conformanceCase, on: MemoryHarness(hasOffsetGaps: false))
    }

    @Test(arguments: ConformanceCase.all)
    func ofMemoryLogWithOffsetGaps(_ conformanceCase: ConformanceCase) throws {
        try self.run(conformanceCase, on: MemoryHarness(hasOffsetGaps: true))
    }

    private func run(_ conformanceCase: ConformanceCase, on harness: any RecordLogHarness) throws {
        let outcome = try conformanceCase.run(on: harness)
        if let reason = outcome.skipReason { try Test.cancel("\(reason)") }
        #expect(outcome == .kept)
    }

    @Test func everyCaseRunsSomewhere() throws {
        var names: Set<String> = []
        for conformanceCase in ConformanceCase.all {
            #expect(names.insert(conformanceCase.name).inserted, "two cases are named \(conformanceCase.name)")
            let outcome = try conformanceCase.run(on: MemoryHarness(hasOffsetGaps: true))
            #expect(outcome == .kept, "\(conformanceCase.name) needs a feature that no harness here has")
        }
    }
}
