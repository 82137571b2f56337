// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

/// A file of features, open for reading: its shape is known, rows are read when they are asked for.
///
/// Three formats, told apart by the file's first bytes: what `torch.save` writes of a tensor, NumPy's `.npy`, and
/// safetensors with one tensor (or several, one of them called `features`).
public struct FeatureFile: Sendable {
    /// The number of moments.
    public let rows: Int
    /// The number of features of a moment.
    public let columns: Int
    /// The file's path.
    public var path: String { self.file.path }
    private let file: TensorFile
    private let type: ElementType
    /// The offset of the first row in the file.
    private let start: Int
    private let checksum: StoredTensor.Checksum?

    /// The most features of a moment that are read: files claim more than any extractor gives.
    public static let columnsMax = 1 << 16

    /// Opens a file and reads what it says of itself.
    /// - Throws: `TensorFileError`: `.missing`, `.corrupt`, `.unsupported`, `.mismatch` where it holds no matrix.
    public init(path: String) throws(TensorFileError) {
        let file = try TensorFile(path: path)
        let beginning = try file.read(0..<min(file.size, 6))
        let stored: StoredTensor
        if beginning.starts(with: TorchFile.signature) {
            stored = try TorchFile.tensor(file)
        } else if beginning.starts(with: NumPyFile.signature) {
            stored = try NumPyFile.tensor(file)
        } else if path.hasSuffix(".safetensors") {
            stored = try Self.safetensors(file)
        } else {
            throw TensorFileError(
                .corrupt,
                "\(path) is neither a zip archive as torch.save writes it, nor a .npy file, nor named .safetensors; "
                    + "files of PyTorch before 1.6 must be loaded and saved again")
        }
        try self.init(file, stored)
    }

    private init(_ file: TensorFile, _ stored: StoredTensor) throws(TensorFileError) {
        // A dimension of one beside two others is a leftover of batching.
        var shape = stored.shape
        while shape.count > 2, let index = shape.lastIndex(of: 1) { shape.remove(at: index) }
        guard shape.count == 2, shape[1] > 0 else {
            throw TensorFileError(
                .mismatch,
                "\(file.path) holds a tensor of shape \(stored.shape); features are a matrix, one row a moment"
            )
        }
        guard shape[1] <= Self.columnsMax else {
            throw TensorFileError(
                .mismatch,
                "\(file.path) claims \(shape[1]) features a moment, and at most \(Self.columnsMax) are read: is it damaged, "
                    + "or stored the other way round? Extract the features of this video again")
        }
        guard stored.type.isFloatingPoint else {
            throw TensorFileError(
                .mismatch, "\(file.path) holds whole numbers (\(stored.type.rawValue)); features are floating-point")
        }
        guard let count = stored.type.count(of: shape), stored.start >= 0,
            count * stored.type.size <= file.size - stored.start
        else {
            throw TensorFileError(
                .corrupt, "\(file.path) is too short for a tensor of shape \(stored.shape): it was cut; fetch it again")
        }
        self.file = file
        self.rows = shape[0]
        self.columns = shape[1]
        self.type = stored.type
        self.start = stored.start
        self.checksum = stored.checksum
    }

    private static func safetensors(_ file: TensorFile) throws(TensorFileError) -> StoredTensor {
        let entries = try SafetensorsHeader(file).entries
        guard let entry = entries.count == 1 ? entries.first : entries.first(where: { $0.name == "features" }) else {
            throw TensorFileError(
                .mismatch, "\(file.path) holds \(entries.count) tensors and none is called features; keep one")
        }
        return StoredTensor(type: entry.type, shape: entry.shape, start: entry.range.lowerBound)
    }

    /// Reads a range of rows.
    /// - Parameter isVerified: whether the checksum that the file has of its numbers, if it has one, was compared
    ///   before. It takes reading all of them.
    /// - Throws: `TensorFileError.Code.corrupt` where a number is infinite or none at all, or the checksum is another.
    public func read(_ rows: Range<Int>, isVerified: Bool = false) throws(TensorFileError) -> FeatureMatrix {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= self.rows, "rows of this file")
        if !isVerified { try self.checksum?.verify(self.file) }
        let size = self.columns * self.type.size
        let bytes = try self.file.read(self.start + rows.lowerBound * size..<self.start + rows.upperBound * size)
        let values = bytes.withUnsafeBytes { self.type.floats($0) }
        let matrix = FeatureMatrix(rows: rows.count, columns: self.columns, values: values)
        if let row = matrix.firstNonFiniteRow {
            throw TensorFileError(
                .corrupt,
                "\(self.file.path), row \(rows.lowerBound + row): a feature is NaN or infinite; extract the features of "
                    + "this video again, or move the file away to leave the video out")
        }
        return matrix
    }
}

/// A tensor's place in a file, row-major.
struct StoredTensor: Hashable {
    var type: ElementType
    var shape: [Int]
    /// The byte at which its first element starts.
    var start: Int
    /// The checksum that the file has for its numbers, if it has one.
    var checksum: Checksum?

    /// The CRC-32 of a range of a file's bytes.
    struct Checksum: Hashable {
        var value: UInt32
        var range: Range<Int>
        /// The name of the bytes, for errors.
        var name: String

        private static let chunkSize = 1 << 20

        /// Reads the bytes and compares.
        /// - Throws: `TensorFileError.Code.corrupt` where they add up to something else.
        func verify(_ file: TensorFile) throws(TensorFileError) {
            var sum = CRC32()
            var position = self.range.lowerBound
            while position < self.range.upperBound {
                let end = min(position + Self.chunkSize, self.range.upperBound)
                sum.update(try file.read(position..<end))
                position = end
            }
            guard sum.value == self.value else {
                throw TensorFileError(
                    .corrupt,
                    "\(file.path): the checksum of \(self.name) does not fit its bytes: the file is damaged; fetch it again, "
                        + "or move it away to leave the video out")
            }
        }
    }
}
