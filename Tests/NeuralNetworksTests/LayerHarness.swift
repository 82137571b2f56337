// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Testing

/// A matrix of Float64, for the plain versions that the layers are tested against.
struct Plain: Hashable {
    var rows: Int
    var columns: Int
    var values: [Double]

    init(rows: Int, columns: Int, values: [Double]) {
        precondition(values.count == rows * columns)
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    init(rows: Int, columns: Int, _ value: (Int, Int) -> Double) {
        self.init(
            rows: rows, columns: columns,
            values: (0..<rows).flatMap { row in (0..<columns).map { value(row, $0) } })
    }

    subscript(_ row: Int, _ column: Int) -> Double {
        get { self.values[row * self.columns + column] }
        set { self.values[row * self.columns + column] = newValue }
    }

    static func random(_ rows: Int, _ columns: Int, _ random: inout PhiloxGenerator) -> Plain {
        Plain(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Double(random.normal()) })
    }
}

/// Runs a layer once forward and backward, and holds both against a plain version of it in Float64: the output
/// directly, the gradients by differences of the plain version. The loss is Σ output · `direction`.
struct LayerHarness {
    /// The plain layer: input and parameters by name (rows of a parameter are its first dimension) to output.
    let plain: (Plain, [String: Plain]) -> Plain
    let layout: ParameterLayout
    let parameters: Parameters
    let gradients: FloatBuffer
    let workspace: Workspace
    let input: Plain
    let inputSlot: FloatSlot, outputSlot: FloatSlot, doutputSlot: FloatSlot, dinputSlot: FloatSlot
    let direction: Plain
    let pass: Pass

    /// - Parameters:
    ///   - shift: what each parameter's initial value is moved by at most, so that biases are not zero.
    ///   - samples: how many sequences `input`'s rows are.
    init(
        _ layout: ParameterLayout, plan: WorkspacePlan, input: Plain, outputColumns: Int, outputRows: Int? = nil,
        samples: Int = 1, dropout: Dropout? = nil, shift: Double = 0.3,
        plain: @escaping (Plain, [String: Plain]) -> Plain
    ) {
        var plan = plan, random = PhiloxGenerator(seed: 11, stream: "harness")
        let rows = outputRows ?? input.rows
        self.inputSlot = plan.floats(input.rows * input.columns)
        self.dinputSlot = plan.floats(input.rows * input.columns)
        self.outputSlot = plan.floats(rows * outputColumns)
        self.doutputSlot = plan.floats(rows * outputColumns)
        self.layout = layout
        self.parameters = Parameters(layout, seed: 3)
        for parameter in layout.parameters {
            self.parameters[parameter] = self.parameters[parameter].map { value in
                value + Float(shift) * (2 * random.unit() - 1)
            }
        }
        self.gradients = FloatBuffer(count: layout.trainedCount)
        self.workspace = Workspace(plan)
        self.input = input
        self.direction = Plain.random(rows, outputColumns, &random)
        self.plain = plain
        self.pass = Pass(
            parameters: self.parameters, gradients: self.gradients, workspace: self.workspace, dropout: dropout,
            firstSample: 0, samples: samples)
        self.write(input, self.inputSlot)
        self.write(self.direction, self.doutputSlot)
    }

    var x: Matrix { self.pass.matrix(self.inputSlot, rows: self.input.rows, columns: self.input.columns) }
    var dx: Matrix { self.pass.matrix(self.dinputSlot, rows: self.input.rows, columns: self.input.columns) }
    var y: Matrix {
        self.pass.matrix(self.outputSlot, rows: self.direction.rows, columns: self.direction.columns)
    }
    var dy: Matrix {
        self.pass.matrix(self.doutputSlot, rows: self.direction.rows, columns: self.direction.columns)
    }

    private func write(_ matrix: Plain, _ slot: FloatSlot) {
        for (index, value) in matrix.values.enumerated() { self.pass[slot][index] = Float(value) }
    }

    private static func read(_ matrix: Matrix) -> [Double] {
        (0..<matrix.rows).flatMap { row in (0..<matrix.columns).map { Double(matrix.row(row)[$0]) } }
    }

    private var plainParameters: [String: Plain] {
        Dictionary(
            uniqueKeysWithValues: self.layout.parameters.map { parameter in
                let rows = parameter.shape[0]
                return (
                    parameter.name,
                    Plain(
                        rows: rows, columns: parameter.count / rows,
                        values: self.parameters[parameter].map(Double.init))
                )
            })
    }

    private func loss(_ input: Plain, _ parameters: [String: Plain]) -> Double {
        zip(self.plain(input, parameters).values, self.direction.values).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// Compares the output, the gradient at the input and those of all parameters, after the layer has run: of each a
    /// few elements, drawn at random, since each costs two runs of the plain version.
    /// - Parameter tolerance: relative to the largest entry of what is compared.
    func compare(checkingInput: Bool = true, tolerance: Double = 2e-5) {
        let parameters = self.plainParameters
        let output = Self.read(self.y)
        Self.expect(output, self.plain(self.input, parameters).values, tolerance, "the output")
        if checkingInput {
            Self.expect(Self.read(self.dx), at: self.input, tolerance, "the gradient at the input") {
                self.loss($0, parameters)
            }
        }
        for parameter in self.layout.parameters where parameter.isTrained {
            guard let value = parameters[parameter.name] else { continue }
            let ours = self.gradients.values(parameter.offset..<parameter.offset + parameter.count)
            Self.expect(ours.map(Double.init), at: value, tolerance, parameter.name) { moved in
                var changed = parameters
                changed[parameter.name] = moved
                return self.loss(self.input, changed)
            }
        }
    }

    /// Holds gradients against central differences of the loss around `point`.
    private static func expect(
        _ ours: [Double], at point: Plain, _ tolerance: Double, _ what: String, _ loss: (Plain) -> Double
    ) {
        var random = PhiloxGenerator(seed: 1, stream: what)
        let places = point.values.indices.shuffled(using: &random).prefix(12)
        let differences = places.map { place in
            let step = 1e-5
            var moved = point
            moved.values[place] = point.values[place] + step
            let above = loss(moved)
            moved.values[place] = point.values[place] - step
            return (above - loss(moved)) / (2 * step)
        }
        // Beside the largest of all: what rounding leaves of a sum is no smaller where the sum happens to be.
        let largest = max(ours.map(abs).max() ?? 0, 0.1)
        for (place, difference) in zip(places, differences) {
            let error = abs(ours[place] - difference)
            #expect(error <= tolerance * largest, "\(what)[\(place)]: off by \(error) beside \(largest)")
        }
    }

    static func expect(_ ours: [Double], _ expected: [Double], _ tolerance: Double, _ what: String) {
        #expect(ours.count == expected.count, "\(what)")
        let largest = expected.map(abs).max() ?? 0
        let worst = zip(ours, expected).map { abs($0 - $1) }.max() ?? 0
        #expect(worst <= tolerance * max(largest, 1e-3), "\(what): off by \(worst) beside \(largest)")
        #expect(worst.isFinite, "\(what)")
    }
}
