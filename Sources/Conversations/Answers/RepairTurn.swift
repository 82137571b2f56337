// SPDX-License-Identifier: Apache-2.0

public import ModelRequests

/// The further turn in which a model is told what was wrong with its answer. What it is told, the task says.
public enum RepairTurn {
    /// Bytes of the bad answer that the model is shown again. What is wrong shows at its beginning, and the rest would
    /// take room in the context: a truncated answer has filled it already.
    static let quotedBytesMax = 2_000

    /// The conversation so far with the bad answer and one turn more.
    ///
    /// Roles alternate, which the chat templates of some models insist on.
    public static func messages(
        after prompt: [ChatMessage], answer text: String, saying content: String
    ) -> [ChatMessage] {
        prompt + [
            ChatMessage(role: .assistant, content: self.quote(text)), ChatMessage(role: .user, content: content),
        ]
    }

    /// The words that such a turn begins with: each fault once, in order, a sentence each.
    public static func opening(_ faults: [String]) -> String {
        var distinct: [String] = []
        for fault in faults where !distinct.contains(fault) { distinct.append(fault) }
        return "That answer cannot be used. \(distinct.joined(separator: " "))"
    }

    /// The beginning of an answer, without control characters, which some servers choke on; never empty.
    private static func quote(_ text: String) -> String {
        var quoted = ""
        var count = 0
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 && scalar != "\n" && scalar != "\t" || scalar.value == 0x7f { continue }
            count += UTF8.width(scalar)
            if count > self.quotedBytesMax {
                quoted.unicodeScalars.append(contentsOf: " …".unicodeScalars)
                break
            }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted.allSatisfy(\.isWhitespace) ? "(nothing)" : quoted
    }
}
