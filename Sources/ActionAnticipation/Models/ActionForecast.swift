// SPDX-License-Identifier: Apache-2.0

public import ActionForecasting
public import Codecs
public import Dataflow
import Records
public import Shards

/// A forecast of a window, by a model that was asked: a sample, a line of the shards.
public struct ActionForecast: Hashable, Sendable {
    /// The window's name in the challenge.
    public var key: String
    /// The clip.
    public var clipUID: String
    /// The candidates, each with as many actions as the window's futures.
    public var candidates: [[Action]]

    /// Describes a forecast.
    public init(key: String, clipUID: String, candidates: [[Action]]) {
        self.key = key
        self.clipUID = clipUID
        self.candidates = candidates
    }
}

extension ActionForecast: StreamValue {
    /// The type's name in topologies, diagnostics and headers.
    public static var typeName: String { "action-forecast" }
    /// Counts the incompatible changes of the JSON form.
    public static var schemaVersion: Int { 1 }

    /// Writes the JSON form.
    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("key", self.key)
        json.field("clip_uid", self.clipUID)
        for (name, label) in [("verb", \Action.verb), ("noun", \Action.noun)] {
            json.key(text: name)
            json.beginArray()
            for candidate in self.candidates {
                json.beginArray()
                for action in candidate { json.value(action[keyPath: label]) }
                json.endArray()
            }
            json.endArray()
        }
        json.endObject()
    }

    /// Reads the JSON form.
    public init(json: inout JSONScanner) throws(JSONError) {
        let value = try JSONValue(&json)
        guard let forecast = ActionForecast(value) else {
            throw JSONError(
                "a forecast wants `key`, `clip_uid`, and lists of equal lengths in `verb` and `noun`",
                offset: json.offset)
        }
        self = forecast
    }

    /// Reads a line of a shard; `nil` where it is none of this schema.
    public init?(line: some Sequence<UInt8>) {
        guard let value = try? JSONValue(parsing: line) else { return nil }
        self.init(value)
    }

    private init?(_ value: JSONValue) {
        guard let key = value["key"]?.string, let clipUID = value["clip_uid"]?.string,
            let verbs = value["verb"]?.array, let nouns = value["noun"]?.array, verbs.count == nouns.count
        else { return nil }
        var candidates: [[Action]] = []
        for (verb, noun) in zip(verbs, nouns) {
            guard let verbs = verb.array, let nouns = noun.array, verbs.count == nouns.count else { return nil }
            var actions: [Action] = []
            for (verb, noun) in zip(verbs, nouns) {
                guard let verb = verb.count, let noun = noun.count else { return nil }
                actions.append(Action(verb: verb, noun: noun))
            }
            candidates.append(actions)
        }
        self.init(key: key, clipUID: clipUID, candidates: candidates)
    }
}

extension LineSchema {
    /// Forecasts, known by their clip and key.
    public static let actionForecast = LineSchema(streamType: ActionForecast.typeName) { line in
        let value = try? JSONValue(parsing: line)
        return LineIdentity([
            "last_clip_uid": .init(value?["clip_uid"]?.string), "last_key": .init(value?["key"]?.string),
        ])
    }
}
