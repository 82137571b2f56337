// SPDX-License-Identifier: Apache-2.0

import CKernels

/// The features of a processor and its operating system that OpenBLAS's kernels are made for.
struct ProcessorFeatures: OptionSet, Hashable, Sendable {
    let rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    static let avx = ProcessorFeatures(rawValue: UInt32(CK_AVX))
    /// With FMA.
    static let avx2 = ProcessorFeatures(rawValue: UInt32(CK_AVX2))
    /// F, BW, CD, DQ and VL.
    static let avx512 = ProcessorFeatures(rawValue: UInt32(CK_AVX512))
    /// BF16 and VNNI of AVX-512.
    static let bfloat16 = ProcessorFeatures(rawValue: UInt32(CK_AVX512_BF16))
    /// Armv8.2 with half precision and dot products.
    static let arm82 = ProcessorFeatures(rawValue: UInt32(CK_ARM_8_2))
    /// Armv8.4 with SVE.
    static let sve = ProcessorFeatures(rawValue: UInt32(CK_ARM_SVE))
    /// Armv8.5 with SVE2.
    static let sve2 = ProcessorFeatures(rawValue: UInt32(CK_ARM_SVE2))

    /// This processor's.
    static var current: ProcessorFeatures { ProcessorFeatures(rawValue: ck_processor_features()) }
}

/// The choice among OpenBLAS's cores, each the kernels for one kind of processor.
///
/// OpenBLAS goes by the processor's maker and model, and takes its slowest kernels for those that came after its
/// release. This goes by what the processor can do.
enum CoreChoice {
    /// Cores that use the same instructions.
    private struct Level {
        let needs: ProcessorFeatures
        /// Those that run on any processor of the level; the first is the one to take.
        let cores: [String]
        /// Those with instructions of one maker's, which are kept where OpenBLAS took them, and taken nowhere else.
        var makers: [String] = []
    }

    /// From the fastest down.
    private static let levels = [
        Level(needs: .avx512, cores: ["SkylakeX", "Cooperlake", "SapphireRapids"]),
        Level(needs: .avx2, cores: ["Haswell", "Zen"], makers: ["Excavator"]),
        Level(needs: .avx, cores: ["Sandybridge"], makers: ["Bulldozer", "Piledriver", "Steamroller"]),
        Level(needs: .sve2, cores: ["neoversen2"]),
        Level(needs: .sve, cores: ["neoversev1"]),
        Level(needs: .arm82, cores: ["neoversen1"]),
        Level(
            needs: [], cores: ["Prescott", "armv8"],
            makers: [
                "Nehalem", "Dunnington", "Penryn", "Core2", "Atom", "Nano", "Bobcat", "Barcelona", "Opteron_SSE3",
                "Opteron", "Unknown",
            ]),
    ]

    /// Tells whether a core's kernels run on a processor; `false` for those that only OpenBLAS can tell.
    static func runs(_ core: String, on features: ProcessorFeatures) -> Bool {
        let needsMore = ["Cooperlake", "SapphireRapids"].contains(core)
        return self.levels.contains { $0.cores.contains(core) && features.isSuperset(of: $0.needs) }
            && (!needsMore || features.contains(.bfloat16))
    }

    /// The cores to try, the best one first.
    ///
    /// At each level it is the core that OpenBLAS took, since that is for this very model, or else the level's first. A
    /// core that is not known here is newer than this table, and OpenBLAS had a reason to take it.
    /// - Parameters:
    ///   - features: what the processor can do.
    ///   - taken: the core that OpenBLAS took by itself.
    ///   - built: the cores that it can be told to take; none where it was built for one kind of processor.
    static func candidates(_ features: ProcessorFeatures, taken: String, built: [String]) -> [String] {
        let isKnown = self.levels.contains { ($0.cores + $0.makers).contains(taken) }
        var order = isKnown ? [] : [taken]
        for level in self.levels where features.isSuperset(of: level.needs) {
            if (level.cores + level.makers).contains(taken) { order.append(taken) }
            let first = level.cores.first { built.contains($0) && self.runs($0, on: features) }
            if let first, first != taken { order.append(first) }
        }
        return order.isEmpty ? [taken] : order
    }

    /// Takes the first core that multiplies rightly; where none does, the last stays.
    /// - Parameters:
    ///   - candidates: names of cores, in the order in which to try them.
    ///   - take: has OpenBLAS take a core; whether it did.
    ///   - problem: what the core in force multiplies wrongly.
    /// - Returns: the cores that multiply wrongly.
    static func settle(
        _ candidates: [String], take: (String) -> Bool, problem: () -> String?
    ) -> [BLAS.Core.Fault] {
        var faults: [BLAS.Core.Fault] = []
        for core in candidates where take(core) {
            guard let problem = problem() else { return faults }
            faults.append(BLAS.Core.Fault(core: core, problem: problem))
        }
        return faults
    }
}
