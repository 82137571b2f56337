// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import NeuralNetworks
import Records
import Shards

/// A checkpoint as a file: what stands where, and what shows that it is sound.
enum CheckpointFile {
    static let optimizerPrefix = "optimizer."
    static let carriedPrefix = "carried."
    private static let formatVersion = "1"
    private static let versionKey = "millrace_version"
    private static let stateKey = "millrace_state"
    private static let checksumKey = "millrace_checksum"

    // MARK: Writing

    /// The tensors of a run, where they lie: nothing is copied.
    static func tensors<Network: TrainableNetwork>(
        _ network: Network, _ optimizer: Network.Rule
    ) -> [SafetensorsWriter.Tensor] {
        let weights = network.parameters.layout.parameters.filter(\.isStored).map { network.parameters.tensor($0) }
        let carried = network.carried.map {
            SafetensorsWriter.Tensor(self.carriedPrefix + $0.name, shape: $0.shape, .buffer($0.buffer, at: 0))
        }
        let state = zip(Network.Rule.stateNames, optimizer.state).map {
            SafetensorsWriter.Tensor(self.optimizerPrefix + $0, shape: [$1.count], .buffer($1, at: 0))
        }
        return weights + carried + state
    }

    /// Writes a file: it is there whole and durable, or as it was before.
    static func write(
        _ tensors: [SafetensorsWriter.Tensor], state: some Encodable, _ name: String, in folder: String
    ) throws(TrainingError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        guard let state = try? encoder.encode(state) else {
            throw TrainingError(.checkpoint, "a number of this run cannot be written as JSON: is a score no number?")
        }
        var metadata = [
            "format": "pt", self.versionKey: self.formatVersion, self.stateKey: String(decoding: state, as: UTF8.self),
        ]
        var checksum = Checksum(metadata)
        for tensor in tensors.sorted(by: { $0.name < $1.name }) {
            tensor.withBytes { checksum.add(tensor.name, tensor.shape, $0) }
        }
        metadata[self.checksumKey] = checksum.finish()
        try DurableFile.replace(name, in: folder) { file throws(ShardError) in
            try SafetensorsWriter.write(tensors, metadata: metadata) { bytes throws(ShardError) in
                try file.append(bytes)
            }
        }
    }

    // MARK: Reading

    /// The state of a file whose checksum fits all that is in it. Holds one tensor at a time.
    static func checkedState(_ file: SafetensorsFile) throws -> String {
        guard let version = file.metadata[self.versionKey], let text = file.metadata[self.stateKey],
            let stored = file.metadata[self.checksumKey]
        else {
            throw TrainingError(
                .checkpoint,
                "\(file.path) is a safetensors file, but no checkpoint of `millrace train` or `finetune`; name one")
        }
        guard version == self.formatVersion else {
            throw TrainingError(
                .checkpoint,
                "\(file.path) has format version \(version), this program reads \(self.formatVersion); name a checkpoint of "
                    + "this version, or start another --output")
        }
        var checksum = Checksum(file.metadata.filter { $0.key != self.checksumKey })
        for name in file.names.sorted() {
            try file.bytes(name).withUnsafeBytes { checksum.add(name, file.entry(name)?.shape ?? [], $0) }
        }
        guard checksum.finish() == stored else {
            throw TrainingError(
                .checkpoint,
                "\(file.path) is damaged: its checksum does not fit its content. Restore it from a copy, or remove it to "
                    + "go on from the checkpoint before; nothing was changed")
        }
        return text
    }

    /// The hash of everything that is read: a flipped bit is found wherever it is. Tensors come in the order of their
    /// names.
    private struct Checksum {
        private var hash = ContentHash.Stream()

        init(_ metadata: [String: String]) {
            for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
                self.hash.update(Bytes("\(key.utf8.count) \(key)\(value.utf8.count) \(value)".utf8))
            }
        }

        mutating func add(_ name: String, _ shape: [Int], _ bytes: UnsafeRawBufferPointer) {
            self.hash.update(Bytes("\(name.utf8.count) \(name) \(shape) ".utf8))
            self.hash.update(bytes)
        }

        func finish() -> String { self.hash.finish() }
    }
}
