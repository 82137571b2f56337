// SPDX-License-Identifier: Apache-2.0

public import ActionForecasting
public import Codecs
import Records
public import Training

/// Reads windows of shards for a network that sees pixels.
public struct PixelReader: SampleReading {
    private let frames: ClipFrames
    private let description: VideoDescription

    /// Describes a reader that passes over what the network cannot learn from.
    public init(_ description: VideoDescription, frames: ClipFrames) {
        self.description = description
        self.frames = frames
    }

    /// A line's window, with the taxonomy that its labels are places in.
    public func sample(_ line: Bytes) -> ForecastWindow? { self.description.forecast.window(in: line) }

    /// The clip's windows are a sequence, which ends with its last.
    public func place(_ line: Bytes) -> SequencePlace? { SequencePlace(ofWindow: line) }

    /// Tells whether a window is trained on.
    public func admits(_ sample: ForecastWindow?, counting counts: inout ForecastCounts) throws -> Bool {
        guard let sample else { return counts.skip(.malformed) }
        if let reason = self.refusal(of: sample) { return counts.skip(reason) }
        return counts.take()
    }

    private func refusal(of sample: ForecastWindow) -> SkippedWindow? {
        let told = self.description.subject == .future ? sample.future : sample.inputs.last?.action.map { [$0] }
        if let reason = self.description.forecast.refusal(of: sample, told: told) { return reason }
        return self.frames.has(sample.clipUID) ? nil : .withoutPixels
    }

    /// A hash of the sizes that windows must have. Pixels that are missing are looked for anew.
    public func key() throws -> String {
        "pixels \(self.description.subject) \(self.description.forecast.windowKey)"
    }
}
