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
    public func sample(_ line: Bytes) -> ForecastWindow? {
        guard let window = ActionWindow(line: line) else { return nil }
        var sample = window.forecastWindow
        if window.clip.taxonomy.digest != self.description.forecast.taxonomy {
            sample.taxonomy = window.clip.taxonomy.digest
        }
        return sample
    }

    /// The clip's windows are a sequence, which ends with its last.
    public func place(_ line: Bytes) -> SequencePlace? {
        ActionWindow(line: line).map { SequencePlace($0.clip.clipUID, isLast: $0.isLast) }
    }

    /// Tells whether a window is trained on.
    public func admits(_ sample: ForecastWindow?, counting counts: inout ForecastCounts) throws -> Bool {
        guard let sample else { return counts.skip(.malformed) }
        if let reason = self.refusal(of: sample) { return counts.skip(reason) }
        return counts.take()
    }

    private func refusal(of sample: ForecastWindow) -> SkippedWindow? {
        let make = self.description.forecast
        if sample.taxonomy != nil { return .otherTaxonomy }
        let told = self.description.subject == .future ? sample.future : sample.inputs.last?.action.map { [$0] }
        guard let told else { return .untold }
        if sample.inputs.count != make.inputs || told.count != make.futures { return .otherSize }
        let isKnown = told.allSatisfy {
            (0..<make.verbs).contains($0.verb) && (0..<make.nouns).contains($0.noun)
        }
        guard isKnown else { return .unknownLabel }
        return self.frames.has(sample.clipUID) ? nil : .withoutPixels
    }

    /// A hash of the sizes that windows must have. Pixels that are missing are looked for anew.
    public func key() throws -> String {
        let d = self.description.forecast
        return "pixels \(self.description.subject) \(d.inputs) \(d.futures) \(d.verbs) \(d.nouns) \(d.taxonomy)"
    }
}
