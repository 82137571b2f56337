// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// A record of the topic of owners: a claim or a binding, as JSON.
enum OwnerRecord: Hashable {
    /// A claim, and the owner whose claim ended with its topic, if there was one.
    case claim(Claim, after: Owner?)
    case binding(Binding)

    /// The version of these records; it grows when an older program would misunderstand them.
    static let schemaVersion = 1
    private static let schema = "owner/\(schemaVersion)"

    /// The reason why a record is none of these.
    struct Problem: Error {
        var message: String
        /// Tells whether a newer program wrote it.
        var isTooNew = false
    }

    /// The subject of the record, as its key.
    var key: String {
        switch self {
        case .claim(let claim, _): Self.key(of: claim.subject)
        case .binding(let binding): Self.key(of: binding.owner, stage: binding.stage)
        }
    }

    static func key(of subject: Claim.Subject) -> String { "\(subject.kind.rawValue)/\(subject.name)" }
    static func key(of owner: Owner, stage: String) -> String { "stage/\(owner.kind.rawValue)/\(owner.name).\(stage)" }

    var record: Record {
        Record(key: Bytes(self.key.utf8), value: self.json, headers: [Header("schema", Self.schema)])
    }

    private var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        switch self {
        case .claim(let claim, let former):
            json.field("kind", claim.subject.kind.rawValue)
            json.field("name", claim.subject.name)
            Self.write(claim.owner, claim.stage, to: &json)
            if let former {
                json.field("after_kind", former.kind.rawValue)
                json.field("after", former.name)
            }
        case .binding(let binding):
            json.field("kind", "stage")
            json.field("name", binding.stage)
            Self.write(binding.owner, binding.stage, to: &json)
            json.field("from", binding.from)
            json.key(text: binding.output.kind.rawValue)
            json.value(binding.output.name)
            if let rejects = binding.rejects { json.field("rejects", rejects) }
        }
        json.endObject()
        return json.bytes
    }

    private static func write(_ owner: Owner, _ stage: String?, to json: inout JSONWriter) {
        json.field("owner_kind", owner.kind.rawValue)
        json.field("owner", owner.name)
        if let stage { json.field("stage", stage) }
    }

    /// Reads a record.
    init(_ record: Record) throws(Problem) {
        let schema = record.headers.last { $0.name == "schema" }.map { String(decoding: $0.value, as: UTF8.self) }
        guard let schema, let version = schema.split(separator: "/").last.flatMap({ Int($0) }),
            schema.hasPrefix("owner/")
        else { throw Problem(message: "is no record of an owner: its schema is `\(schema ?? "none")`") }
        guard version <= Self.schemaVersion else {
            throw Problem(
                message: "has schema version \(version), which a newer program wrote; use that", isTooNew: true)
        }
        guard let value = record.value, let json = try? JSONValue(parsing: value) else {
            throw Problem(message: "is no record of an owner: its value is not JSON")
        }
        func text(_ field: String) throws(Problem) -> String {
            guard let text = json[field]?.string else { throw Problem(message: "lacks the field `\(field)`") }
            return text
        }
        func owner(_ kind: String, _ name: String) throws(Problem) -> Owner {
            guard let known = Owner.Kind(rawValue: try text(kind)) else {
                throw Problem(message: "names an owner of an unknown kind, `\(try text(kind))`")
            }
            return Owner(known, try text(name))
        }
        let owned = try owner("owner_kind", "owner")
        if let kind = Claim.Subject.Kind(rawValue: try text("kind")) {
            let subject = Claim.Subject(kind: kind, name: try text("name"))
            let former = json["after"] == nil ? nil : try owner("after_kind", "after")
            self = .claim(Claim(subject: subject, owner: owned, stage: json["stage"]?.string), after: former)
        } else if try text("kind") == "stage" {
            let isTopic = json[Claim.Subject.Kind.topic.rawValue] != nil
            let output = isTopic ? Claim.Subject.Kind.topic : .shards
            self = .binding(
                Binding(
                    owner: owned, stage: try text("stage"), from: try text("from"),
                    output: Claim.Subject(kind: output, name: try text(output.rawValue)),
                    rejects: json["rejects"]?.string))
        } else {
            throw Problem(message: "is of an unknown kind, `\(try text("kind"))`")
        }
    }
}
