// SPDX-License-Identifier: Apache-2.0

import RecordLog
import RecordLogTesting
import Records
import Testing

@Suite struct Conformance {
    @Test(arguments: ConformanceCase.all)
    func ofEmbeddedLog(_ conformanceCase: ConformanceCase) throws {
        try conformanceCase.run(on: EmbeddedHarness())
    }

    @Test(arguments: ConformanceCase.all)
    func ofMemoryLog(_ conformanceCase: ConformanceCase) throws {
        try conformanceCase.run(on: MemoryHarness(hasOffsetGaps: false))
    }

    @Test(arguments: ConformanceCase.all)
    func ofMemoryLogWithOffsetGaps(_ conformanceCase: ConformanceCase) throws {
        try conformanceCase.run(on: MemoryHarness(hasOffsetGaps: true))
    }

    @Test func everyCaseRunsSomewhere() throws {
        var names: Set<String> = []
        for conformanceCase in ConformanceCase.all {
            #expect(names.insert(conformanceCase.name).inserted, "two cases are named \(conformanceCase.name)")
            let hasRun = try conformanceCase.run(on: MemoryHarness(hasOffsetGaps: true))
            #expect(hasRun, "\(conformanceCase.name) needs a feature that no harness here has")
        }
    }
}
