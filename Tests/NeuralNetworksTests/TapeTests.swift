// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks
import Testing

/// Steps of a tape against differences of their own outputs, and the places that a plan gives.
@Suite struct TapeTests {
    /// A tape, the inputs whose gradients are looked at, other inputs, and the output.
    private struct Net {
        var layout = ParameterLayout()
        var tape = Tape(isTraining: true)
        var inputs: [TapeValue] = []
        var others: [TapeValue] = []

        mutating func input(_ rows: Int, _ columns: Int) -> TapeValue {
            let value = self.tape.input(rows: rows, columns: columns, wantsGradient: true)
            self.inputs.append(value)
            return value
        }
    }

    private final class Runner {
        let plan: TapePlan
        let parameters: Parameters
        let gradients: FloatBuffer
        let workspace: Workspace

        init(_ layout: ParameterLayout, _ tape: Tape) {
            var size = WorkspacePlan()
            self.plan = tape.plan(&size)
            self.workspace = Workspace(size)
            self.parameters = Parameters(layout, seed: 4)
            self.gradients = FloatBuffer(count: layout.trainedCount)
        }

        var pass: Pass {
            Pass(
                parameters: self.parameters, gradients: self.gradients, workspace: self.workspace, dropout: nil,
                firstSample: 0, samples: 1)
        }

        func fill(_ value: TapeValue, _ numbers: [Float]) {
            for (index, number) in numbers.enumerated() {
                self.plan.value(value, self.pass).start[index] = number
            }
        }

        func values(_ matrix: Matrix) -> [Float] {
            Array(UnsafeBufferPointer(start: matrix.start, count: matrix.count))
        }
    }

    private static func numbers(_ count: Int, _ stream: String) -> [Float] {
        var random = PhiloxGenerator(seed: 9, stream: stream)
        return (0..<count).map { _ in random.normal() }
    }

    /// Compares the gradients of Σ output · direction with central differences: at each input and parameter a few
    /// elements.
    private func compare(_ name: String, _ write: (inout Net) -> TapeValue) {
        var net = Net()
        let output = write(&net)
        net.tape.keep(output, wantsGradient: true)
        let runner = Runner(net.layout, net.tape)
        for parameter in net.layout.parameters {
            runner.parameters[parameter] = zip(
                runner.parameters[parameter], Self.numbers(parameter.count, parameter.name)
            ).map { $0 + 0.3 * $1 }
        }
        var inputs = (net.inputs + net.others).enumerated().map { index, value in
            Self.numbers(value.rows * value.columns, "input \(index)")
        }
        let direction = Self.numbers(output.rows * output.columns, "direction")
        func loss() -> Double {
            for (value, numbers) in zip(net.inputs + net.others, inputs) { runner.fill(value, numbers) }
            runner.plan.forward(runner.pass)
            return zip(runner.values(runner.plan.value(output, runner.pass)), direction)
                .reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        _ = loss()
        let upstream = runner.plan.gradient(output, runner.pass)
        for (index, number) in direction.enumerated() { upstream.start[index] = number }
        runner.plan.backward(runner.pass)
        var random = PhiloxGenerator(seed: 1, stream: "places")
        let analytic = net.inputs.map { runner.values(runner.plan.gradient($0, runner.pass)) }
        func check(_ ours: Float, largest: Float, _ what: String, _ move: (Float) -> Void) {
            let step: Float = 1e-2
            move(step)
            let above = loss()
            move(-2 * step)
            let below = loss()
            move(step)
            let theirs = Float((above - below) / Double(2 * step))
            #expect(abs(ours - theirs) <= 1e-2 * max(largest, 1), "\(name), \(what): \(ours), by differences \(theirs)")
        }
        for (number, gradient) in analytic.enumerated() {
            let largest = gradient.map { abs($0) }.max() ?? 0
            for _ in 0..<6 {
                let place = Int(random.next() % UInt64(gradient.count))
                check(gradient[place], largest: largest, "input \(number)[\(place)]") { inputs[number][place] += $0 }
            }
        }
        for parameter in net.layout.parameters where parameter.isTrained {
            let gradient = runner.gradients.values(parameter.offset..<parameter.offset + parameter.count)
            let largest = gradient.map { abs($0) }.max() ?? 0
            for _ in 0..<4 {
                let place = Int(random.next() % UInt64(parameter.count))
                check(gradient[place], largest: largest, "\(parameter.name)[\(place)]") { move in
                    var values = runner.parameters[parameter]
                    values[place] += move
                    runner.parameters[parameter] = values
                }
            }
        }
    }

    @Test(arguments: [(3, 1, 1, 1), (3, 2, 1, 1), (3, 2, 0, 1), (1, 1, 0, 0), (2, 1, 0, 1)])
    func convolutionsHaveTheGradientsOfDifferences(_ kernel: Int, _ step: Int, _ before: Int, _ after: Int) {
        self.compare("convolution \(kernel) \(step)") { net in
            let layer = ImageConvolution(
                "c", channels: 3, outputs: 4, kernel: kernel, step: step, before: before, after: after,
                in: &net.layout)
            let x = TapeImage(net.input(3, 35), height: 7, width: 5)
            return net.tape.convolve(layer, x).value
        }
    }

    /// More places than are laid out at once.
    @Test func largePicturesAreConvolvedPieceByPiece() {
        self.compare("many places") { net in
            let layer = ImageConvolution("c", channels: 1024, outputs: 2, in: &net.layout)
            let x = TapeImage(net.input(1024, 144), height: 12, width: 12)
            return net.tape.convolve(layer, x).value
        }
    }

    @Test func pictureStepsHaveTheGradientsOfDifferences() {
        self.compare("norm, shift, double, join") { net in
            let norm = GroupNorm("n", channels: 6, groups: 3, epsilon: 1e-5, in: &net.layout)
            let x = TapeImage(net.input(6, 20), height: 4, width: 5)
            let shifts = net.input(1, 6)
            let y = net.tape.add(net.tape.normalize(norm, x), shifts: shifts)
            return net.tape.double(net.tape.join(y, net.tape.add(x, y))).value
        }
    }

    @Test(arguments: Activation.allCases) func activationsHaveTheGradientsOfDifferences(_ activation: Activation) {
        self.compare("\(activation)") { net in net.tape.activate(activation, net.input(3, 21)) }
    }

    @Test func tokenStepsHaveTheGradientsOfDifferences() {
        self.compare("dense, norm, gate, transpose, scale") { net in
            let wide = Dense("w", inputs: 6, outputs: 20, in: &net.layout)
            let narrow = Dense("s", inputs: 10, outputs: 6, hasBias: false, in: &net.layout)
            let norm = LayerNorm("n", width: 6, epsilon: 1e-5, in: &net.layout)
            let x = net.input(4, 6), factor = net.tape.input(rows: 1, columns: 1)
            net.others.append(factor)
            let y = net.tape.dense(narrow, net.tape.geglu(net.tape.dense(wide, net.tape.normalize(norm, x))))
            return net.tape.transpose(net.tape.scale(net.tape.join([y, x]), by: factor))
        }
    }

    @Test(arguments: [false, true]) func attentionHasTheGradientsOfDifferences(_ isCausal: Bool) {
        self.compare("attention") { net in
            let keys = isCausal ? 5 : 7
            return net.tape.attend(
                query: net.input(5, 6), key: net.input(keys, 6), value: net.input(keys, 6), heads: 2,
                isCausal: isCausal)
        }
    }

    @Test func drawsHaveTheGradientsOfDifferences() {
        self.compare("draw") { net in
            let moments = TapeImage(net.input(4, 6), height: 2, width: 3), noise = net.tape.input(rows: 2, columns: 6)
            net.others.append(noise)
            return net.tape.draw(moments, noise: noise).value
        }
    }

    /// Attention without training computes scores some queries at a time, in scratch.
    @Test func inferenceGivesTheSameInLessMemory() {
        func run(_ isTraining: Bool) -> (values: [Float], bytes: Int) {
            var layout = ParameterLayout(), tape = Tape(isTraining: isTraining), size = WorkspacePlan()
            let dense = Dense("d", inputs: 8, outputs: 8, in: &layout)
            let x = tape.input(rows: 600, columns: 8)
            var y = x
            for _ in 0..<6 {
                let z = tape.dense(dense, y)
                y = tape.add(tape.activate(.silu, tape.attend(query: z, key: y, value: z, heads: 2)), y)
            }
            tape.keep(y)
            _ = tape.plan(&size)
            let runner = Runner(layout, tape)
            runner.fill(x, Self.numbers(4800, "x"))
            runner.plan.forward(runner.pass)
            return (runner.values(runner.plan.value(y, runner.pass)), size.byteCount)
        }
        let (training, inference) = (run(true), run(false))
        #expect(training.values == inference.values)
        #expect(inference.bytes * 4 < training.bytes)
    }

    /// A frozen layer passes gradients on and takes none.
    @Test func frozenLayersTakeNoGradient() {
        self.compare("frozen") { net in
            let frozen = net.layout.frozen { Dense("f", inputs: 5, outputs: 5, in: &$0) }
            let learning = Dense("l", inputs: 5, outputs: 3, in: &net.layout)
            return net.tape.dense(learning, net.tape.dense(frozen, net.input(4, 5)))
        }
    }

    @Test func averagesApproach() {
        let average = FloatBuffer([0, 10, -4]), values = FloatBuffer([8, 10, 4])
        average.approach(values, share: 0.25)
        #expect(average.values() == [2, 10, -2])
    }
}
