// SPDX-License-Identifier: Apache-2.0

/// The weights of a network that is not trained, read one by one from a file of tensors. Names are those behind a
/// prefix, which differs between the places that publish a network.
public struct FrozenWeights: Sendable {
    /// The file that they lie in.
    public let file: SafetensorsFile
    /// The beginning of every name, such as `bert.`; empty if there is none.
    public let prefix: String

    /// Takes an open file.
    public init(_ file: SafetensorsFile, prefix: String = "") {
        self.file = file
        self.prefix = prefix
    }

    /// Tells whether there is a tensor of a name.
    public func has(_ name: String) -> Bool { self.shape(name) != nil }

    /// A tensor's dimensions; `nil` where there is none of that name.
    public func shape(_ name: String) -> [Int]? { self.file.entry(self.prefix + name)?.shape }

    /// A tensor of a shape.
    /// - Throws: `TensorFileError` where it is not there, has another shape, or holds NaN or infinity.
    public func tensor(_ name: String, _ shape: [Int]) throws(TensorFileError) -> FloatBuffer {
        try self.finite(try self.file.floats(self.prefix + name, shape: shape), name)
    }

    /// A matrix, and its shape.
    /// - Parameter columns: the columns that it must have, where the caller knows.
    public func matrix(
        _ name: String, columns: Int? = nil
    ) throws(TensorFileError) -> (FloatBuffer, (rows: Int, columns: Int)) {
        let values = try self.file.floats(self.prefix + name)
        guard let shape = self.shape(name), shape.count == 2, shape[0] > 0, shape[1] > 0,
            columns == nil || columns == shape[1]
        else {
            throw TensorFileError(
                .mismatch,
                "\(self.file.path): \(self.prefix + name) has the shape \(self.shape(name) ?? []) where a matrix"
                    + (columns.map { " of \($0) columns" } ?? "") + " belongs")
        }
        return (try self.finite(values, name), (shape[0], shape[1]))
    }

    /// A layer norm. Checkpoints that came from TensorFlow call its two vectors gamma and beta.
    public func norm(_ name: String, _ width: Int) throws(TensorFileError) -> Inference.Norm {
        let isOld = self.has(name + ".gamma")
        return Inference.Norm(
            weight: try self.tensor(name + (isOld ? ".gamma" : ".weight"), [width]),
            bias: try self.tensor(name + (isOld ? ".beta" : ".bias"), [width]))
    }

    /// A linear layer.
    /// - Parameters:
    ///   - outputs: the columns that it must give, where the caller knows.
    ///   - hasBias: whether it has a bias; where it has none, zeros stand for it.
    public func dense(
        _ name: String, inputs: Int, outputs: Int? = nil, hasBias: Bool = true
    ) throws(TensorFileError) -> Inference.Dense {
        let (weight, shape) = try self.matrix(name + ".weight", columns: inputs)
        guard outputs == nil || outputs == shape.rows else {
            throw TensorFileError(
                .mismatch,
                "\(self.file.path): \(self.prefix + name) gives \(shape.rows) columns where \(outputs ?? 0) belong")
        }
        let bias = hasBias ? try self.tensor(name + ".bias", [shape.rows]) : FloatBuffer(count: shape.rows)
        return Inference.Dense(weight: weight, bias: bias, inputs: inputs, outputs: shape.rows)
    }

    private func finite(_ values: [Float], _ name: String) throws(TensorFileError) -> FloatBuffer {
        let isFinite = values.withUnsafeBufferPointer { values in
            var index = 0
            while index < values.count, values[index].isFinite { index += 1 }
            return index == values.count
        }
        guard isFinite else {
            throw TensorFileError(
                .corrupt, "\(self.file.path): \(self.prefix + name) holds NaN or infinity; fetch the model again")
        }
        return FloatBuffer(values)
    }
}
