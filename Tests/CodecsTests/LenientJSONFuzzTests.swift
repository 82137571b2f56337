// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Fuzzing
import Testing

/// The lenient reader over broken JSON, held against another reader where that one reads it at all.
@Suite struct LenientJSONFuzzTests {
    /// Tells whether a lenient value is what Foundation has read.
    private static func agrees(_ value: LenientJSON.Value, _ other: Any) -> Bool {
        switch value {
        case .null: return other is NSNull
        case .bool(let flag): return other as? Bool == flag
        case .number(let number):
            guard let found = (other as? NSNumber)?.doubleValue else { return false }
            return number.isNaN || found == number || (found - number).magnitude <= number.magnitude * 1e-15
        case .string(let text): return (other as? String).map { Self.scalars($0) == Self.scalars(text) } ?? false
        case .array(let elements, _):
            guard let list = other as? [Any], list.count == elements.count else { return false }
            return zip(elements, list).allSatisfy { Self.agrees($0, $1) }
        case .object(let members, _):
            guard let object = other as? [String: Any] else { return false }
            guard Set(members.map(\.key)).count == members.count, object.count == members.count else { return true }
            guard !members.contains(where: { $0.key.unicodeScalars.contains("\u{feff}") }) else { return true }
            return members.allSatisfy { member in object[member.key].map { Self.agrees(member.value, $0) } ?? false }
        case .tooDeep: return true
        }
    }

    /// Foundation strips a byte order mark from the beginning of each text.
    private static func scalars(_ text: String) -> [Unicode.Scalar] { text.unicodeScalars.filter { $0 != "\u{feff}" } }

    @Test func lenientJSONReadsWhatFoundationReads() throws {
        let seeds = [
            #"{"queries":[{"narration_ids":[1,2.5e1,-3],"query":"a\u00e9\ud83d\ude00\n\"","x":[true,null,{}]}]}"#,
            "[[],[{}],{\"a\":\"b\"}]",
        ]
        for input in Fuzz("lenient", seeds: seeds, tokens: .json) {
            var json = LenientJSON(input.bytes)
            let root = json.next()
            while json.next() != nil {}
            guard let root, let other = try? JSONSerialization.jsonObject(with: Data(input.bytes)) else { continue }
            try #require(root.ending == .complete && Self.agrees(root.value, other), "\(input)")
        }
    }
}
