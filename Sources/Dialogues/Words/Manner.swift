// SPDX-License-Identifier: Apache-2.0

public import Dataflow

/// The way in which dialogues are made where ProAssist's own code has faults.
public enum Manner: String, Choice {
    /// As ProAssist's code does it, faults included: to compare with its published data.
    case original
    /// Without the faults that section 11 of the specification names.
    case mended

    /// The field of a step that has use for it.
    static let field = Field(
        "manner", default: Manner.mended,
        help: """
            `mended` leaves the known faults of ProAssist's code behind; `original` repeats them, for comparison with its \
            published data.
            """)
}
