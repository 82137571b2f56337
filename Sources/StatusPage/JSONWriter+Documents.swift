// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

extension JSONWriter {
    /// Writes an object.
    mutating func object(_ write: (inout JSONWriter) -> Void) {
        self.beginObject()
        write(&self)
        self.endObject()
    }

    /// Writes a list of objects.
    mutating func list<Element>(
        _ name: StaticString, _ elements: [Element], _ write: (Element, inout JSONWriter) -> Void
    ) {
        self.key(name)
        self.beginArray()
        for element in elements {
            self.beginObject()
            write(element, &self)
            self.endObject()
        }
        self.endArray()
    }

    /// Writes a list of texts.
    mutating func texts(_ name: StaticString, _ texts: [String]) {
        self.key(name)
        self.beginArray()
        for text in texts { self.value(text) }
        self.endArray()
    }

    /// Writes a list of numbers.
    mutating func numbers(_ name: StaticString, _ numbers: [Double]) {
        self.key(name)
        self.beginArray()
        for number in numbers { self.value(number) }
        self.endArray()
    }

    /// Writes names with their counts, in their order.
    mutating func counts(_ name: StaticString, _ counts: [PageState.Named]) {
        self.list(name, counts) { named, json in
            json.field("name", named.name)
            json.field("count", named.count)
        }
    }

    /// Writes a text, or null.
    mutating func optional(_ name: StaticString, _ text: String?) {
        self.key(name)
        if let text { self.value(text) } else { self.null() }
    }

    /// Writes a number, or null.
    mutating func optional(_ name: StaticString, _ number: Double?) {
        self.key(name)
        if let number { self.value(number) } else { self.null() }
    }

    /// Writes a time, or null.
    mutating func optional(_ name: StaticString, _ time: Timestamp?) {
        self.key(name)
        if let time { self.value(Int(time)) } else { self.null() }
    }
}

extension String {
    /// The text, of a long one the beginning. Counted by scalars: one letter of any number of accents is as long as
    /// they are.
    func cut(to most: Int) -> String {
        guard self.utf8.count > most else { return self }
        let scalars = self.unicodeScalars.prefix(most + 1)
        return scalars.count <= most ? self : String(String.UnicodeScalarView(scalars.dropLast())) + "…"
    }
}
