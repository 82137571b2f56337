// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A filter for resizing 8-bit pictures, as Pillow has it: downwards it widens with the scale, so that every pixel
/// counts (python-pillow/Pillow, `src/libImaging/Resample.c`).
public enum ResamplingFilter: String, CaseIterable, Sendable {
    /// A triangle.
    case bilinear
    /// Keys' cubic with a = −0.5.
    case bicubic
    /// A sinc in the window of a sinc, three lobes.
    case lanczos

    /// The distance from which on the filter is zero.
    var support: Double {
        switch self {
        case .bilinear: 1
        case .bicubic: 2
        case .lanczos: 3
        }
    }

    func weight(_ x: Double) -> Double {
        switch self {
        case .bilinear:
            return max(1 - abs(x), 0)
        case .bicubic:
            let a = -0.5, x = abs(x)
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
        case .lanczos:
            return x >= -3 && x < 3 ? Self.sinc(x) * Self.sinc(x / 3) : 0
        }
    }

    private static func sinc(_ x: Double) -> Double {
        if x == 0 { return 1 }
        return sin(x * .pi) / (x * .pi)
    }
}

/// The weights by which one side of a picture is resized, in whole numbers of 2⁻²².
private struct ResamplingPlan {
    /// For each pixel of the result, the first pixel that counts.
    var firsts: [Int] = []
    /// For each pixel of the result, where its weights begin, and behind the last one's end.
    var starts: [Int] = [0]
    var weights: [Int32] = []

    static let bits = 22

    init(from size: Int, to result: Int, _ filter: ResamplingFilter) {
        let scale = Double(size) / Double(result), widened = max(scale, 1)
        let support = filter.support * widened
        for index in 0..<result {
            let center = (Double(index) + 0.5) * scale
            let first = max(Int(center - support + 0.5), 0), end = min(Int(center + support + 0.5), size)
            var values = (first..<end).map { filter.weight((Double($0) - center + 0.5) * (1 / widened)) }
            let sum = values.reduce(0, +)
            if sum != 0 { values = values.map { $0 * (1 / sum) } }
            self.firsts.append(first)
            self.weights += values.map { value in
                Int32(value * Double(1 << Self.bits) + (value < 0 ? -0.5 : 0.5))
            }
            self.starts.append(self.weights.count)
        }
    }

    /// Resizes lines that lie `step` bytes apart along, and `lineStep` across.
    func apply(
        _ source: UnsafePointer<UInt8>, lines: Int, lineStep: Int, step: Int,
        into result: UnsafeMutablePointer<UInt8>, resultLineStep: Int, resultStep: Int
    ) {
        self.weights.withUnsafeBufferPointer { weights in
            for index in self.firsts.indices {
                let start = self.starts[index], count = self.starts[index + 1] - start
                let column = source + self.firsts[index] * step, to = result + index * resultStep
                for line in 0..<lines {
                    let from = column + line * lineStep
                    var sum = Int32(1) << Int32(Self.bits - 1)
                    for tap in 0..<count { sum &+= Int32(from[tap * step]) &* weights[start + tap] }
                    to[line * resultLineStep] = UInt8(max(min(sum >> Int32(Self.bits), 255), 0))
                }
            }
        }
    }
}

extension Picture {
    /// The picture in another size: first along rows, rounded to bytes, then along columns, as Pillow does it.
    public func resized(width: Int, height: Int, _ filter: ResamplingFilter) -> Picture {
        precondition(width > 0 && height > 0, "a picture has pixels")
        var picture = self
        if width != self.width {
            let plan = ResamplingPlan(from: self.width, to: width, filter)
            var bytes = [UInt8](repeating: 0, count: 3 * width * self.height)
            picture.bytes.withUnsafeBufferPointer { source in
                bytes.withUnsafeMutableBufferPointer { result in
                    guard let source = source.baseAddress, let result = result.baseAddress else { return }
                    for channel in 0..<3 {
                        plan.apply(
                            source + channel, lines: self.height, lineStep: 3 * self.width, step: 3,
                            into: result + channel, resultLineStep: 3 * width, resultStep: 3)
                    }
                }
            }
            picture = Picture(width: width, height: self.height, bytes: bytes)
        }
        guard height != picture.height else { return picture }
        let plan = ResamplingPlan(from: picture.height, to: height, filter)
        var bytes = [UInt8](repeating: 0, count: 3 * width * height)
        picture.bytes.withUnsafeBufferPointer { source in
            bytes.withUnsafeMutableBufferPointer { result in
                guard let source = source.baseAddress, let result = result.baseAddress else { return }
                plan.apply(
                    source, lines: 3 * width, lineStep: 1, step: 3 * width, into: result, resultLineStep: 1,
                    resultStep: 3 * width)
            }
        }
        return Picture(width: width, height: height, bytes: bytes)
    }
}
