// SPDX-License-Identifier: Apache-2.0

/// Queries as the model reads them.
public enum QueryText {
    /// Strips blanks, then question marks, from both ends, makes it lower-case and appends one question mark
    /// (EGO4D/episodic-memory, `NLQ/VSLNet/utils/prepare_ego4d_dataset.py::process_question`).
    public static func sentence(_ query: String) -> String {
        Self.strip(Self.strip(query, " "), "?").lowercased() + "?"
    }

    private static func strip(_ text: some StringProtocol, _ character: Character) -> Substring {
        var rest = Substring(text)
        while rest.first == character { rest.removeFirst() }
        while rest.last == character { rest.removeLast() }
        return rest
    }
}
