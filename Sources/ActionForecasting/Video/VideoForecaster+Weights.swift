// SPDX-License-Identifier: Apache-2.0

public import NeuralNetworks

extension VideoForecaster {
    /// Takes the encoder's weights, without its head, from a file under the official names, with `backbone.` before
    /// them or not. All of them must be there in their shapes, no other may be there, and all are compared once they
    /// are taken: the official script counts every tensor as matched and loads none.
    /// - Throws: `ForecastError` where one is missing or another is there, `TensorFileError`; nothing is changed then.
    public func loadEncoder(_ file: SafetensorsFile) throws {
        let prefix = "backbone."
        func isHead(_ name: String) -> Bool { name.hasPrefix("head.") || name.hasPrefix("decoder.") }
        let names = Dictionary(
            file.names.map { ($0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0, $0) }
        ) { first, _ in first }.filter { !isHead($0.key) }
        let wanted = self.parameters.layout.parameters.filter {
            $0.name.hasPrefix(prefix) && !isHead(String($0.name.dropFirst(prefix.count)))
        }
        let missing = wanted.filter { names[String($0.name.dropFirst(prefix.count))] == nil }.map(\.name)
        let known = Set(wanted.map { String($0.name.dropFirst(prefix.count)) })
        let foreign = names.keys.filter { !known.contains($0) }.sorted()
        guard missing.isEmpty, foreign.isEmpty else {
            throw ForecastError(
                "\(file.path) holds another encoder's weights: \(missing.count) are missing, such as "
                    + "\(missing.first.map(\.debugDescription) ?? "none"), and \(foreign.count) are foreign, such as "
                    + "\(foreign.first.map(\.debugDescription) ?? "none"); name a file of this make")
        }
        var values: [(Parameter, [Float])] = []
        for parameter in wanted {
            guard let name = names[String(parameter.name.dropFirst(prefix.count))] else { continue }
            values.append((parameter, try file.floats(name, shape: parameter.shape)))
        }
        for (parameter, taken) in values { self.parameters[parameter] = taken }
        for (parameter, taken) in values where self.parameters[parameter].map(\.bitPattern) != taken.map(\.bitPattern) {
            throw ForecastError("\(parameter.name) was not taken from \(file.path)")
        }
    }
}
