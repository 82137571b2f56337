// SPDX-License-Identifier: Apache-2.0

import CKernels
import COpenBLAS
import Foundation
import Synchronization

/// The matrix routines, and which of their versions run here.
///
/// The first product, or the first question, has OpenBLAS's core chosen and checked; a process that does neither is
/// left alone. One thread works within each call: the trainer runs whole micro-batches side by side instead.
public enum BLAS {
    /// OpenBLAS's kernels for one kind of processor, and how they came to be in force.
    public struct Core: Hashable, Sendable {
        /// OpenBLAS's name for them, such as "SkylakeX" or "Zen".
        public var name: String
        /// The name of those that OpenBLAS took by itself, or by the user's wish.
        public var taken: String
        /// The user's wish in OPENBLAS_CORETYPE, which wins.
        public var wish: String?
        /// Cores that multiply wrongly here, with an example of what.
        public var faults: [Fault] = []

        /// A core that multiplies wrongly.
        public struct Fault: Hashable, Sendable {
            /// OpenBLAS's name for it.
            public var core: String
            /// A product that came out wrong.
            public var problem: String
        }

        /// The product that the core in force gets wrong, where no other core was left to take.
        public var problem: String? { self.faults.last { $0.core == self.name }?.problem }
    }

    /// The core in force. Results have the same bits only with the same one.
    public static var core: Core {
        self.prepare()
        return self.state.withLock { $0 } ?? Core(name: "", taken: "")
    }

    /// The name of the core in force.
    public static var coreType: String { self.core.name }

    /// The instruction set of our own kernels: "avx512", "avx2" or "portable".
    public static var instructionSet: String { String(cString: ck_instruction_set()) }

    /// OpenBLAS's release and how it was built.
    public static var library: String { String(cString: openblas_get_config()) }

    /// Takes a core, such as that of a checkpoint, if this processor can run it, it multiplies rightly, and the user
    /// has not wished for another. No other thread may multiply meanwhile.
    /// - Returns: whether it is in force.
    @discardableResult
    public static func take(_ name: String) -> Bool {
        self.prepare()
        return self.state.withLock { core in
            guard var next = core, next.name != name else { return core != nil }
            let isPossible = next.taken == name || CoreChoice.runs(name, on: .current)
            guard next.wish == nil, isPossible, self.built.contains(name) else { return false }
            let faults = CoreChoice.settle([name, next.name], take: self.force) { CoreCheck.problem(self.product) }
            next.name = self.coreInForce
            next.faults += faults
            core = next
            return next.name == name
        }
    }

    static func prepare() { _ = Self.ready }

    private static let state = Mutex<Core?>(nil)

    private static let ready: Void = {
        openblas_set_num_threads(1)
        var core = Core(name: Self.coreInForce, taken: Self.coreInForce)
        core.wish = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"].flatMap { $0.isEmpty ? nil : $0 }
        let candidates =
            core.wish == nil
            ? CoreChoice.candidates(.current, taken: core.taken, built: Self.built) : [core.taken]
        core.faults = CoreChoice.settle(candidates, take: Self.force) { CoreCheck.problem(Self.product) }
        core.name = Self.coreInForce
        Self.state.withLock { $0 = core }
    }()

    private static var coreInForce: String { String(cString: openblas_get_corename()) }

    /// The cores that OpenBLAS can be told to take.
    private static var built: [String] {
        var names: [String] = []
        while let name = ck_openblas_core(names.count) { names.append(String(cString: name)) }
        return names
    }

    private static func force(_ core: String) -> Bool { core == self.coreInForce || ck_openblas_take(core) != 0 }

    /// SGEMM, as `multiply` describes it.
    static func product(
        _ a: Matrix, _ aForm: MatrixForm, _ b: Matrix, _ bForm: MatrixForm, _ product: Matrix, _ accumulating: Bool,
        _ factor: Float
    ) {
        cblas_sgemm(
            CblasRowMajor, aForm == .plain ? CblasNoTrans : CblasTrans, bForm == .plain ? CblasNoTrans : CblasTrans,
            Int32(product.rows), Int32(product.columns), Int32(aForm == .plain ? a.columns : a.rows), factor, a.start,
            Int32(a.stride), b.start, Int32(b.stride), accumulating ? 1 : 0, product.start, Int32(product.stride))
    }
}
