// SPDX-License-Identifier: Apache-2.0

import Foundation
import NeuralNetworks

/// The checkpoints of a run's folder: `step-000000200.safetensors` and so on, and `best.safetensors`.
public struct CheckpointFolder: Sendable {
    /// The path of the folder.
    public var path: String
    /// The number of checkpoints that are kept beside the best.
    public var keep: Int

    /// The name of the best one.
    public static let bestName = "best.safetensors"

    /// Describes a folder, which need not be there yet.
    public init(path: String, keep: Int = 3) {
        self.path = path
        self.keep = max(keep, 1)
    }

    static func name(step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 9 - digits.count)) + digits + ".safetensors"
    }

    /// The steps of the checkpoints that are there, in order.
    public func steps() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: self.path)) ?? []
        return names.compactMap { name in
            guard let match = name.wholeMatch(of: /step-([0-9]+)\.safetensors/) else { return nil }
            return Int(match.1)
        }.sorted()
    }

    /// The last checkpoint; `nil` where there is none.
    /// - Throws: `TrainingError.Code.checkpoint` where it is damaged. An older one is not taken in silence.
    public func latest<Network: TrainableNetwork>(
        of network: Network.Type = Network.self
    ) throws(TrainingError) -> Checkpoint<Network>? {
        guard let step = self.steps().last else { return nil }
        return try Checkpoint(path: self.path + "/" + Self.name(step: step))
    }

    /// Writes a checkpoint, then removes those that are too many.
    func write(
        _ tensors: [SafetensorsWriter.Tensor], state: some Encodable, step: Int, isBest: Bool
    ) throws(TrainingError) {
        try CheckpointFile.write(tensors, state: state, Self.name(step: step), in: self.path)
        if isBest { try CheckpointFile.write(tensors, state: state, Self.bestName, in: self.path) }
        for old in self.steps().dropLast(self.keep) where old < step {
            try? FileManager.default.removeItem(atPath: self.path + "/" + Self.name(step: old))
        }
    }
}
