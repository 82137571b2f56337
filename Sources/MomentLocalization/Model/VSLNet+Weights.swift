// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

extension VSLNet {
    /// All parameters, trained and frozen, under their official names: what the official PyTorch model loads strictly.
    /// - Parameter prefix: put before each name, to tell them from what else a file holds.
    public func weights(prefix: String = "") -> [SafetensorsWriter.Tensor] {
        self.layout.parameters.map { self.parameters.tensor($0, named: prefix + $0.name) }
    }

    /// Takes all parameters from a file; nothing is changed where one of them is missing or of another shape.
    /// - Parameter prefix: what stands before each name in the file. Names without it are not looked at.
    /// - Throws: `TensorFileError.Code.mismatch` that names the tensors, and those of reading.
    public func loadWeights(_ file: SafetensorsFile, prefix: String = "") throws(TensorFileError) {
        let found = Set(file.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) })
        let wanted = Set(self.layout.parameters.map(\.name))
        guard found == wanted else {
            let missing = Self.list(wanted.subtracting(found)), unknown = Self.list(found.subtracting(wanted))
            throw TensorFileError(
                .mismatch,
                "\(file.path) holds another model: missing \(missing); not known here \(unknown); "
                    + "name the configuration that it was trained with")
        }
        var values: [[Float]] = []
        for parameter in self.layout.parameters {
            values.append(try file.floats(prefix + parameter.name, shape: parameter.shape))
        }
        for (parameter, value) in zip(self.layout.parameters, values) { self.parameters[parameter] = value }
    }

    private static func list(_ names: Set<String>) -> String {
        guard !names.isEmpty else { return "nothing" }
        let shown = names.sorted().prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }
}
