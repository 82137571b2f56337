// SPDX-License-Identifier: Apache-2.0

import MomentLocalization
import NeuralNetworks
import Training

/// Says which kernels multiply matrices, and refuses those that multiply wrongly.
enum MatrixKernels {
    /// Has the kernels chosen and checked, before a network is made.
    /// - Throws: `CommandFailure` where none multiplies rightly.
    static func prepare() throws {
        let core = BLAS.core
        if let problem = core.problem {
            throw CommandFailure(
                .failed,
                "OpenBLAS multiplies wrongly with its kernels for \(core.name) (\(problem)); \(self.remedy(core))")
        }
        for warning in self.warnings(core) { Console.warning(warning) }
        Console.debug("matrices: OpenBLAS's kernels for \(self.words(core)); loops: \(BLAS.instructionSet)")
    }

    /// The text that `--version --verbose` adds to the version.
    static func report() -> String {
        let core = BLAS.core
        let state = core.problem.map { "WRONG: \($0); \(self.remedy(core))" } ?? "checked against plain multiplication"
        var lines = [
            "processor: \(MachineKind.current.processor)",
            "matrices: \(self.words(core)), \(state)",
            "loops: \(BLAS.instructionSet)",
            "library: \(BLAS.library)",
        ]
        lines += self.warnings(core).map { "warning: \($0)" }
        return lines.joined(separator: "\n")
    }

    private static func remedy(_ core: BLAS.Core) -> String {
        core.wish == nil ? "install another release of OpenBLAS" : "leave OPENBLAS_CORETYPE away, or name another core"
    }

    /// The core in force, and how it came to be chosen.
    static func words(_ core: BLAS.Core) -> String {
        if core.wish != nil { return "\(core.name), by OPENBLAS_CORETYPE" }
        return core.name == core.taken ? core.name : "\(core.name), where OpenBLAS took \(core.taken)"
    }

    /// Warnings about a core for the user.
    static func warnings(_ core: BLAS.Core) -> [String] {
        var warnings = core.faults.filter { $0.core != core.name }.map {
            "OpenBLAS's kernels for \($0.core) multiply wrongly here (\($0.problem)); those for \(core.name) are used instead"
        }
        if let wish = core.wish, wish.lowercased() != core.name.lowercased() {
            warnings.append(
                "OPENBLAS_CORETYPE asks for \(wish), which this OpenBLAS does not have; it took \(core.name): leave the "
                    + "variable away, and the core is chosen by what the processor can do")
        }
        return warnings
    }
}
