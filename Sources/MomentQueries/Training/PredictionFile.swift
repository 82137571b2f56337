// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import MomentLocalization
import Records
public import VideoAnnotations

/// The challenge's prediction file (EGO4D/episodic-memory, `NLQ/VSLNet/utils/evaluate_ego4d_nlq.py`).
public struct PredictionFile: Hashable, Sendable {
    /// The predictions, in the file's order.
    public var predictions: [QueryPrediction]

    private static let version = "1.0"
    private static let challenge = "ego4d_nlq_challenge"

    /// Describes a file.
    public init(_ predictions: [QueryPrediction]) { self.predictions = predictions }

    /// The file's content.
    public var bytes: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("version", Self.version)
        json.field("challenge", Self.challenge)
        json.key("results")
        json.beginArray()
        for prediction in self.predictions {
            json.beginObject()
            json.field("clip_uid", prediction.clipUID)
            json.field("annotation_uid", prediction.annotationUID)
            json.field("query_idx", prediction.queryIndex)
            json.key("predicted_times")
            json.beginArray()
            for window in prediction.windows {
                json.beginArray()
                json.value(window.start)
                json.value(window.end)
                json.endArray()
            }
            json.endArray()
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes + Bytes("\n".utf8)
    }

    /// Reads a file.
    /// - Throws: `AnnotationError` with the line, where it is no JSON, a key is missing, a time is no number, or
    ///   version or challenge are others.
    public init(_ bytes: Bytes, path: String) throws(AnnotationError) {
        var parser = PredictionParser()
        let text = bytes.withoutByteOrderMark
        do {
            try JSONScanner.scan(text) { json throws(JSONError) in try parser.file(&json) }
        } catch {
            throw AnnotationError(
                "\(path), line \(AnnotationFile.line(of: error.offset, in: text)): \(error.message)")
        }
        guard parser.version == Self.version, parser.challenge == Self.challenge else {
            throw AnnotationError(
                "\(path) says version \(parser.version ?? "nothing") and challenge \(parser.challenge ?? "nothing") where "
                    + "\(Self.version) and \(Self.challenge) belong")
        }
        guard let predictions = parser.predictions else { throw AnnotationError("\(path) has no key \"results\"") }
        self.predictions = predictions
    }
}

private struct PredictionParser {
    var version: String?
    var challenge: String?
    var predictions: [QueryPrediction]?

    mutating func file(_ json: inout JSONScanner) throws(JSONError) {
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "version" {
                self.version = try json.string()
            } else if key == "challenge" {
                self.challenge = try json.string()
            } else if key == "results" {
                var predictions: [QueryPrediction] = []
                try json.beginArray()
                while try json.nextElement() { predictions.append(try Self.prediction(&json)) }
                self.predictions = predictions
            } else {
                try json.skip()
            }
        }
    }

    private static func prediction(_ json: inout JSONScanner) throws(JSONError) -> QueryPrediction {
        var clip: String?
        var annotation: String?
        var index: Int?
        var windows: [MomentQuery.Answer]?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "clip_uid" {
                clip = try json.string()
            } else if key == "annotation_uid" {
                annotation = try json.string()
            } else if key == "query_idx" {
                index = try json.int()
            } else if key == "predicted_times" {
                windows = try Self.windows(&json)
            } else {
                try json.skip()
            }
        }
        guard let clip, let annotation, let index, let windows else {
            throw JSONError(
                "a prediction needs clip_uid, annotation_uid, query_idx and predicted_times; the one that ends here lacks "
                    + "one of them", offset: json.offset)
        }
        return QueryPrediction(clipUID: clip, annotationUID: annotation, queryIndex: index, windows: windows)
    }

    private static func windows(_ json: inout JSONScanner) throws(JSONError) -> [MomentQuery.Answer] {
        var windows: [MomentQuery.Answer] = []
        try json.beginArray()
        while try json.nextElement() {
            var times: [Double] = []
            try json.beginArray()
            while try json.nextElement() { times.append(try json.double()) }
            guard times.count == 2, times[0].isFinite, times[1].isFinite else {
                throw JSONError("a predicted time is no pair of numbers", offset: json.offset)
            }
            windows.append(MomentQuery.Answer(start: times[0], end: times[1]))
        }
        return windows
    }
}
