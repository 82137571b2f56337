// SPDX-License-Identifier: Apache-2.0

public import ActionForecasting
public import Codecs
import Records
public import Training

/// Reads windows of shards for a network of feature mode.
public struct WindowReader: SampleReading {
    private let features: SegmentFeatures
    private let description: ForecastDescription

    /// Describes a reader that passes over what the network cannot learn from.
    public init(_ description: ForecastDescription, features: SegmentFeatures) {
        self.description = description
        self.features = features
    }

    /// A line's window, with the taxonomy that its labels are places in.
    public func sample(_ line: Bytes) -> ForecastWindow? { self.description.window(in: line) }

    /// The clip's windows are a sequence, which ends with its last.
    public func place(_ line: Bytes) -> SequencePlace? { SequencePlace(ofWindow: line) }

    /// Tells whether a window is trained on.
    /// - Throws: `TensorFileError` where features are damaged.
    public func admits(_ sample: ForecastWindow?, counting counts: inout ForecastCounts) throws -> Bool {
        guard let sample else { return counts.skip(.malformed) }
        if let reason = try self.refusal(of: sample) { return counts.skip(reason) }
        return counts.take()
    }

    private func refusal(of sample: ForecastWindow) throws -> SkippedWindow? {
        if let reason = self.description.refusal(of: sample, told: sample.future) { return reason }
        return try self.features.gap(of: sample).map(SkippedWindow.init)
    }

    /// A hash of the features that are there, and of the sizes that windows must have.
    public func key() throws -> String {
        try self.features.digest() + " " + self.description.windowKey
    }
}
