// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Records

/// NumPy's `.npy`: a signature, a version, the length of a header, the header as a Python dictionary, the numbers
/// (numpy/numpy, `numpy/lib/_format_impl.py`).
enum NumPyFile {
    static let signature: Bytes = [0x93] + Bytes("NUMPY".utf8)

    /// Finds the array in a file.
    static func tensor(_ file: TensorFile) throws(TensorFileError) -> StoredTensor {
        guard file.size >= 10 else { throw Self.corrupt(file, "it ends within its header") }
        let fixed = try file.read(0..<10)
        let isLong = fixed[6] >= 2
        guard fixed[6] <= 3, !isLong || file.size >= 12 else {
            throw Self.corrupt(file, "its version is \(fixed[6]).\(fixed[7])")
        }
        let start = isLong ? 12 : 10
        let lengthBytes = try file.read(8..<start)
        let length = lengthBytes.reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= file.size - start, length <= 1 << 16 else {
            throw Self.corrupt(file, "its header claims \(length) bytes")
        }
        let header = String(decoding: try file.read(start..<start + length), as: UTF8.self)
        return StoredTensor(
            type: try Self.type(header, file), shape: try Self.shape(header, file), start: start + length)
    }

    private static func type(_ header: String, _ file: TensorFile) throws(TensorFileError) -> ElementType {
        guard let match = header.firstMatch(of: /'descr'\s*:\s*'([^']*)'/) else {
            throw Self.corrupt(file, "its header names no plain type of number: \(header.prefix(200))")
        }
        switch match.1 {
        case "<f2": return .float16
        case "<f4": return .float32
        case "<f8": return .float64
        default:
            throw TensorFileError(
                .unsupported, "\(file.path) holds numbers of type \(match.1); read are <f2, <f4 and <f8")
        }
    }

    private static func shape(_ header: String, _ file: TensorFile) throws(TensorFileError) -> [Int] {
        guard header.contains(/'fortran_order'\s*:\s*False/) else {
            throw TensorFileError(
                .unsupported, "\(file.path) is stored column by column; save numpy.ascontiguousarray(features) instead")
        }
        guard let match = header.firstMatch(of: /'shape'\s*:\s*\(([0-9, ]*)\)/) else {
            throw Self.corrupt(file, "its header has no shape: \(header.prefix(200))")
        }
        var shape: [Int] = []
        for part in match.1.split(separator: ",") {
            let digits = part.filter { $0 != " " }
            if digits.isEmpty { continue }
            guard let dimension = Int(digits) else { throw Self.corrupt(file, "its shape is (\(match.1))") }
            shape.append(dimension)
        }
        return shape
    }

    private static func corrupt(_ file: TensorFile, _ problem: String) -> TensorFileError {
        TensorFileError(.corrupt, "\(file.path) is no sound .npy file: \(problem)")
    }
}
