// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// Reads the members of an object that another process has written, within bounds: what is missing or of another kind
/// is as if it had never been there, texts and lists are cut, and numbers are such that one may calculate with them.
struct FigureReader {
    /// The most bytes of a text.
    static let textBytesMax = 2_000
    /// The most elements of a list, where nothing else is said.
    static let elementsMax = 2_000

    private let members: [String: JSONValue]

    init?(_ value: JSONValue?) {
        guard case .object(let members)? = value else { return nil }
        self.members = Dictionary(members.map { ($0.key, $0.value) }) { _, last in last }
    }

    /// A whole number of at least 0, and small enough that sums of many fit.
    func count(_ key: String) -> Int {
        guard let number = self.members[key]?.int else { return 0 }
        return min(max(number, 0), 1 << 53)
    }

    /// A whole number of at least 0, if there is one.
    func optionalCount(_ key: String) -> Int? { self.members[key]?.int == nil ? nil : self.count(key) }

    /// A finite number; 0 where there is none.
    func number(_ key: String) -> Double { self.optionalNumber(key) ?? 0 }

    /// A finite number, if there is one.
    func optionalNumber(_ key: String) -> Double? {
        self.members[key]?.double.flatMap { $0.isFinite ? $0 : nil }
    }

    /// A time, if there is one.
    func time(_ key: String) -> Timestamp? { self.optionalCount(key).map { Timestamp($0) } }

    func flag(_ key: String) -> Bool { self.members[key] == .bool(true) }

    /// A text; empty where there is none.
    func text(_ key: String) -> String { self.optionalText(key) ?? "" }

    /// A text, if there is one.
    func optionalText(_ key: String) -> String? { self.members[key]?.string.map(Self.cut) }

    func object(_ key: String) -> FigureReader? { FigureReader(self.members[key]) }

    /// The elements of a list, as many as are taken.
    func list<Element>(_ key: String, max: Int = Self.elementsMax, _ make: (FigureReader) -> Element?) -> [Element] {
        (self.members[key]?.array ?? []).prefix(max).compactMap { FigureReader($0).flatMap(make) }
    }

    /// The texts of a list.
    func texts(_ key: String) -> [String] {
        (self.members[key]?.array ?? []).prefix(Self.elementsMax).compactMap { $0.string.map(Self.cut) }
    }

    /// The finite numbers of a list.
    func numbers(_ key: String) -> [Double] {
        (self.members[key]?.array ?? []).prefix(Self.elementsMax).compactMap { value in
            value.double.flatMap { $0.isFinite ? $0 : nil }
        }
    }

    /// Whole numbers by name.
    func counts(_ key: String) -> [String: Int] {
        guard let object = self.object(key) else { return [:] }
        return object.members.prefix(Self.elementsMax).reduce(into: [:]) { counts, member in
            if member.value.int != nil { counts[Self.cut(member.key)] = object.count(member.key) }
        }
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > Self.textBytesMax else { return text }
        return String(decoding: text.utf8.prefix(Self.textBytesMax), as: UTF8.self)
    }
}

extension JSONWriter {
    /// Writes a field that may have no value, and is left out then.
    mutating func optional(_ name: StaticString, _ value: Int?) {
        if let value { self.field(name, value) }
    }

    /// Writes a field that may have no value, and is left out then.
    mutating func optional(_ name: StaticString, _ value: String?) {
        if let value { self.field(name, value) }
    }

    /// Writes a field that may have no value, and is left out then, as is one that JSON has no number for.
    mutating func optional(_ name: StaticString, _ value: Double?) {
        if let value, value.isFinite { self.field(name, value) }
    }

    /// Writes a list of objects.
    mutating func list<Element>(
        _ name: StaticString, _ elements: [Element], _ write: (Element, inout JSONWriter) -> Void
    ) {
        self.key(name)
        self.beginArray()
        for element in elements.prefix(FigureReader.elementsMax) {
            self.beginObject()
            write(element, &self)
            self.endObject()
        }
        self.endArray()
    }

    /// Writes counts by name.
    mutating func counts(_ name: StaticString, _ counts: [String: Int]) {
        guard !counts.isEmpty else { return }
        self.key(name)
        self.beginObject()
        for (reason, count) in counts.sorted(by: { $0.key < $1.key }).prefix(FigureReader.elementsMax) {
            self.key(text: reason)
            self.value(count)
        }
        self.endObject()
    }
}
