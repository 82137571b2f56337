// SPDX-License-Identifier: Apache-2.0

public import Training

/// The make of a network that forecasts actions from pixels: an encoder for each clip, and what puts them together.
public struct VideoDescription: RunSettings {
    /// The subject that it learns.
    public enum Subject: String, Hashable, Sendable, Codable, CaseIterable {
        /// The actions that follow.
        case future
        /// The action of the last segment that is seen: recognition.
        case observed
    }

    /// The encoder.
    public var encoder: EncoderConfiguration
    /// The heads, which put clips together and read them. Its features are not used, and its width is the encoder's.
    public var forecast: ForecastDescription
    /// The use of memory.
    public var memory: MemoryPreset
    /// The streams of clips that are remembered side by side: the slots of a batch.
    public var streams: Int
    /// The subject.
    public var subject = Subject.future

    /// Puts a make together.
    public init(
        _ encoder: EncoderConfiguration, _ forecast: ForecastDescription, memory: MemoryPreset = .fixed,
        streams: Int = 4,
        subject: Subject = .future
    ) {
        self.encoder = encoder
        self.forecast = forecast
        self.forecast.width = encoder.features
        self.memory = memory
        self.streams = streams
        self.subject = subject
    }

    /// Each setting in words, by the option that sets it.
    public var settings: [(name: String, value: String)] {
        self.forecast.settings + [
            ("--memory", self.memory.rawValue), ("--subject", self.subject.rawValue),
            ("--encoder-width", "\(self.encoder.width)"), ("--encoder-depth", "\(self.encoder.depth)"),
            ("--side", "\(self.encoder.side)"), ("--frames", "\(self.encoder.frames)"),
            ("the slots of --batch-size", "\(self.streams)"),
        ] + self.others
    }

    /// The encoder's settings that no option sets by itself.
    private var others: [(name: String, value: String)] {
        let told: Set = ["width", "depth", "side", "frames"]
        return Mirror(reflecting: self.encoder).children.compactMap { label, value in
            label.flatMap { told.contains($0) ? nil : ("the encoder's \($0)", "\(value)") }
        }
    }

    /// Says what is out of range, or nothing.
    public func problem() -> String? {
        if let problem = self.encoder.problem() ?? self.forecast.problem() { return problem }
        guard (self.encoder.memory == nil) == (self.memory == .none) else {
            return "--memory \(self.memory.rawValue) does not go with an encoder "
                + (self.encoder.memory == nil ? "without memory" : "with memory")
        }
        guard TrainingOptions.batchRange.contains(self.streams) else {
            return "the slots of --batch-size are 1 to \(TrainingOptions.batchRange.upperBound), not \(self.streams)"
        }
        guard self.forecast.width == self.encoder.features else {
            return "the encoder gives \(self.encoder.features) features, and the heads take \(self.forecast.width)"
        }
        if self.subject == .observed, self.forecast.futures != 1 {
            return "a network that recognises tells one action, not \(self.forecast.futures)"
        }
        return nil
    }
}
