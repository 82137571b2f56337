// SPDX-License-Identifier: Apache-2.0

import CKernels
import Foundation
import NeuralNetworks
import Testing

/// The kernels that stand between layers, and random numbers, losses and the optimizer.
@Suite struct KernelTests {
    private static func floats(_ count: Int, _ stream: String = "a") -> [Float] {
        var random = PhiloxGenerator(seed: 2, stream: stream)
        return (0..<count).map { _ in random.normal() }
    }

    private static func mask(_ count: Int) -> [UInt8] {
        var random = PhiloxGenerator(seed: 2, stream: "mask")
        return (0..<count).map { _ in random.unit() < 0.7 ? 1 : 0 }
    }

    @Test func philoxGivesThePublishedNumbers() {
        // Random123's known answers (DEShawResearch/random123: tests/kat_vectors), philox4x32 with 10 rounds.
        let zeros = Philox.block((0, 0, 0, 0), key: 0)
        #expect(zeros == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        let ones = Philox.block((.max, .max, .max, .max), key: .max)
        #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        let pi = Philox.block(
            (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: 0x299f_31d0_a409_3822)
        #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test func masksArePhilox() {
        let count = 300, keep: UInt32 = 52429, key: UInt64 = 0x1234_5678_9abc_def0
        var mask = [UInt8](repeating: 9, count: count)
        ck_dropout_mask(&mask, count, keep, key, 3, 4, 5)
        for index in 0..<count {
            // A block of 128 elements: four words of 16 counters, of each counter the low half, then the high one.
            let (block, rest) = (index / 128, index % 128)
            let words = Philox.block((UInt32(block * 16 + rest % 32 / 2), 3, 4, 5), key: key)
            let word = [words.0, words.1, words.2, words.3][rest / 32]
            let half = rest % 2 == 0 ? word & 0xffff : word >> 16
            #expect(mask[index] == (half < keep ? 1 : 0))
        }
    }

    @Test func theShareThatIsKeptIsTheAskedOne() {
        var kept = 0
        var mask = [UInt8](repeating: 0, count: 1 << 20)
        ck_dropout_mask(&mask, mask.count, 52429, 1, 0, 0, 0)
        kept = mask.reduce(0) { $0 + Int($1) }
        // Five standard deviations of 2^20 draws are 0.002.
        #expect(abs(Double(kept) / Double(mask.count) - 0.8) < 0.002)
    }

    @Test(arguments: [(3, 5), (4, 32), (3, 37)]) func biasReLUDropoutResidual(_ rows: Int, _ columns: Int) {
        let count = rows * columns, z = Self.floats(count, "z"), x = Self.floats(count, "x")
        let bias = Self.floats(columns, "b"), mask = Self.mask(count)
        var active = [UInt8](repeating: 0, count: count), y = [Float](repeating: 0, count: count)
        ck_bias_relu_dropout_residual(z, bias, x, mask, 1.25, &active, &y, rows, columns)
        var dz = [Float](repeating: 0, count: count), dbias = [Float](repeating: 0, count: columns)
        ck_masked_gradient(x, active, 1.25, &dz, &dbias, rows, columns)
        var sums = [Float](repeating: 0, count: columns)
        for index in 0..<count {
            let sum = z[index] + bias[index % columns], passes = sum > 0 && mask[index] == 1
            #expect(abs(y[index] - (x[index] + (passes ? 1.25 * sum : 0))) < 1e-5)
            #expect(active[index] == (passes ? 1 : 0))
            #expect(dz[index] == (passes ? 1.25 * x[index] : 0))
            sums[index % columns] += dz[index]
        }
        for (a, b) in zip(dbias, sums) { #expect(abs(a - b) < 1e-5) }
        ck_bias_dropout_residual(z, bias, x, mask, 1.25, &y, rows, columns)
        for index in 0..<count {
            let expected = x[index] + Float(mask[index]) * 1.25 * (z[index] + bias[index % columns])
            #expect(abs(y[index] - expected) < 1e-5)
        }
        ck_bias_relu_dropout_residual(z, bias, x, nil, 1, &active, &y, rows, columns)
        for index in 0..<count {
            #expect(abs(y[index] - (x[index] + max(0, z[index] + bias[index % columns]))) < 1e-5)
        }
    }

    @Test(arguments: [1, 12, 16, 45]) func softmaxAndItsGradient(_ columns: Int) {
        let rows = 3, x = Self.floats(rows * columns).map { 5 * $0 }, dy = Self.floats(rows * columns, "d")
        var bias = [Float](repeating: 0, count: columns)
        if columns > 2 { bias[1] = -1e30 }
        var y = x, dx = [Float](repeating: 0, count: rows * columns)
        ck_softmax_rows(&y, columns, bias, rows, columns)
        ck_softmax_gradient(y, dy, &dx, columns, rows, columns)
        for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            let powers = range.map { exp(Double(x[$0]) + Double(bias[$0 - range.lowerBound])) }
            let sum = powers.reduce(0, +), expected = powers.map { $0 / sum }
            let dot = zip(expected, range).reduce(0) { $0 + $1.0 * Double(dy[$1.1]) }
            for (index, value) in zip(range, expected) {
                #expect(abs(Double(y[index]) - value) < 1e-6)
                #expect(abs(Double(dx[index]) - value * (Double(dy[index]) - dot)) < 1e-5)
            }
        }
        if columns > 2 { #expect(y[1] == 0) }
    }

    @Test func crossEntropyFollowsItsDefinition() {
        let logits = Self.floats(9).map { 3 * $0 }
        var gradient = logits
        let loss = gradient.withUnsafeMutableBufferPointer {
            Losses.crossEntropy($0.baseAddress!, count: 9, target: 4, weight: 0.5)
        }
        let sum = logits.reduce(0) { $0 + exp(Double($1)) }
        #expect(abs(loss - (log(sum) - Double(logits[4]))) < 1e-6)
        for (index, value) in gradient.enumerated() {
            let expected = (exp(Double(logits[index])) / sum - (index == 4 ? 1 : 0)) / 2
            #expect(abs(Double(value) - expected) < 1e-6)
        }
    }

    @Test(arguments: [(Float(0.3), Float(1)), (-2, 0), (9, 0), (-11, 1)])
    func weightedBinaryCrossEntropyFollowsItsDefinition(_ logit: Float, _ label: Float) {
        let (loss, gradient) = Losses.binaryCrossEntropy(logit: logit, label: label, positiveWeight: 2)
        let weight = label == 1 ? 2.0 : 1.0
        func value(_ x: Double) -> Double { weight * (log1p(exp(x)) - x * Double(label)) }
        #expect(abs(loss - value(Double(logit))) < 1e-3 * max(1, loss))
        let slope = (value(Double(logit) + 1e-4) - value(Double(logit) - 1e-4)) / 2e-4
        #expect(abs(Double(gradient) - slope) < 1e-5)
    }

    @Test func binaryCrossEntropySaturatesAsPyTorchs() {
        #expect(Losses.binaryCrossEntropy(logit: 17, label: 0, positiveWeight: 2) == (100, 0))
        #expect(Losses.binaryCrossEntropy(logit: -120, label: 1, positiveWeight: 2) == (200, 0))
        #expect(Losses.binaryCrossEntropy(logit: -1e30, label: 0, positiveWeight: 2) == (0, 0))
    }

    @Test func adamWDecaysWhatTheLayoutSays() {
        var layout = ParameterLayout(decays: { !$0.contains("bias") && !$0.contains("layer_norm") })
        let weight = layout.add("a.weight", [20], .constant(1)), bias = layout.add("a.bias", [3], .constant(1))
        let norm = layout.add("x.layer_norm.weight", [2], .constant(1)), last = layout.add("w4C", [2], .constant(1))
        #expect([weight, bias, norm, last].map(\.decays) == [true, false, false, true])
        let parameters = Parameters(layout, seed: 1), optimizer = Adam(layout, .adamW)
        let gradients = FloatBuffer(Self.floats(layout.trainedCount).map { $0 * 0.01 })
        var (value, first, second) = (
            [Double](repeating: 1, count: 27), [Double](repeating: 0, count: 27), [Double](repeating: 0, count: 27)
        )
        for step in 1...3 {
            optimizer.update(parameters, gradients: gradients, clip: 0.5, learningRate: 0.1, step: step)
            for (index, gradient) in gradients.values().enumerated() {
                let g = Double(gradient) * 0.5, decays = index < 20 || index >= 25
                value[index] *= decays ? 1 - 0.1 * 0.01 : 1
                first[index] = 0.9 * first[index] + 0.1 * g
                second[index] = 0.999 * second[index] + 0.001 * g * g
                let root = (second[index] / (1 - pow(0.999, Double(step)))).squareRoot() + 1e-8
                value[index] -= 0.1 * first[index] / (1 - pow(0.9, Double(step))) / root
            }
        }
        for (ours, expected) in zip(parameters.trained.values(), value) { #expect(abs(Double(ours) - expected) < 2e-5) }
    }

    @Test func clippingScalesToTheNorm() {
        let (norm, clip) = GradientClipping.measure(FloatBuffer([3, 0, 4]), normMax: 1)
        #expect(norm == 5 && abs(clip - 0.2) < 1e-6)
        #expect(GradientClipping.measure(FloatBuffer([0.3, 0.4]), normMax: 1).clip == 1)
    }

    @Test func theScheduleRisesAndFalls() {
        let schedule = WarmupSchedule(.line, peak: 1, warmupSteps: 2, steps: 10)
        #expect([0, 1, 2, 6, 10, 12].map { schedule.rate($0) } == [0, 0.5, 1, 0.5, 0, 0])
        #expect(WarmupSchedule(.line, peak: 2, steps: 4).rate(0) == 2)
    }

    @Test func whatRunsHereHasAName() {
        #expect(["avx512", "avx2", "portable"].contains(BLAS.instructionSet))
        #expect(!BLAS.coreType.isEmpty)
        // If OpenBLAS can be told, the kernels are the best for this processor, unless the user chose others.
        if BLAS.core.wish == nil, BLAS.library.contains("DYNAMIC_ARCH"), BLAS.core.faults.isEmpty {
            if BLAS.instructionSet == "avx512" {
                #expect(["SkylakeX", "Cooperlake", "SapphireRapids"].contains(BLAS.coreType))
            }
            if BLAS.instructionSet != "portable" { #expect(BLAS.coreType != "Prescott") }
        }
    }
}
