// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Records

/// The file that `torch.save(tensor, path)` writes: a zip archive of stored entries, `NAME/data.pkl` with a pickle of
/// the tensor's shape, `NAME/data/KEY` with its numbers, and `NAME/byteorder` (pytorch/pytorch,
/// `torch/serialization.py`).
enum TorchFile {
    /// The first bytes of a zip archive.
    static let signature: Bytes = [0x50, 0x4b, 0x03, 0x04]

    private static let pickleMax = 1 << 20

    /// Finds the one tensor of a file.
    static func tensor(_ file: TensorFile) throws(TensorFileError) -> StoredTensor {
        let directory = try ZipDirectory(file)
        guard let pickle = directory.entries.first(where: { $0.name.hasSuffix("/data.pkl") }) else {
            throw Self.corrupt(file, "the archive has no data.pkl")
        }
        let folder = pickle.name.dropLast("data.pkl".count)
        try Self.checkByteOrder(file, directory, folder)
        guard pickle.size <= Self.pickleMax else {
            throw Self.corrupt(file, "its pickle has \(pickle.size) bytes; a tensor's has a few hundred")
        }
        let bytes = try file.read(try directory.range(of: pickle))
        let tensor: TensorPickle
        do throws(PickleError) {
            tensor = try TensorPickle(bytes)
        } catch {
            throw TensorFileError(
                error.isForeign ? .unsupported : .corrupt, "\(file.path): \(error.message)")
        }
        try directory.checksum(of: pickle)?.verify(file)
        return try Self.locate(tensor, file, directory, folder)
    }

    private static func checkByteOrder(
        _ file: TensorFile, _ directory: ZipDirectory, _ folder: Substring
    ) throws(TensorFileError) {
        guard let entry = directory.entries.first(where: { $0.name == folder + "byteorder" }), entry.size < 64 else {
            return
        }
        let order = String(decoding: try file.read(try directory.range(of: entry)), as: UTF8.self)
        guard order == "little" else {
            throw TensorFileError(
                .unsupported, "\(file.path) was written on a \(order)-endian machine; save it on a little-endian one")
        }
    }

    private static func locate(
        _ tensor: TensorPickle, _ file: TensorFile, _ directory: ZipDirectory, _ folder: Substring
    ) throws(TensorFileError) -> StoredTensor {
        guard let entry = directory.entries.first(where: { $0.name == folder + "data/" + tensor.storageKey }) else {
            throw Self.corrupt(file, "the archive has no entry data/\(tensor.storageKey)")
        }
        let range = try directory.range(of: entry)
        guard let count = tensor.type.count(of: tensor.shape), tensor.offset >= 0,
            tensor.offset <= range.count / tensor.type.size,
            count <= range.count / tensor.type.size - tensor.offset
        else {
            throw Self.corrupt(
                file, "a tensor of shape \(tensor.shape) does not fit into the \(range.count) bytes of its storage")
        }
        guard tensor.isRowMajor else {
            throw TensorFileError(
                .unsupported,
                "\(file.path): the tensor of shape \(tensor.shape) has the strides \(tensor.strides); save "
                    + "tensor.contiguous() instead")
        }
        return StoredTensor(
            type: tensor.type, shape: tensor.shape, start: range.lowerBound + tensor.offset * tensor.type.size,
            checksum: try directory.checksum(of: entry))
    }

    private static func corrupt(_ file: TensorFile, _ problem: String) -> TensorFileError {
        TensorFileError(.corrupt, "\(file.path) is no sound file of torch.save: \(problem)")
    }
}
