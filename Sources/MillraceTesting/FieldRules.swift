// SPDX-License-Identifier: Apache-2.0

import Dataflow

/// Rules that the fields of operators and adapters keep.
enum FieldRules {
    /// Checks names and helps, those of sections too.
    static func check(_ fields: [any FieldDescription], of owner: String) throws {
        try expectEqual(Set(fields.map(\.name)).count, fields.count, "the names of the fields of `\(owner)`")
        for field in fields {
            try expect(Wording.isName(field.name), "`\(field.name)` of `\(owner)` is no name for YAML")
            try expect(
                Wording.isSentence(field.help),
                "the help of `\(field.name)` of `\(owner)` is no sentence: “\(field.help)”")
            try expect(!field.typeName.isEmpty, "`\(field.name)` of `\(owner)` says no type")
            if let section = field as? Section { try Self.check(section.fields, of: "\(owner).\(section.name)") }
        }
    }

    /// Checks that what no field can be is refused, at its place; and what is unknown or missing.
    static func checkRefusals(_ fields: [any FieldDescription]) throws {
        for (number, field) in fields.enumerated() {
            let mark = SourceMark(line: number + 1, column: 7)
            // A mapping of something that nobody calls so: neither a word nor a list nor a section.
            let nonsense = ConfigurationNode(
                .mapping([("no-such-name", mark, ConfigurationNode(.scalar("x"), mark: mark))]), mark: mark)
            var reader = ConfigurationReader(file: "trial") { _ in "" }
            try expect(field.read(nonsense, &reader) == nil, "`\(field.name)` takes a mapping of nonsense")
            try expect(
                reader.diagnostics.contains { $0.mark == mark && $0.message.count > 8 },
                "`\(field.name)` refuses without saying where and why: \(reader.diagnostics)")
            if let section = field as? Section { try Self.checkRefusals(section.fields) }
        }
        let mark = SourceMark(line: 1, column: 1)
        var reader = ConfigurationReader(file: "trial") { _ in "" }
        let unknown = ConfigurationNode(
            .mapping([("no-such-name", mark, ConfigurationNode(.scalar("x"), mark: mark))]), mark: mark)
        try expect(reader.configuration(unknown, fields: fields) == nil, "an unknown key is taken")
        let messages = reader.diagnostics.map(\.message).joined(separator: "\n")
        for name in ["no-such-name"] + fields.filter(\.isRequired).map(\.name) {
            try expect(messages.contains("`\(name)`"), "the refusal does not name `\(name)`: \(messages)")
        }
    }
}
