// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// Some fields of a JSON object, which are asked for by name and type. One of another type is a fault (`wrongType`), as
/// is one that must be there and is missing or null (`missingKey`).
public struct SourceEntry {
    private let members: [String: JSONValue]

    /// Takes the fields of an object.
    public init(_ members: [String: JSONValue]) { self.members = members }

    /// Describes the fault in text that is no JSON.
    public static func fault(of error: JSONError) -> SourceFault {
        if error.message.hasPrefix("invalid UTF-8") {
            return SourceFault(
                SourceReason.invalidUTF8, "\(error.message), \(error.offset) bytes into it: write the file as UTF-8")
        }
        if error.message.hasPrefix("expected a whole number") {
            return SourceFault(SourceReason.wrongType, "\(error.message), \(error.offset) bytes into it")
        }
        return SourceFault(
            SourceReason.malformedJSON, "\(error.message), \(error.offset) bytes into it: correct the JSON")
    }

    /// A number that must be there.
    public func seconds(_ field: String) throws(SourceFault) -> Double {
        guard let seconds = try self.secondsIfAny(field) else {
            throw SourceFault(SourceReason.missingKey, "`\(field)` is missing: give the time in seconds")
        }
        return seconds
    }

    /// A number, or `nil` where there is none.
    public func secondsIfAny(_ field: String) throws(SourceFault) -> Double? {
        guard let member = self.members[field], member != .null else { return nil }
        guard let number = member.double else { throw Self.wrongType(field, "a number of seconds", member) }
        return number
    }

    /// A text that must be there.
    public func text(_ field: String) throws(SourceFault) -> String {
        guard let text = try self.textIfAny(field) else {
            throw SourceFault(SourceReason.missingKey, "`\(field)` is missing: give its text")
        }
        return text
    }

    /// A text, or `nil` where there is none.
    public func textIfAny(_ field: String) throws(SourceFault) -> String? {
        guard let member = self.members[field], member != .null else { return nil }
        guard let text = member.string else { throw Self.wrongType(field, "a string", member) }
        return text
    }

    /// A truth value, or `nil` where there is none.
    public func boolIfAny(_ field: String) throws(SourceFault) -> Bool? {
        guard let member = self.members[field], member != .null else { return nil }
        guard case .bool(let value) = member else { throw Self.wrongType(field, "true or false", member) }
        return value
    }

    private static func wrongType(_ field: String, _ expected: String, _ found: JSONValue) -> SourceFault {
        SourceFault(SourceReason.wrongType, "`\(field)` should be \(expected), found \(Self.kind(of: found))")
    }

    private static func kind(of value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: JSONKind.boolean.rawValue
        case .int, .double: JSONKind.number.rawValue
        case .string: JSONKind.string.rawValue
        case .array: JSONKind.array.rawValue
        case .object: JSONKind.object.rawValue
        }
    }
}
