// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records

/// Reads JSON into Swift's types, and says what is wrong in words that need no knowledge of those.
public enum PlainDecoder {
    /// A problem and its place in the text.
    public struct Problem: Error {
        /// A description of the problem.
        public var message: String

        /// Creates a problem.
        public init(_ message: String) { self.message = message }
    }

    /// Decodes a text.
    /// - Throws: `Problem`, such as `arms[0].name: text belongs here`.
    public static func decode<Value: Decodable>(_ type: Value.Type, from text: some Sequence<UInt8>) throws(Problem)
        -> Value
    {
        // Foundation's parser builds what it reads, as deep as it goes: the scanner's bound on depth comes first.
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: Bytes(text))
        } catch {
            throw Problem(error.description)
        }
        do {
            return try JSONDecoder().decode(type, from: Data(text))
        } catch let problem as Problem {
            throw problem
        } catch DecodingError.keyNotFound(let key, let context) {
            throw Problem(Self.place(context) + "there is no \"\(key.stringValue)\"")
        } catch DecodingError.typeMismatch(let type, let context) {
            throw Problem(Self.place(context) + "\(Self.words(type)) belongs here")
        } catch DecodingError.valueNotFound(let type, let context) {
            throw Problem(Self.place(context) + "\(Self.words(type)) belongs here, and not null")
        } catch DecodingError.dataCorrupted(let context) {
            // Foundation does not tell the place of a number that no type holds.
            let extreme = context.codingPath.isEmpty ? Self.extreme(value, "") : nil
            throw Problem(extreme ?? Self.place(context) + "the value is out of range, or none of those that are known")
        } catch {
            throw Problem("it is no JSON")
        }
    }

    /// The first number of a text that is below zero or beyond what counts take: `seeds[0]: -5 is out of range`.
    private static func extreme(_ value: JSONValue, _ place: String) -> String? {
        switch value {
        case .int(let number) where number < 0: "\(place): \(number) is out of range"
        case .double(let number) where number < 0 || number > 0x1p53: "\(place): \(number) is out of range"
        case .array(let elements):
            elements.enumerated().lazy.compactMap { self.extreme($1, "\(place)[\($0)]") }.first
        case .object(let members):
            members.lazy.compactMap { self.extreme($0.value, place.isEmpty ? $0.key : "\(place).\($0.key)") }.first
        default: nil
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        var place = ""
        for key in context.codingPath {
            if let index = key.intValue {
                place += "[\(index)]"
            } else {
                place += (place.isEmpty ? "" : ".") + key.stringValue
            }
        }
        return place.isEmpty ? "" : place + ": "
    }

    private static func words(_ type: any Any.Type) -> String {
        switch type {
        case is String.Type: "text"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "a whole number"
        case is any BinaryFloatingPoint.Type: "a number"
        case is [Any].Type: "a list"
        default: "an object"
        }
    }
}
