// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import NeuralNetworks

/// The choice of OpenBLAS's kernels for each processor, and the check of their results.
@Suite struct CoreChoiceTests {
    /// The kernels of Debian's OpenBLAS 0.3.21 for x86-64, and for ARM.
    private static let x86 = ["Cooperlake", "SkylakeX", "Haswell", "Zen", "Sandybridge", "Prescott"]
    private static let arm = ["neoversen2", "neoversev1", "neoversen1", "armv8"]

    private static let sapphireRapids: ProcessorFeatures = [.avx, .avx2, .avx512, .bfloat16]
    private static let skylakeServer: ProcessorFeatures = [.avx, .avx2, .avx512]
    private static let haswell: ProcessorFeatures = [.avx, .avx2]
    private static let graviton4: ProcessorFeatures = [.arm82, .sve, .sve2]

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let features: ProcessorFeatures
        let taken: String
        let built: [String]
        let order: [String]

        init(_ what: String, _ features: ProcessorFeatures, _ taken: String, _ built: [String], _ order: [String]) {
            (self.testDescription, self.features, self.taken) = (what, features, taken)
            (self.built, self.order) = (built, order)
        }
    }

    private static let rows = [
        // Newer than OpenBLAS's table.
        Row("Xeon of 2023", sapphireRapids, "Prescott", x86, ["SkylakeX", "Haswell", "Sandybridge", "Prescott"]),
        Row(
            "Xeon, no name", sapphireRapids, "Unknown", x86,
            ["SkylakeX", "Haswell", "Sandybridge", "Unknown", "Prescott"]),
        Row("Zen 5 as Haswell", sapphireRapids, "Haswell", x86, ["SkylakeX", "Haswell", "Sandybridge", "Prescott"]),
        Row("Zen 5 as Zen", sapphireRapids, "Zen", x86, ["SkylakeX", "Zen", "Haswell", "Sandybridge", "Prescott"]),
        Row("laptop of 2023", haswell, "Prescott", x86, ["Haswell", "Sandybridge", "Prescott"]),
        Row("laptop as Nehalem", haswell, "Nehalem", x86, ["Haswell", "Sandybridge", "Nehalem", "Prescott"]),
        Row("AVX alone", .avx, "Prescott", x86, ["Sandybridge", "Prescott"]),
        // Those that it knows keep their own.
        Row(
            "Zen 4", sapphireRapids, "Cooperlake", x86,
            ["Cooperlake", "SkylakeX", "Haswell", "Sandybridge", "Prescott"]),
        Row("Skylake server", skylakeServer, "SkylakeX", x86, ["SkylakeX", "Haswell", "Sandybridge", "Prescott"]),
        Row("Zen 3", haswell, "Zen", x86, ["Zen", "Haswell", "Sandybridge", "Prescott"]),
        Row("Excavator", haswell, "Excavator", x86, ["Excavator", "Haswell", "Sandybridge", "Prescott"]),
        Row("Piledriver", .avx, "Piledriver", x86, ["Piledriver", "Sandybridge", "Prescott"]),
        Row("without AVX", [], "Nehalem", x86, ["Nehalem", "Prescott"]),
        Row("without AVX, no name", [], "Prescott", x86, ["Prescott"]),
        // A core that needs what the system does not save is not kept.
        Row("registers not saved", haswell, "SkylakeX", x86, ["Haswell", "Sandybridge", "Prescott"]),
        // A core that this table does not know is newer than it.
        Row(
            "newer OpenBLAS", sapphireRapids, "DiamondRapids", x86,
            ["DiamondRapids", "SkylakeX", "Haswell", "Sandybridge", "Prescott"]),
        Row(
            "0.3.30's", sapphireRapids, "SapphireRapids", ["SapphireRapids"] + x86,
            ["SapphireRapids", "SkylakeX", "Haswell", "Sandybridge", "Prescott"]),
        // Builds with fewer cores, and with one.
        Row("no AVX-512 built", sapphireRapids, "Prescott", ["Haswell", "Prescott"], ["Haswell", "Prescott"]),
        Row("Cooperlake alone built", skylakeServer, "Haswell", ["Cooperlake", "Haswell"], ["Haswell"]),
        Row("the same with BF16", sapphireRapids, "Haswell", ["Cooperlake", "Haswell"], ["Cooperlake", "Haswell"]),
        Row("no DYNAMIC_ARCH", sapphireRapids, "Prescott", [], ["Prescott"]),
        Row("no DYNAMIC_ARCH, best", skylakeServer, "SkylakeX", [], ["SkylakeX"]),
        Row("no DYNAMIC_ARCH, too good", [], "Haswell", [], ["Haswell"]),
        // ARM: `armv8` is what OpenBLAS falls back to.
        Row("Graviton 4", graviton4, "armv8", arm, ["neoversen2", "neoversev1", "neoversen1", "armv8"]),
        Row("Graviton 3, not known", [.arm82, .sve], "armv8", arm, ["neoversev1", "neoversen1", "armv8"]),
        Row("Ampere, Apple", .arm82, "armv8", arm, ["neoversen1", "armv8"]),
        Row("Neoverse N1", .arm82, "neoversen1", arm, ["neoversen1", "armv8"]),
        Row("Cortex A72", [], "cortexa72", arm, ["cortexa72", "armv8"]),
        Row("first ARM of 64 bits", [], "armv8", arm, ["armv8"]),
        Row("ARM, no DYNAMIC_ARCH", graviton4, "armv8", [], ["armv8"]),
    ]

    @Test(arguments: Self.rows) func whatTheProcessorCanDoDecides(_ row: Row) {
        #expect(CoreChoice.candidates(row.features, taken: row.taken, built: row.built) == row.order)
    }

    @Test func aForeignCoreIsTakenOnlyWhereItRuns() {
        #expect(CoreChoice.runs("Haswell", on: Self.skylakeServer))
        #expect(CoreChoice.runs("Prescott", on: []))
        #expect(CoreChoice.runs("Cooperlake", on: Self.sapphireRapids))
        #expect(!CoreChoice.runs("Cooperlake", on: Self.skylakeServer))
        #expect(!CoreChoice.runs("SkylakeX", on: Self.haswell))
        #expect(!CoreChoice.runs("Piledriver", on: Self.sapphireRapids), "it has instructions of one maker's")
        #expect(!CoreChoice.runs("neoversen1", on: Self.sapphireRapids))
    }

    // MARK: The check

    @Test func whatRunsHereMultipliesRightly() {
        #expect(BLAS.core.faults.isEmpty)
        #expect(CoreCheck.problem(BLAS.product) == nil)
    }

    /// Ways in which kernels have been wrong.
    enum Mistake: CaseIterable {
        case transposed, lastRow, lastColumn, lastOfSum, addsToGarbage, forgetsToAdd, factor, gap, oneBit
    }

    @Test(arguments: Mistake.allCases) func aMistakeIsFound(_ mistake: Mistake) {
        let problem = CoreCheck.problem { a, aForm, b, bForm, product, accumulating, factor in
            Self.multiply(a, aForm, b, bForm, product, accumulating, factor, mistake)
        }
        #expect(problem?.contains("times") == true)
    }

    @Test func aPlainProductIsFoundRight() {
        #expect(CoreCheck.problem { Self.multiply($0, $1, $2, $3, $4, $5, $6, nil) } == nil)
    }

    /// A plain product, with a mistake where its sizes are odd.
    private static func multiply(
        _ a: Matrix, _ aForm: MatrixForm, _ b: Matrix, _ bForm: MatrixForm, _ product: Matrix, _ accumulating: Bool,
        _ factor: Float, _ mistake: Mistake?
    ) {
        let inner = aForm == .plain ? a.columns : a.rows
        let ignoresForm = mistake == .transposed && bForm == .transposed && b.rows == b.columns
        for row in 0..<product.rows {
            for column in 0..<product.columns {
                if mistake == .lastRow, row == product.rows - 1, row % 4 == 0 { continue }
                if mistake == .lastColumn, column == product.columns - 1, column % 16 == 0 { continue }
                var sum: Float = 0
                for index in 0..<inner - (mistake == .lastOfSum && inner % 2 == 1 ? 1 : 0) {
                    let left = aForm == .plain ? a.row(row)[index] : a.row(index)[row]
                    let isPlain = bForm == .plain || ignoresForm
                    sum += left * (isPlain ? b.row(index)[column] : b.row(column)[index])
                }
                if mistake == .oneBit, inner > 400, row == 7, column == 31 { sum = sum.nextUp }
                let start = product.row(row)[column]
                let adds = mistake == .addsToGarbage ? true : mistake == .forgetsToAdd ? false : accumulating
                product.row(row)[column] = (adds ? start : 0) + (mistake == .factor ? 1 : factor) * sum
            }
            if mistake == .gap, product.columns % 16 != 0 { product.row(row)[product.columns] = 0 }
        }
    }

    @Test func theNextOneDownIsTaken() {
        var inForce = "Prescott", tried: [String] = []
        func settle(_ wrong: Set<String>, missing: Set<String> = []) -> [BLAS.Core.Fault] {
            tried = []
            return CoreChoice.settle(["SkylakeX", "Haswell", "Prescott"]) { core in
                tried.append(core)
                if !missing.contains(core) { inForce = core }
                return !missing.contains(core)
            } problem: {
                wrong.contains(inForce) ? "(3, 5) plain" : nil
            }
        }
        #expect(settle([]).isEmpty && inForce == "SkylakeX" && tried == ["SkylakeX"])
        #expect(settle(["SkylakeX"]) == [.init(core: "SkylakeX", problem: "(3, 5) plain")] && inForce == "Haswell")
        #expect(settle([], missing: ["SkylakeX"]).isEmpty && inForce == "Haswell")
        #expect(settle(["SkylakeX", "Haswell", "Prescott"]).map(\.core) == ["SkylakeX", "Haswell", "Prescott"])
        #expect(inForce == "Prescott")
        let core = BLAS.Core(name: "Prescott", taken: "Prescott", faults: [.init(core: "Prescott", problem: "all")])
        #expect(core.problem == "all", "nothing is left to take")
    }
}
