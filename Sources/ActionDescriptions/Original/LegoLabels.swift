// SPDX-License-Identifier: Apache-2.0

/// The labels of actions, as the original asks about them.
public enum LegoLabels {
    /// The verb, in lower case, and what follows the space behind it.
    public struct Parts: Hashable, Sendable {
        /// The first word.
        public var verb: String
        /// The rest, as it is.
        public var remainder: String
    }

    /// The original's way with a label of Ego4D: two characters are dropped and blanks around the rest, twice, and
    /// nothing is checked. A label without the mark of the camera wearer in front loses letters.
    public static func mutilated(_ label: String) -> Parts {
        var rest = Substring(label)
        for _ in 0..<2 { rest = Self.stripped(rest.dropFirst(2)) }
        return self.parts(rest)
    }

    /// The words behind the mark of the camera wearer, `#C C`, in any case; a label without it as it is.
    public static func words(_ label: String) -> String {
        let rest = Self.stripped(Substring(label))
        let parts = rest.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard parts.count >= 2, parts[0].uppercased() == "#C", parts[1].uppercased() == "C" else { return String(rest) }
        return parts.count == 3 ? String(Self.stripped(parts[2])) : ""
    }

    private static func parts(_ text: Substring) -> Parts {
        let halves = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        return Parts(verb: (halves.first ?? "").lowercased(), remainder: halves.count == 2 ? String(halves[1]) : "")
    }

    private static func stripped(_ text: Substring) -> Substring {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
