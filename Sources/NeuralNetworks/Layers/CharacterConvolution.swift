// SPDX-License-Identifier: Apache-2.0

import CKernels

/// One convolution over the characters of each word, ReLU, and the largest value of each channel: PyTorch's `Conv2d`
/// with a kernel of (1, k), then `max` over what is left of the characters.
public struct CharacterConvolution: Sendable {
    /// (channels, inputs, 1, k).
    public let weight: Parameter
    /// (channels).
    public let bias: Parameter
    /// The characters that it sees at once.
    public let kernel: Int
    /// The columns of the output.
    public let channels: Int
    private let inputs: Int

    /// The places, as floats, of each channel's largest value (−1 where ReLU cut it off), kept by a forward pass.
    public struct Cache: Sendable {
        let sums: FloatSlot
        let weights: FloatSlot
        let places: FloatSlot
    }

    /// Adds `NAME.weight` and `NAME.bias`.
    public init(_ name: String, inputs: Int, channels: Int, kernel: Int, in layout: inout ParameterLayout) {
        self.weight = layout.add("\(name).weight", [channels, inputs, 1, kernel], .xavierUniform)
        self.bias = layout.add("\(name).bias", [channels], .constant(0))
        self.kernel = kernel
        self.channels = channels
        self.inputs = inputs
    }

    /// Reserves the cache for at most `words` words of `characters`.
    public func plan(_ plan: inout WorkspacePlan, words: Int, characters: Int) -> Cache {
        Cache(
            sums: plan.floats(words * characters * self.channels),
            weights: plan.floats(self.channels * self.inputs * self.kernel),
            places: plan.floats(words * self.channels))
    }

    /// y (words, channels) from x (words · characters, inputs).
    /// - Precondition: at least `kernel` characters.
    public func forward(_ x: Matrix, into y: Matrix, characters: Int, cache: Cache, _ pass: Pass) {
        precondition(characters >= self.kernel, "\(characters) characters under a kernel of \(self.kernel)")
        // All words as one sequence, a product for each tap; what crosses from word to word is not looked at.
        let sums = pass.matrix(cache.sums, rows: x.rows, columns: self.channels)
        self.arrangeWeights(cache, pass)
        for tap in 0..<self.kernel {
            let rows = x.rows - tap
            let weight = Matrix(
                pass[cache.weights] + tap * self.channels * self.inputs, rows: self.channels, columns: self.inputs)
            multiply(
                x.rows(tap..<x.rows), .plain, weight, .transposed, into: sums.rows(0..<rows), accumulating: tap > 0)
        }
        let bias = pass.value(self.bias), places = pass[cache.places]
        for word in 0..<y.rows {
            for channel in 0..<self.channels {
                var best: Float = 0, place = -1
                for character in 0...(characters - self.kernel) {
                    let value = sums.row(word * characters + character)[channel] + bias[channel]
                    if value > best { (best, place) = (value, character) }
                }
                y.row(word)[channel] = best
                places[word * self.channels + channel] = Float(place)
            }
        }
    }

    /// dx += the gradient at x; weight and bias likewise.
    public func backward(x: Matrix, dy: Matrix, dx: Matrix, characters: Int, cache: Cache, _ pass: Pass) {
        let places = pass[cache.places], weight = pass.value(self.weight)
        let dweight = pass.gradient(self.weight), dbias = pass.gradient(self.bias)
        for word in 0..<dy.rows {
            for channel in 0..<self.channels {
                let place = Int(places[word * self.channels + channel])
                guard place >= 0 else { continue }
                let gradient = dy.row(word)[channel]
                dbias[channel] += gradient
                let first = word * characters + place
                for tap in 0..<self.kernel {
                    let source = x.row(first + tap), target = dx.row(first + tap)
                    var index = channel * self.inputs * self.kernel + tap
                    for input in 0..<self.inputs {
                        dweight[index] += gradient * source[input]
                        target[input] += gradient * weight[index]
                        index += self.kernel
                    }
                }
            }
        }
    }

    /// (channels, inputs, k) to (k, channels, inputs).
    private func arrangeWeights(_ cache: Cache, _ pass: Pass) {
        let weight = pass.value(self.weight), arranged = pass[cache.weights]
        for index in 0..<self.channels * self.inputs {
            for tap in 0..<self.kernel {
                arranged[tap * self.channels * self.inputs + index] = weight[index * self.kernel + tap]
            }
        }
    }
}
