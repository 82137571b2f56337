// SPDX-License-Identifier: Apache-2.0

internal import CKernels
internal import COpenBLAS

/// The matrix routines below, and which of their versions run here.
public enum BLAS {
    /// OpenBLAS's name for the kind of processor whose kernels are in force, such as "SkylakeX" or "Zen". Results have
    /// the same bits only on the same core type, so a checkpoint records it.
    public static var coreType: String { self.ready }

    /// The instruction set of our own kernels: "avx512", "avx2" or "portable".
    public static var instructionSet: String { String(cString: ck_instruction_set()) }

    /// One thread within each call: the trainer runs whole micro-batches side by side instead.
    private static let ready: String = {
        openblas_set_num_threads(1)
        return String(cString: openblas_get_corename())
    }()

    static func prepare() { _ = Self.ready }
}
