// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow

/// The JSON schema of topology files, for editors: the shape, the keys and the values, with their help. What depends on
/// more than one place, such as types that do not match, is left to `lint`.
public enum TopologySchema {
    /// The schema of the topologies that a registry's operators make.
    public static func json(_ registry: OperatorRegistry) -> Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("$schema", "https://json-schema.org/draft/2020-12/schema")
        json.field("title", "A Millrace topology")
        json.field("type", "object")
        json.field("additionalProperties", false)
        FieldSchema.write("required", ["name", "stages"], &json)
        json.key("properties")
        json.beginObject()
        for field in TopologyLoader.headFields { Self.member(field.name, &json, field.writeSchema) }
        Self.member("stages", &json) { json in
            json.field("description", "the stages by name")
            json.field("type", "object")
            json.field("minProperties", 1)
            json.key("additionalProperties")
            json.beginObject()
            Self.stage(registry, &json)
            json.endObject()
        }
        json.endObject()
        json.endObject()
        return json.bytes
    }

    private static func stage(_ registry: OperatorRegistry, _ json: inout JSONWriter) {
        json.field("type", "object")
        json.field("additionalProperties", false)
        FieldSchema.write("required", ["from", "steps", "to"], &json)
        json.key("properties")
        json.beginObject()
        Self.member("from", &json) { json in
            json.field("description", "the topic that the stage reads")
            Self.any(&json, [Self.topic, { FieldSchema.write(SourceFields.all, &$0) }])
        }
        Self.member("steps", &json) { json in
            json.field("description", "operators, in order")
            json.field("type", "array")
            json.key("items")
            json.beginObject()
            Self.any(
                &json, [{ FieldSchema.write("enum", registry.names, &$0) }, { Self.step(registry, &$0) }])
            json.endObject()
        }
        Self.member("to", &json) { json in
            json.field("description", "the topic or the set of shards that the stage writes")
            Self.any(&json, [Self.topic, { FieldSchema.write(DestinationFields.all, &$0) }])
        }
        Self.member("rejects", &json) { json in
            json.field("description", "the topic for what steps reject; by default that of the dead letters")
            Self.topic(&json)
        }
        Self.member(TopologyLoader.letters.name, &json, TopologyLoader.letters.writeSchema)
        Self.member("commit", &json) { json in
            json.field("description", "when the stage's tasks commit: whichever limit is reached first")
            FieldSchema.write(CommitFields.all, &json)
        }
        json.endObject()
    }

    /// A step with its configuration: one operator's name, and the fields of one of its overloads.
    private static func step(_ registry: OperatorRegistry, _ json: inout JSONWriter) {
        json.field("type", "object")
        json.field("minProperties", 1)
        json.field("maxProperties", 1)
        json.field("additionalProperties", false)
        json.key("properties")
        json.beginObject()
        for name in registry.names {
            let specifications = registry.overloads(named: name).map(\.specification)
            Self.member(name, &json) { json in
                json.field("description", Set(specifications.map(\.summary)).sorted().joined(separator: "; or: "))
                Self.any(
                    &json,
                    specifications.map { specification in { FieldSchema.write(specification.fields, &$0) } })
            }
        }
        json.endObject()
    }

    private static func topic(_ json: inout JSONWriter) { json.field("type", "string") }

    private static func member(_ name: String, _ json: inout JSONWriter, _ body: (inout JSONWriter) -> Void) {
        json.key(text: name)
        json.beginObject()
        body(&json)
        json.endObject()
    }

    private static func any(_ json: inout JSONWriter, _ schemas: [(inout JSONWriter) -> Void]) {
        json.key("anyOf")
        json.beginArray()
        for schema in schemas {
            json.beginObject()
            schema(&json)
            json.endObject()
        }
        json.endArray()
    }
}
