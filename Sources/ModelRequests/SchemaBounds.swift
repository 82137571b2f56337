// SPDX-License-Identifier: Apache-2.0

package import Codecs
import Records

/// The keywords of JSON schemas that bound lists, texts and numbers. They are the ones that servers refuse, or fall
/// over.
package enum SchemaBounds {
    private static let ofLists: Set<String> = [
        "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains",
    ]
    private static let ofTexts: Set<String> = ["pattern", "format", "minLength", "maxLength"]
    private static let ofNumbers: Set<String> = [
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    ]
    private static let ofObjects: Set<String> = [
        "minProperties", "maxProperties", "propertyNames", "patternProperties",
    ]
    private static let all = Self.ofLists.union(Self.ofTexts).union(Self.ofNumbers).union(Self.ofObjects)
    /// Keywords whose value has names of the schema's author for keys, and a schema for each.
    private static let named: Set<String> = ["properties", "$defs", "definitions", "dependentSchemas"]
    /// Keywords whose values are data.
    private static let data: Set<String> = ["enum", "const", "default", "examples", "required"]

    /// A schema without them.
    package static func removed(from schema: String) -> String {
        guard let value = try? JSONValue(parsing: schema.utf8) else { return schema }
        return String(decoding: Self.removed(from: value).bytes, as: UTF8.self)
    }

    private static func removed(from value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): return .array(elements.map(Self.removed(from:)))
        case .object(let members):
            return .object(
                members.filter { !Self.all.contains($0.key) }.map { member in
                    if Self.data.contains(member.key) { return member }
                    guard Self.named.contains(member.key), case .object(let inner) = member.value else {
                        return JSONValue.Member(member.key, Self.removed(from: member.value))
                    }
                    return JSONValue.Member(
                        member.key, .object(inner.map { JSONValue.Member($0.key, Self.removed(from: $0.value)) }))
                })
        default: return value
        }
    }

    /// The members of a small schema that has the bounds of another one: a list of a one, a text and a number, where
    /// that one bounds lists, texts, numbers. The text obeys the first bounds of a text that there are.
    package static func sample(of schema: String) -> [JSONValue.Member] {
        guard let value = try? JSONValue(parsing: schema.utf8) else { return [] }
        var found: [(key: String, value: JSONValue)] = []
        Self.collect(value, into: &found)
        func bounds(_ keys: Set<String>) -> [JSONValue.Member] {
            var bounds: [JSONValue.Member] = []
            for (key, value) in found where keys.contains(key) && !bounds.contains(where: { $0.key == key }) {
                bounds.append(JSONValue.Member(key, value))
            }
            return bounds
        }
        var members: [JSONValue.Member] = []
        let one = JSONValue.object([.init("type", .string("integer")), .init("enum", .array([.int(1)]))])
        let lists = bounds(["minItems", "maxItems", "uniqueItems"]).map { bound in
            JSONValue.Member(bound.key, bound.key == "uniqueItems" ? bound.value : .int(1))
        }
        if !lists.isEmpty {
            members.append(.init("marks", .object([.init("type", .string("array")), .init("items", one)] + lists)))
        }
        let texts = bounds(Self.ofTexts)
        if !texts.isEmpty { members.append(.init("words", .object([.init("type", .string("string"))] + texts))) }
        let numbers = bounds(Self.ofNumbers)
        if !numbers.isEmpty { members.append(.init("number", .object([.init("type", .string("number"))] + numbers))) }
        return members
    }

    private static func collect(_ value: JSONValue, into found: inout [(key: String, value: JSONValue)]) {
        switch value {
        case .array(let elements): for element in elements { Self.collect(element, into: &found) }
        case .object(let members):
            for member in members where !Self.data.contains(member.key) {
                if Self.named.contains(member.key), case .object(let inner) = member.value {
                    for property in inner { Self.collect(property.value, into: &found) }
                } else {
                    if Self.all.contains(member.key) { found.append((member.key, member.value)) }
                    Self.collect(member.value, into: &found)
                }
            }
        default: break
        }
    }
}
