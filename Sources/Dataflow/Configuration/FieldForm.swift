// SPDX-License-Identifier: Apache-2.0

/// The form in which a field is given on a command line.
public enum FieldForm: Hashable, Sendable {
    /// One word: `--size 5`.
    case word
    /// Nothing but its name: `--contiguous`, or `--no-contiguous` where it is true by default.
    case flag
    /// A word each time it is named: `--tag a --tag b`.
    case list
}

extension FieldDescription {
    /// One word: a field that says nothing else.
    public var form: FieldForm { .word }
}

extension FieldValue {
    /// One word, as most values are.
    public static var form: FieldForm { .word }
}

extension Bool {
    /// Its name says that it is so.
    public static var form: FieldForm { .flag }
}

extension Array where Element: FieldValue {
    /// A word for each element.
    public static var form: FieldForm { .list }
}

extension Optional where Wrapped: FieldValue {
    /// The form of the value, where there is one.
    public static var form: FieldForm { Wrapped.form }
}
