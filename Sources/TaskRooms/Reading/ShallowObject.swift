// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// The members of a JSON object by key, not parsed yet, so that one malformed member does not spoil the others.
public struct ShallowObject {
    /// The object as it stands in the file.
    public let bytes: UnsafeBufferPointer<UInt8>
    /// The place of each member's value; of a key that repeats, the last.
    public private(set) var ranges: [String: Range<Int>] = [:]

    /// Finds the members of an object in borrowed memory, which must outlive this.
    public init(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) throws(SourceFault) {
        try self.init(UnsafeBufferPointer(rebasing: bytes))
    }

    /// Finds the members of an object in borrowed memory, which must outlive this.
    ///
    /// - Throws: `wrongType` where it is no object, `malformedJSON` where quotes or brackets do not match.
    public init(_ bytes: UnsafeBufferPointer<UInt8>) throws(SourceFault) {
        self.bytes = bytes
        var cursor = JSONCursor(bytes)
        guard cursor.open("{") else {
            throw SourceFault(SourceReason.wrongType, "expected an object, found \(Self.excerpt(bytes))")
        }
        do throws(JSONError) {
            while let key = try cursor.nextKey() { self.ranges[key] = try cursor.skip() }
        } catch { throw SourceEntry.fault(of: error) }
    }

    /// Parses some of the members, which should be scalars: of an object or array just the kind is kept.
    ///
    /// - Throws: `malformedJSON` or `invalidUTF8`, with the member's name.
    public func entry(_ fields: String...) throws(SourceFault) -> SourceEntry {
        var members: [String: JSONValue] = [:]
        for field in fields {
            guard let range = self.ranges[field] else { continue }
            switch self.bytes[range.lowerBound] {
            case UInt8(ascii: "{"): members[field] = .object([])
            case UInt8(ascii: "["): members[field] = .array([])
            default:
                do throws(JSONError) {
                    members[field] = try JSONValue(parsing: self.bytes[range])
                } catch {
                    let fault = SourceEntry.fault(of: error)
                    throw SourceFault(fault.reason, "`\(field)`: \(fault.message)")
                }
            }
        }
        return SourceEntry(members)
    }

    /// Calls a function with where each element of an array lies; with none where the member is missing or null.
    ///
    /// - Throws: `wrongType` where it is no array, `malformedJSON` where it breaks off.
    public func forEachElement(of field: String, _ body: (Range<Int>) -> Void) throws(SourceFault) {
        guard let range = self.ranges[field], !self.bytes[range].elementsEqual("null".utf8) else { return }
        var cursor = JSONCursor(UnsafeBufferPointer(rebasing: self.bytes[..<range.upperBound]))
        cursor.position = range.lowerBound
        guard cursor.open("[") else { throw SourceFault(SourceReason.wrongType, "`\(field)` should be an array") }
        do throws(JSONError) {
            while try cursor.nextElement() { body(try cursor.skip()) }
        } catch { throw SourceEntry.fault(of: error) }
    }

    private static func excerpt(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        "`\(String(decoding: bytes.prefix(40), as: UTF8.self))`"
    }
}
