// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Training

extension FirstStage {
    /// The first stage of a file: a checkpoint of one that was trained here, or the official weights.
    /// - Returns: the stage, and whether it is the official one, whose latents have a scale of their own.
    /// - Throws: `TrainingError`, `TensorFileError` or `GenerationError` where the file is damaged or something else.
    public static func read(_ path: String) throws -> (stage: FirstStage, isOfficial: Bool) {
        let file = try SafetensorsFile(path: path)
        guard file.metadata["millrace_state"] != nil else {
            let stage = try FirstStage(FirstStageConfiguration(), seed: 0)
            try stage.load(file)
            return (stage, true)
        }
        let checkpoint = try Checkpoint<FirstStageTrainer>(path: path)
        let stage = try FirstStage(checkpoint.state.description.firstStage, seed: 0)
        try stage.load(file)
        return (stage, false)
    }
}
