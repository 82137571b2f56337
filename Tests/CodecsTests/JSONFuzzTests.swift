// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Fuzzing
import Testing

/// Broken JSON is read as Foundation reads it, or refused; nothing traps.
@Suite struct JSONFuzzTests {
    static let seeds = [
        #"{"a":[1,-2.5e3,true,false,null,"x",{"b":"\u00e9\ud83d\ude00\n"}],"":{},"long":"0123456789abcdef"}"#,
        ##"{"video_uid":"v","timestamp_sec":12.5,"text":"#C C picks the \"cup\"","pass":1,"clips":[[0,1.5],[2,3]]}"##,
        "[[[[[1e22,0.1,123456789012345678,-0.0]]]],\"\\\\\",\"\u{e9}\u{1f600}\"]",
        "  \"alone\" ", "-12.75", "null",
    ]

    /// Tells whether a value is what Foundation has read. Of a repeated key Foundation keeps the first and Millrace the
    /// last, and Millrace takes text for keys that Foundation compares otherwise, so those objects are left out.
    private static func agrees(_ value: JSONValue, _ other: Any) -> Bool {
        switch value {
        case .null: return other is NSNull
        case .bool(let flag): return other as? Bool == flag
        case .int(let number): return (other as? NSNumber)?.doubleValue == Double(number)
        case .double(let number):
            guard let found = (other as? NSNumber)?.doubleValue else { return false }
            // Foundation rounds some decimals to a neighbour.
            return found == number || (found - number).magnitude <= number.magnitude * 1e-15
        case .string(let text): return (other as? String).map { Self.scalars($0) == Self.scalars(text) } ?? false
        case .array(let elements):
            guard let list = other as? [Any], list.count == elements.count else { return false }
            return zip(elements, list).allSatisfy { Self.agrees($0, $1) }
        case .object(let members):
            guard let object = other as? [String: Any] else { return false }
            guard Set(members.map(\.key)).count == members.count, object.count == members.count else { return true }
            guard !members.contains(where: { $0.key.unicodeScalars.contains("\u{feff}") }) else { return true }
            return members.allSatisfy { member in object[member.key].map { Self.agrees(member.value, $0) } ?? false }
        }
    }

    /// Foundation strips a byte order mark from the beginning of each text.
    private static func scalars(_ text: String) -> [Unicode.Scalar] { text.unicodeScalars.filter { $0 != "\u{feff}" } }

    @Test func readsWhatFoundationReadsOrRefuses() throws {
        for input in Fuzz("json", seeds: Self.seeds, tokens: .json) {
            guard let value = try? JSONValue(parsing: input.bytes) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            // Written values are read back as the same, except numbers that are none.
            let again = try? JSONValue(parsing: value.bytes)
            try #require(again?.bytes == value.bytes, "\(input)")
            guard
                let other = try? JSONSerialization.jsonObject(with: Data(input.bytes), options: .fragmentsAllowed)
            else { continue }
            try #require(Self.agrees(value, other), "\(input)")
        }
    }

    @Test func thePullParserAnswersEveryQuestion() throws {
        for input in Fuzz("json-scanner", seeds: Self.seeds, tokens: .json) {
            let skipped = (try? JSONScanner.scan(input.bytes) { json throws(JSONError) in try json.skip() }) != nil
            if (try? JSONValue(parsing: input.bytes)) != nil { try #require(skipped, "\(input)") }
            input.bytes.withUnsafeBufferPointer { bytes in
                var json = JSONScanner(bytes)
                while Self.ask(&json) {}
            }
        }
    }

    /// Asks for whatever comes next by every type; `false` where nothing fits.
    private static func ask(_ json: inout JSONScanner) -> Bool {
        let place = json.offset
        _ = try? json.beginObject()
        _ = try? json.nextKey()?.text
        _ = try? json.beginArray()
        _ = try? json.nextElement()
        _ = try? json.intOrNull()
        _ = try? json.doubleOrNull()
        _ = try? json.internedString()
        _ = try? json.boolOrNull()
        return json.offset > place
    }
}
