// SPDX-License-Identifier: Apache-2.0

public import ActionForecasting
public import Codecs
public import Dataflow
import Records
public import Shards

/// A window of a clip's segments: a sample, a line of the shards. This is the one reader of its schema.
public struct ActionWindow: Hashable, Sendable {
    /// The challenge's name for it.
    public var key: String
    /// The clip.
    public var clip: ActionClip
    /// The segments that are seen, in time order.
    public var inputs: [ActionSegment]
    /// The segments that follow; their times are not to be looked at where a forecast is made.
    public var futures: [ActionSegment]
    /// Tells whether it is the last window of its clip.
    public var isLast: Bool
    /// The hash of the topology that cut it.
    public var topology: String

    /// Describes a window.
    public init(
        key: String, clip: ActionClip, inputs: [ActionSegment], futures: [ActionSegment], isLast: Bool,
        topology: String
    ) {
        self.key = key
        self.clip = clip
        self.inputs = inputs
        self.futures = futures
        self.isLast = isLast
        self.topology = topology
    }

    /// Tells what follows: of all segments, of none, or of some alone, which nobody can learn from.
    public enum Truth: Hashable, Sendable {
        /// Verb and noun of each.
        case told([Action])
        /// Of none: a test split's.
        case untold
        /// Of some alone.
        case partial
    }

    /// The actions that follow.
    public var truth: Truth {
        let actions = self.futures.compactMap(\.action)
        if actions.count == self.futures.count { return .told(actions) }
        return self.futures.contains { $0.verb != nil || $0.noun != nil } ? .partial : .untold
    }

    /// The window as networks take it.
    public var forecastWindow: ForecastWindow {
        var future: [Action]?
        if case .told(let actions) = self.truth { future = actions }
        return ForecastWindow(
            key: self.key, videoUID: self.clip.videoUID, clipUID: self.clip.clipUID, clipStart: self.clip.startSec,
            inputs: self.inputs.map { segment in
                ForecastWindow.Segment(
                    rank: segment.rank, start: segment.startSec, end: segment.endSec, action: segment.action)
            }, future: future)
    }
}

extension ActionSegment {
    /// The action; `nil` where it is not told.
    public var action: Action? {
        guard let verb, let noun else { return nil }
        return Action(verb: verb, noun: noun)
    }
}

extension ActionWindow: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "action-window" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        self.writeFields(to: &json)
        json.endObject()
    }

    /// Writes the fields into an object.
    func writeFields(to json: inout JSONWriter) {
        json.field("key", self.key)
        self.clip.writeFields(to: &json)
        for (name, segments) in [("inputs", self.inputs), ("futures", self.futures)] {
            json.key(text: name)
            json.beginArray()
            for segment in segments {
                json.beginObject()
                segment.writeFields(to: &json)
                json.endObject()
            }
            json.endArray()
        }
        if self.isLast { json.field("last", true) }
        json.key("lineage")
        json.beginObject()
        json.field("topology", self.topology)
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        let value = try JSONValue(&json)
        guard let window = ActionWindow(value) else {
            throw JSONError(
                "a window wants `key`, `clip_uid`, `taxonomy`, `inputs` and `futures`", offset: json.offset)
        }
        self = window
    }

    /// Reads a line of a shard; `nil` where it is none of this schema.
    public init?(line: some Sequence<UInt8>) {
        guard let value = try? JSONValue(parsing: line) else { return nil }
        self.init(value)
    }

    init?(_ value: JSONValue) {
        guard let key = value["key"]?.string, let clip = ActionClip(value),
            let inputs = value["inputs"]?.array?.map(ActionSegment.init), !inputs.isEmpty,
            let futures = value["futures"]?.array?.map(ActionSegment.init),
            !inputs.contains(where: { $0 == nil }), !futures.contains(where: { $0 == nil })
        else { return nil }
        self.init(
            key: key, clip: clip, inputs: inputs.compactMap(\.self), futures: futures.compactMap(\.self),
            isLast: value["last"] == .bool(true), topology: value["lineage"]?["topology"]?.string ?? "")
    }
}

extension LineSchema {
    /// Windows of actions, known by their clip and key.
    public static let actionWindow = LineSchema(streamType: ActionWindow.typeName) { line in
        let value = try? JSONValue(parsing: line)
        return LineIdentity([
            "last_clip_uid": .init(value?["clip_uid"]?.string), "last_key": .init(value?["key"]?.string),
        ])
    }
}
