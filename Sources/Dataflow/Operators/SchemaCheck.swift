// SPDX-License-Identifier: Apache-2.0

import Records

/// Holds the `schema` header of records against the type that a stage reads.
///
/// The header decides nothing: the topology says what a topic holds, and the header can only say that this record is
/// something else.
struct SchemaCheck {
    /// The statement of a header list about a record's type.
    enum Verdict: Equatable {
        /// The record is of the type, in this form or an older one.
        case readable
        /// There is no such header: whoever wrote the record tells no types.
        case untold
        /// The record is of another type, which the message names.
        case wrongType(String)
        /// The record has a form that this program does not know yet; the message names the remedy.
        case newer(String)
    }

    /// The type that is read.
    let type: StreamType

    /// No name of a type is longer, so nothing longer need be shown.
    private static let bytesMax = 200

    /// Judges a record by its headers. Where the header stands twice, the last one counts, as in Kafka's own clients.
    func verdict(on headers: [Header]) -> Verdict {
        guard let header = headers.last(where: { $0.name == StreamType.schemaHeader }) else { return .untold }
        let text = String(decoding: header.value.prefix(Self.bytesMax), as: UTF8.self)
        guard let (name, version) = Self.parts(of: text), header.value.count <= Self.bytesMax else {
            return .wrongType(
                "its header `schema` is `\(text)`, which names no type and version, where the stage reads "
                    + "`\(self.type.name)`")
        }
        if name != self.type.name {
            return .wrongType("it is a `\(name)` by its header `schema`, where the stage reads `\(self.type.name)`")
        }
        if version > self.type.schemaVersion {
            return .newer(
                "it is a `\(text)`, and this program reads `\(name)` up to version \(self.type.schemaVersion): a newer "
                    + "millrace wrote it; install that version here and run again")
        }
        return .readable
    }

    /// `type/version`; a version too large for a number is larger than any that is known.
    private static func parts(of text: String) -> (name: Substring, version: Int)? {
        guard let slash = text.lastIndex(of: "/") else { return nil }
        let digits = text[text.index(after: slash)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return (text[..<slash], Int(digits) ?? Int.max)
    }
}
