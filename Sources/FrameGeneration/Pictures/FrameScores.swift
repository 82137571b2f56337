// SPDX-License-Identifier: Apache-2.0

public import Pictures

/// The likeness of made frames to their targets, beside that of a copy of the input frame and of what the first stage
/// alone gives back: without these two a number says nothing.
public final class FrameScores {
    /// The scores of one frame: made, copied, given back.
    private struct Row {
        var ratios: [Double]
        var likenesses: [Double]
    }

    private let encoder: FirstStage
    private let side: Int
    private var rows: [Row] = []

    /// Nothing yet, of frames that are brought to a side.
    /// - Throws: `GenerationError` where there is no memory for the encoder.
    public init(side: Int) throws {
        var make = FirstStageConfiguration()
        (make.width, make.factors, make.blocks, make.groups) = (16, [1, 2, 4], 1, 8)
        self.side = side
        // Its weights are random and always the same: it sees shapes and colours in their places, and nothing learned.
        self.encoder = try FirstStage(make, seed: 1)
    }

    /// Counts a frame.
    /// - Throws: `GenerationError` where the side does not divide by 4.
    public func add(made: Picture, input: Picture, target: Picture, ceiling: Picture) throws {
        let wanted = FramePixels(target, side: self.side), wantedFeatures = try self.encoder.encode(wanted).mean
        var row = Row(ratios: [], likenesses: [])
        for picture in [made, input, ceiling] {
            let frame = FramePixels(picture, side: self.side)
            row.ratios.append(frame.signalToNoise(of: wanted))
            row.likenesses.append(Self.cosine(try self.encoder.encode(frame).mean, wantedFeatures))
        }
        self.rows.append(row)
    }

    private static func cosine(_ a: [Float], _ b: [Float]) -> Double {
        func product(_ x: [Float], _ y: [Float]) -> Double {
            zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let norms = (product(a, a) * product(b, b)).squareRoot()
        return norms > 1e-12 ? product(a, b) / norms : 0
    }

    /// A score's means, and the mean difference of made frames from copies with its standard error.
    private func line(_ name: String, _ unit: String, _ digits: Double, _ values: (Row) -> [Double]) -> String {
        let all = self.rows.map(values), count = Double(all.count)
        func text(_ value: Double) -> String { "\((value * digits).rounded() / digits)\(unit)" }
        let means = (0..<3).map { place in all.reduce(0) { $0 + $1[place] } / count }
        let differences = all.map { $0[0] - $0[1] }, mean = means[0] - means[1]
        let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let error = count > 1 ? (squares / (count - 1) / count).squareRoot() : 0
        return "\(name): made \(text(means[0])), a copy of the input frame \(text(means[1])), the first stage alone "
            + "\(text(means[2])); made less copied \(text(mean)), standard error \(text(error))"
    }

    /// A line a score.
    public var lines: [String] {
        guard !self.rows.isEmpty else { return [] }
        return [
            self.line("PSNR to the target", " dB", 1000) { $0.ratios },
            self.line("cosine of a fixed random encoder", "", 100_000) { $0.likenesses },
        ]
    }
}
