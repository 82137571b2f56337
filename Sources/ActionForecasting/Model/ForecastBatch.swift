// SPDX-License-Identifier: Apache-2.0

/// Windows as the network takes them.
public struct ForecastBatch: Sendable {
    /// The number of windows.
    public var windows: Int
    /// Features of their clips, (windows, inputs, features).
    public var features: [Float]
    /// The actions that follow, (windows, futures); `nil` where they are not known, as when a forecast is asked for.
    public var truth: [Action]?

    /// Describes a batch.
    public init(windows: Int, features: [Float], truth: [Action]?) {
        self.windows = windows
        self.features = features
        self.truth = truth
    }

    /// Says why a network of a description cannot take it, or nothing.
    func problem(for description: ForecastDescription, training: Bool) -> String? {
        if self.windows < 1 { return "the batch holds no window" }
        guard self.features.count == self.windows * description.inputs * description.featureWidth else {
            return
                "\(self.windows) windows of \(description.inputs) clips have \(self.features.count) features, and "
                + "the network "
                + "takes \(description.featureWidth) a clip"
        }
        guard let truth else { return training ? "the batch says no actions to learn" : nil }
        guard truth.count == self.windows * description.futures else {
            return
                "\(self.windows) windows have \(truth.count) actions, and the network learns \(description.futures) "
                + "each"
        }
        for (index, action) in truth.enumerated()
        where !(0..<description.verbs).contains(action.verb) || !(0..<description.nouns).contains(action.noun) {
            return
                "window \(index / description.futures) has verb \(action.verb) and noun \(action.noun), and the "
                + "network knows "
                + "\(description.verbs) verbs and \(description.nouns) nouns"
        }
        return nil
    }
}

/// A batch that does not fit its network, or a machine that lacks what the network takes.
public struct ForecastError: Error, CustomStringConvertible, Sendable {
    /// The fault.
    public let description: String

    /// Describes a fault.
    public init(_ description: String) { self.description = description }
}

/// A network's answer for a window: the logits of each step.
public struct ForecastLogits: Hashable, Sendable {
    /// Those of the verbs, (futures, verbs).
    public var verbs: [[Float]]
    /// Those of the nouns, (futures, nouns).
    public var nouns: [[Float]]
}
