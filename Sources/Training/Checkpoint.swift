// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Records

/// Everything that a run needs to go on, or another to start from: a safetensors file with the weights under their
/// official names, the carried state under `carried.`, the optimizer's under `optimizer.`, and the rest as metadata.
///
/// A checkpoint that was read is known to be sound; its tensors stay in the file until they are loaded.
public struct Checkpoint<Network: TrainableNetwork>: Sendable {
    /// The description of the run, beside its tensors.
    public let state: State
    let file: SafetensorsFile

    /// Reads a file and checks all of it.
    /// - Throws: `TrainingError.Code.checkpoint` where it is damaged, of a newer version, no checkpoint, or one of
    ///   another network.
    public init(path: String) throws(TrainingError) {
        do {
            let file = try SafetensorsFile(path: path)
            let text = try CheckpointFile.checkedState(file)
            self.file = file
            self.state = try PlainDecoder.decode(State.self, from: text.utf8)
            if let problem = self.state.problem() {
                throw TrainingError(
                    .checkpoint,
                    "\(path) describes no run that can have been: \(problem). It was edited or written by something else; "
                        + "name a checkpoint as `millrace train` wrote it")
            }
            try self.checkTensors()
        } catch let error as TrainingError {
            throw error
        } catch let error as TensorFileError {
            throw TrainingError(.checkpoint, error.message)
        } catch let problem as PlainDecoder.Problem {
            throw TrainingError(
                .checkpoint,
                "\(path): its description cannot be read (millrace_state): \(problem.message); name a checkpoint as "
                    + "`millrace train` wrote it")
        } catch {
            throw TrainingError(
                .checkpoint, "\(path) cannot be read as a checkpoint; name one as `millrace train` wrote it")
        }
    }

    /// Compares what the network needs with the file's table of contents before memory is taken for any of it, then
    /// looks at each number: a weight that is none would make every score one that means nothing.
    private func checkTensors() throws {
        let layout = Network.layout(self.state.description)
        let parts = Network.Rule.stateNames.map { (CheckpointFile.optimizerPrefix + $0, [layout.trainedCount]) }
        for (name, shape) in layout.parameters.filter(\.isStored).map({ ($0.name, $0.shape) }) + parts {
            guard let entry = self.file.entry(name) else {
                throw TensorFileError(.mismatch, "\(self.file.path) has no tensor \(name), which its network needs")
            }
            guard entry.shape == shape else {
                throw TensorFileError(
                    .mismatch,
                    "\(self.file.path): tensor \(name) has the shape \(entry.shape), its network needs \(shape)")
            }
        }
        for name in self.file.names {
            let values = try self.file.floats(name)
            let part =
                name.hasPrefix(CheckpointFile.optimizerPrefix)
                ? String(name.dropFirst(CheckpointFile.optimizerPrefix.count)) : nil
            guard values.areFinite else {
                throw TrainingError(
                    .checkpoint,
                    "\(self.file.path): \(part.map { "the optimizer's state \"\($0)\"" } ?? name) holds NaN or infinity; "
                        + "name a checkpoint from before that happened")
            }
            if let part, let problem = Network.Rule.problem(part, values) {
                throw TrainingError(.checkpoint, "\(self.file.path): \(problem); name another checkpoint")
            }
        }
        for parameter in layout.parameters where !parameter.isStored && self.state.frozen?[parameter.name] == nil {
            throw TrainingError(
                .checkpoint,
                "\(self.file.path) names no digest of \(parameter.name), which is kept elsewhere; name a checkpoint as "
                    + "`millrace train` wrote it")
        }
    }

    // MARK: Loading

    /// Puts the weights into a network of the same description.
    /// - Throws: `TrainingError.Code.checkpoint` where it is another, or has other frozen weights than those that the
    ///   checkpoint names; it is as it was then.
    public func loadWeights(into network: Network) throws(TrainingError) {
        guard network.description == self.state.description else {
            throw TrainingError(
                .checkpoint,
                "the checkpoint is of another network than the one it is loaded into; name one of this network")
        }
        let parameters = network.parameters
        for parameter in parameters.layout.parameters where !parameter.isStored {
            guard parameters.digest(parameter) == self.state.frozen?[parameter.name] else {
                throw TrainingError(
                    .checkpoint,
                    "\(self.file.path) was trained beside other values of \(parameter.name) than those that were read; "
                        + "name the files that it was trained with")
            }
        }
        try self.reading { () throws(TensorFileError) in
            for parameter in parameters.layout.parameters where parameter.isStored {
                parameters[parameter] = try self.file.floats(parameter.name, shape: parameter.shape)
            }
        }
    }

    /// Puts everything into a network and its optimizer.
    /// - Throws: as `loadWeights`; and where the carried state has other tensors than the network.
    func load(into network: Network, _ optimizer: Network.Rule) throws(TrainingError) {
        let names = network.carried.map { CheckpointFile.carriedPrefix + $0.name }
        let found = self.file.names.filter { $0.hasPrefix(CheckpointFile.carriedPrefix) }
        guard Set(names) == Set(found),
            zip(names, network.carried).allSatisfy({ self.file.entry($0)?.shape == $1.shape })
        else {
            throw TrainingError(
                .checkpoint,
                "\(self.file.path) carries \(found.isEmpty ? "nothing" : found.sorted().joined(separator: ", ")), and its "
                    + "network \(names.isEmpty ? "nothing" : names.sorted().joined(separator: ", ")), or in other "
                    + "shapes; name a checkpoint of the same network, or another --output"
            )
        }
        try self.loadWeights(into: network)
        try self.reading { () throws(TensorFileError) in
            for (name, tensor) in zip(names, network.carried) {
                tensor.buffer.assign(try self.file.floats(name, shape: tensor.shape))
            }
            for (name, buffer) in zip(Network.Rule.stateNames, optimizer.state) {
                buffer.assign(try self.file.floats(CheckpointFile.optimizerPrefix + name, shape: [buffer.count]))
            }
        }
    }

    private func reading(_ body: () throws(TensorFileError) -> Void) throws(TrainingError) {
        do throws(TensorFileError) {
            try body()
        } catch {
            throw TrainingError(.checkpoint, error.message)
        }
    }
}

extension Array where Element == Float {
    /// Tells whether all numbers are finite.
    fileprivate var areFinite: Bool {
        self.withUnsafeBufferPointer { values in
            var index = 0
            while index < values.count, values[index].isFinite { index += 1 }
            return index == values.count
        }
    }
}
