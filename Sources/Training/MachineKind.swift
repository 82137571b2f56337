// SPDX-License-Identifier: Apache-2.0

import Foundation
import NeuralNetworks

/// The kind of machine that a run's bits hold for.
public struct MachineKind: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The processor's name, as the system says it.
    public var processor: String
    /// The core whose kernels OpenBLAS uses.
    public var coreType: String
    /// The version of our own kernels that runs.
    public var instructionSet: String

    /// This machine.
    public static var current: MachineKind {
        let lines = (FileManager.default.contents(atPath: "/proc/cpuinfo")).map { String(decoding: $0, as: UTF8.self) }
        return MachineKind(
            processor: lines.flatMap(Self.processor) ?? "unknown", coreType: BLAS.coreType,
            instructionSet: BLAS.instructionSet)
    }

    /// The processor's name in `/proc/cpuinfo`; on ARM, which has none there, its maker's number and its own.
    static func processor(_ information: String) -> String? {
        func value(_ name: String) -> String? {
            information.split(separator: "\n").first { $0.hasPrefix(name) }?.split(separator: ":").last
                .map { $0.trimmingCharacters(in: .whitespaces) }
        }
        if let name = value("model name") { return name }
        guard let maker = value("CPU implementer"), let part = value("CPU part") else { return nil }
        return "ARM \(maker) \(part)"
    }

    /// `AMD EPYC 9B45, OpenBLAS SkylakeX, avx512`
    public var description: String { "\(self.processor), OpenBLAS \(self.coreType), \(self.instructionSet)" }
}
