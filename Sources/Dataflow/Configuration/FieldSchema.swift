// SPDX-License-Identifier: Apache-2.0

public import Codecs

/// Words of JSON schemas (draft 2020-12), which tell editors what may be written.
///
/// Editors see a file before the environment is applied, so a text with `${NAME}` may stand wherever one word may.
public enum FieldSchema {
    /// A text in which the environment is still to come.
    static let variable = #"\$\{"#

    /// Writes that a value is of a type, or a text that fits one of the patterns.
    static func write(_ types: [String], patterns: [String] = [], _ json: inout JSONWriter) {
        self.write("type", types, &json)
        if types.contains("string"), types.count > 1 {
            json.field("pattern", (patterns + [self.variable]).joined(separator: "|"))
        }
    }

    /// Writes a list of texts.
    public static func write(_ name: StaticString, _ texts: [String], _ json: inout JSONWriter) {
        json.key(name)
        json.beginArray()
        for text in texts { json.value(text) }
        json.endArray()
    }

    /// Writes the members of an object with these fields, and of no other.
    public static func write(_ fields: [any FieldDescription], _ json: inout JSONWriter) {
        self.write("type", fields.contains(where: \.isRequired) ? ["object"] : ["object", "null"], &json)
        json.field("additionalProperties", false)
        let required = fields.filter(\.isRequired).map(\.name)
        if !required.isEmpty { self.write("required", required, &json) }
        json.key("properties")
        json.beginObject()
        for field in fields {
            json.key(text: field.name)
            json.beginObject()
            field.writeSchema(&json)
            json.endObject()
        }
        json.endObject()
    }
}

extension Field {
    /// Writes the value's schema, with the help and the default in words.
    public func writeSchema(_ json: inout JSONWriter) {
        json.field("description", self.help + (self.defaultText.map { " (default \($0))" } ?? ""))
        Value.writeSchema(&json)
    }
}

extension Section {
    /// Writes the group's schema.
    public func writeSchema(_ json: inout JSONWriter) {
        json.field("description", self.help)
        FieldSchema.write(self.fields, &json)
    }
}

extension Int {
    /// Writes what may stand for a value.
    public static func writeSchema(_ json: inout JSONWriter) {
        FieldSchema.write(["integer", "string"], patterns: ["^-?[0-9][0-9_]*$"], &json)
    }
}

extension Double {
    /// Writes what may stand for a value.
    public static func writeSchema(_ json: inout JSONWriter) { FieldSchema.write(["number", "string"], &json) }
}

extension Bool {
    /// Writes what may stand for a value.
    public static func writeSchema(_ json: inout JSONWriter) {
        FieldSchema.write(["boolean", "string"], patterns: ["^([Tt]rue|TRUE|[Ff]alse|FALSE)$"], &json)
    }
}

extension String {
    /// Writes what may stand for a value: any word is text.
    public static func writeSchema(_ json: inout JSONWriter) {
        FieldSchema.write("type", ["string", "number", "boolean", "null"], &json)
    }
}

extension Array where Element: FieldValue {
    /// Writes what may stand for a value.
    public static func writeSchema(_ json: inout JSONWriter) {
        json.field("type", "array")
        json.key("items")
        json.beginObject()
        Element.writeSchema(&json)
        json.endObject()
    }
}

extension Optional where Wrapped: FieldValue {
    /// Writes what may stand for a value.
    public static func writeSchema(_ json: inout JSONWriter) { Wrapped.writeSchema(&json) }
}

extension Choice {
    /// Writes what may stand for a value.
    public static func writeSchema(_ json: inout JSONWriter) {
        json.key("anyOf")
        json.beginArray()
        json.beginObject()
        FieldSchema.write("enum", Self.allCases.map(\.rawValue), &json)
        json.endObject()
        json.beginObject()
        json.field("type", "string")
        json.field("pattern", FieldSchema.variable)
        json.endObject()
        json.endArray()
    }
}

extension FileReference {
    /// Writes what may stand for a value.
    public static func writeSchema(_ json: inout JSONWriter) { json.field("type", "string") }
}

extension ByteCount {
    /// Writes what may stand for a value.
    public static func writeSchema(_ json: inout JSONWriter) {
        FieldSchema.write(["integer", "string"], patterns: ["^[0-9][0-9_.]* ?([KMGTkmgt][Ii]?)?[Bb]?$"], &json)
    }
}
