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
    public func sample(_ line: Bytes) -> ForecastWindow? {
        guard let window = ActionWindow(line: line) else { return nil }
        // Another taxonomy's labels are no labels here: `admits` knows such a window by what it lacks.
        var sample = window.forecastWindow
        if window.clip.taxonomy.digest != self.description.taxonomy { sample.taxonomy = window.clip.taxonomy.digest }
        return sample
    }

    /// The clip's windows are a sequence, which ends with its last.
    public func place(_ line: Bytes) -> SequencePlace? {
        ActionWindow(line: line).map { SequencePlace($0.clip.clipUID, isLast: $0.isLast) }
    }

    /// Tells whether a window is trained on.
    /// - Throws: `TensorFileError` where features are damaged.
    public func admits(_ sample: ForecastWindow?, counting counts: inout ForecastCounts) throws -> Bool {
        guard let sample else { return counts.skip(.malformed) }
        if let reason = try self.refusal(of: sample) { return counts.skip(reason) }
        return counts.take()
    }

    private func refusal(of sample: ForecastWindow) throws -> SkippedWindow? {
        if sample.taxonomy != nil { return .otherTaxonomy }
        guard let future = sample.future else { return .untold }
        if sample.inputs.count != self.description.inputs || future.count != self.description.futures {
            return .otherSize
        }
        let isKnown = future.allSatisfy {
            (0..<self.description.verbs).contains($0.verb) && (0..<self.description.nouns).contains($0.noun)
        }
        guard isKnown else { return .unknownLabel }
        return try self.features.gap(of: sample).map(SkippedWindow.init)
    }

    /// A hash of the features that are there, and of the sizes that windows must have.
    public func key() throws -> String {
        let d = self.description
        return try self.features.digest() + " \(d.inputs) \(d.futures) \(d.verbs) \(d.nouns) \(d.taxonomy)"
    }
}
