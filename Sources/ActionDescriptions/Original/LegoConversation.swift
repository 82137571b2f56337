// SPDX-License-Identifier: Apache-2.0

/// The layout of text that the original's description model is asked with, and learns: Llama 2's, by way of LLaVA.
public enum LegoConversation {
    /// The mark that stands for the frame's features.
    public static let image = "<image>"

    /// The text that is completed.
    public static func prompt(system: String, question: String) -> String {
        "[INST] <<SYS>>\n\(system)\n<</SYS>>\n\n\(self.image)\n\(question) [/INST]"
    }

    /// The text that is learnt from.
    public static func training(system: String, question: String, answer: String) -> String {
        self.prompt(system: system, question: question) + " \(answer) </s>"
    }

    /// A question's words with the action in place of `{}`.
    public static func question(_ template: String, action: String) -> String {
        guard let place = template.firstRange(of: "{}") else { return template }
        return template.replacingCharacters(in: place, with: action)
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
