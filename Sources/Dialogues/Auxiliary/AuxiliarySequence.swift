// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Dataflow
import Records
public import Shards

/// A training sequence of an auxiliary set, in the field names of the original's `PreparedSample`: captions of
/// pictures, or what is narrated of a video.
public struct AuxiliarySequence: Hashable, Sendable {
    /// UUIDv5 of `["auxiliary", video, pass, number, limit, tokens a frame, separator]`.
    public var sampleID: String
    /// The sequence; `clip` is its number among those of the video and pass.
    public var prepared: PreparedSequence
    /// The annotation pass.
    public var pass: Int
    /// The part of the data set that it is for.
    public var split: String
    /// The versions of the video that were ingested, counted from 1.
    public var revision: Int
}

extension AuxiliarySequence: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "auxiliary-sequence" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("sample_id", self.sampleID)
        self.writePrepared(to: &json)
        json.field("pass", self.pass)
        json.field("split", self.split)
        json.field("revision", self.revision)
        json.endObject()
    }

    /// Writes the fields of the original's `PreparedSample`, in its order.
    func writePrepared(to json: inout JSONWriter) {
        self.prepared.writeFields(to: &json)
        json.key("metadata")
        json.null()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        let fields = try SequenceFields(&json)
        self.prepared = try PreparedSequence(fields)
        self.sampleID = try fields.text("sample_id")
        self.pass = fields.value["pass"]?.count ?? 1
        self.split = try fields.text("split")
        self.revision = fields.value["revision"]?.count ?? 1
    }
}

extension LineSchema {
    /// Training sequences of auxiliary sets: a line is known by its video and id.
    public static let auxiliarySequence = LineSchema(
        streamType: AuxiliarySequence.typeName, identity: Self.ofSequence)
}
