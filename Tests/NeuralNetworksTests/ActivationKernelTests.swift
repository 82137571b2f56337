// SPDX-License-Identifier: Apache-2.0

import CKernels
import Foundation
import NeuralNetworks
import Testing

/// The activations of frozen encoders by their formulas, and halves by their bits.
@Suite struct ActivationKernelTests {
    /// Columns that fill vectors, and columns that do not.
    @Test(arguments: [1, 15, 16, 17, 48, 133])
    func approximationsOfGELU(_ columns: Int) {
        let rows = 7
        let x = (0..<rows * columns).map { Float($0 * 37 % 401) / 10 - 20 }
        let bias = (0..<columns).map { Float($0 % 5) / 7 - 0.3 }
        var tanhs = x, quicks = x
        ck_bias_gelu_tanh(&tanhs, bias, rows, columns)
        ck_bias_gelu_quick(&quicks, bias, rows, columns)
        for index in x.indices {
            let value = Double(x[index] + bias[index % columns])
            let inner = (2 / Double.pi).squareRoot() * (value + 0.044715 * value * value * value)
            let byTanh = value / 2 * (1 + tanh(inner)), quick = value / (1 + exp(-1.702 * value))
            #expect(abs(Double(tanhs[index]) - byTanh) <= 1e-6 * max(1, abs(value)), "\(value)")
            #expect(abs(Double(quicks[index]) - quick) <= 1e-6 * max(1, abs(value)), "\(value)")
        }
    }

    @Test func whatIsNoNumberStaysNone() {
        var x: [Float] = [.nan, 1e30, -1e30, 0]
        ck_bias_gelu_tanh(&x, [0, 0, 0, 0], 1, 4)
        #expect(x[0].isNaN && x[1] == 1e30 && x[2] == 0 && x[3] == 0)
    }

    @Test func halvesAreNearest() {
        for bits in UInt16.min...UInt16.max {
            let value = [bits].withUnsafeBytes { ElementType.float16.floats($0) }[0]
            if value.isNaN {
                #expect(ElementType.half(value) & 0x7fff > 0x7c00)
            } else {
                #expect(ElementType.half(value) == bits)
            }
        }
        // Ties go to the even one, and what is beyond the largest is infinite.
        #expect(ElementType.half(1 + 0x1p-11) == 0x3c00 && ElementType.half(1 + 3 * 0x1p-11) == 0x3c02)
        #expect(ElementType.half(65519.996) == 0x7bff && ElementType.half(65520) == 0x7c00)
        #expect(
            ElementType.half(0x1p-25) == 0 && ElementType.half(0x1.8p-25) == 1 && ElementType.half(-0x1p-24) == 0x8001)
    }
}
