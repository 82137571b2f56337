// SPDX-License-Identifier: Apache-2.0

/// The reason why an assistant speaks.
public enum Initiativity: String, Hashable, Sendable, CaseIterable {
    /// Of its own accord.
    case initiative
    /// In answer to the user.
    case responsive

    /// Reads a label as models write it: a text that contains the name, in any case; `initiative` first.
    public init?(lenient text: String) {
        let text = text.lowercased()
        guard let found = Self.allCases.first(where: { text.contains($0.rawValue) }) else { return nil }
        self = found
    }
}

/// A kind of thing that an assistant says.
public enum Intent: String, Hashable, Sendable, CaseIterable {
    /// The next thing to do.
    case instruction
    /// A mistake put right.
    case correction
    /// An explanation or a tip.
    case infoSharing = "info_sharing"
    /// Praise or blame.
    case feedback
    /// Anything else.
    case other

    private var sign: String { self == .infoSharing ? "info" : self.rawValue }

    /// The intents whose names a text contains, in the order of the cases; `other` where it has none of the rest.
    public static func all(in text: String) -> [Intent] {
        let text = text.lowercased()
        let found = Self.allCases.filter { $0 != .other && text.contains($0.sign) }
        return found.isEmpty ? [.other] : found
    }
}

/// The labels of an assistant's turn.
public struct TurnLabels: Hashable, Sendable {
    /// The reason why it speaks.
    public var initiativity: Initiativity
    /// The kinds of thing that it says, at least one.
    public var intents: [Intent]

    /// Creates labels.
    public init(_ initiativity: Initiativity, _ intents: [Intent]) {
        self.initiativity = initiativity
        self.intents = intents
    }

    /// The labels of a turn that has none, or none that can be read.
    public static let unknown = TurnLabels(.initiative, [.other])

    /// `initiative|instruction,feedback`
    public var text: String {
        "\(self.initiativity.rawValue)|\(self.intents.map(\.rawValue).joined(separator: ","))"
    }

    /// Reads `initiative|instruction,feedback`; `nil` where the first part is neither.
    public init?(_ text: String) {
        let parts = text.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let initiativity = Initiativity(lenient: String(parts[0])) else { return nil }
        self.init(initiativity, Intent.all(in: String(parts[1])))
    }

    /// The labels of two turns that were joined: responsive where either is, the intents of both.
    func joined(with other: TurnLabels) -> TurnLabels {
        let isResponsive = self.initiativity == .responsive || other.initiativity == .responsive
        var intents = Intent.allCases.filter { self.intents.contains($0) || other.intents.contains($0) }
        if intents.count > 1 { intents.removeAll { $0 == .other } }
        return TurnLabels(isResponsive ? .responsive : .initiative, intents)
    }
}
