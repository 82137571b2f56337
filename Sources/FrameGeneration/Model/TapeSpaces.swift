// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

/// A tape's plan with the memory of each thread that runs it.
final class TapeSpaces<Ports: Sendable> {
    let plan: TapePlan
    let ports: Ports
    private let size: WorkspacePlan
    private(set) var spaces: [Workspace] = []

    /// Writes a tape down and plans its memory; nothing is taken yet.
    init(isTraining: Bool, _ write: (inout Tape) -> Ports) {
        var tape = Tape(isTraining: isTraining), size = WorkspacePlan()
        self.ports = write(&tape)
        self.plan = tape.plan(&size)
        self.size = size
    }

    /// The bytes of one thread's memory.
    var byteCount: Int { self.size.byteCount }

    /// Takes the memory of some threads, unless it is there.
    func take(threads: Int) throws(GenerationError) -> [Workspace] {
        while self.spaces.count < threads {
            guard let space = Workspace.allocate(self.size) else {
                throw GenerationError(
                    "there is no memory for the activations of a thread, \(self.size.byteCount >> 20) MiB each; lower "
                        + "--threads or the frames' side, or give the program more memory (`ulimit -v`)")
            }
            self.spaces.append(space)
        }
        return self.spaces
    }

    /// A pass through one thread's memory.
    static func pass(_ parameters: Parameters, _ space: Workspace, gradients: FloatBuffer? = nil) -> Pass {
        Pass(
            parameters: parameters, gradients: gradients, workspace: space, dropout: nil, firstSample: 0, samples: 1)
    }
}

extension Matrix {
    /// Fills a matrix whose rows follow each other.
    /// - Precondition: as many numbers as it has.
    func fill(_ values: [Float]) {
        precondition(values.count == self.count, "\(values.count) numbers for \(self.rows) × \(self.columns)")
        values.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress else { return }
            self.start.update(from: start, count: source.count)
        }
    }

    /// The numbers of a matrix whose rows follow each other.
    var values: [Float] { Array(UnsafeBufferPointer(start: self.start, count: self.count)) }
}

extension Parameters {
    /// Creates parameters, unless there is no memory for `copies` of them.
    static func checked(
        _ layout: ParameterLayout, seed: UInt64, copies: Int, _ what: String
    ) throws(GenerationError) -> Parameters {
        let (count, overflow) = (layout.trainedCount + layout.frozenCount).multipliedReportingOverflow(by: copies)
        guard !overflow, FloatBuffer.allocate(count: count) != nil else {
            throw GenerationError(
                "there is no memory for \(what), which takes \((layout.trainedCount >> 18) * copies) MiB; make it "
                    + "smaller, or give the program more (`ulimit -v`)")
        }
        return Parameters(layout, seed: seed)
    }

    /// Takes all values from a file under the official names, behind a prefix that the file may lack.
    /// - Parameter averages: names that are taken instead, where the file has them.
    /// - Throws: `GenerationError` where one is missing; `TensorFileError`.
    func load(_ file: SafetensorsFile, prefix: String, averages: [String: String] = [:]) throws {
        var names: [(Parameter, String)] = []
        for parameter in self.layout.parameters {
            let bare = parameter.name.hasPrefix(prefix) ? String(parameter.name.dropFirst(prefix.count)) : nil
            let candidates = [averages[parameter.name], parameter.name, bare].compactMap(\.self)
            guard let name = candidates.first(where: { file.entry($0) != nil }) else {
                throw GenerationError(
                    "\(file.path) has no tensor \(parameter.name); name a file with the weights of this network, as "
                        + "`ops/weights from-torch` writes it")
            }
            guard file.entry(name)?.shape == parameter.shape else {
                throw GenerationError(
                    "\(file.path): tensor \(name) has the shape \(file.entry(name)?.shape ?? []), and the network's is "
                        + "\(parameter.shape)")
            }
            names.append((parameter, name))
        }
        for (parameter, name) in names { self[parameter] = try file.floats(name, shape: parameter.shape) }
    }
}
