// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import MomentLocalization
import Records
public import Training
public import VideoAnnotations

/// Reads the samples of the schema `nlq` for training.
public struct MomentReader: SampleReading {
    private let selection: SampleSelection

    /// Describes a reader that passes over what has no features, or no target by the rule.
    public init(features: FeatureStore, rule: TargetRule) {
        self.selection = SampleSelection(features: features, rule: rule)
    }

    /// A line's query.
    public func sample(_ line: Bytes) -> MomentQuery? { try? MomentQuery(sample: line) }

    /// Tells whether a query is trained on.
    /// - Throws: `TensorFileError` where features are damaged.
    public func admits(_ sample: MomentQuery?, counting counts: inout MomentCounts) throws -> Bool {
        guard let sample else { return self.selection.refuse(counting: &counts) }
        return try self.selection.take(sample, counting: &counts)
    }

    /// A hash of the features that are there and of the target rule.
    public func key() throws -> String { try self.selection.key() }
}

extension MomentQuery {
    /// Reads a line of the schema `nlq`. Generated windows surround moments, so they may be jittered unless the
    /// sample's field `jitter` says otherwise.
    /// - Throws: `JSONError` where it is no JSON object, or a field is missing or no number.
    public init(sample: Bytes) throws(JSONError) {
        let fields = try NLQFields(sample)
        // The end in the video is of no use here.
        if let odd = fields.odd.subtracting(["video_end_sec"]).sorted().first {
            throw JSONError("the sample's \(odd) is of another type than it should be", offset: 0)
        }
        func text(_ name: String) throws(JSONError) -> String {
            guard let value = fields.text[name], !value.isEmpty else {
                throw JSONError("the sample has no \(name)", offset: 0)
            }
            return value
        }
        func seconds(_ name: String) throws(JSONError) -> Double {
            guard let value = fields.seconds[name], value.isFinite else {
                throw JSONError("the sample has no \(name), or it is no number", offset: 0)
            }
            return value
        }
        let start = try seconds("clip_start_sec"), query = try text("query")
        let clipStart = (try seconds("video_start_sec") - start).meantDecimal
        let clipEnd = clipStart + (try seconds("clip_duration_sec"))
        guard clipStart.isFinite, clipEnd.isFinite else {
            throw JSONError("the sample's times lie beyond any video", offset: 0)
        }
        self.init(
            id: try text("query_id"), videoUID: try text("video_uid"), clipUID: try text("clip_uid"),
            clipStart: clipStart, clipEnd: clipEnd, annotationUID: try text("annotation_uid"), queryIndex: 0,
            sentence: Self.sentence(of: query), template: fields.text["template"],
            answer: Answer(start: start, end: try seconds("clip_end_sec")), jitters: fields.jitter ?? true,
            isBlank: query.allSatisfy(\.isWhitespace))
    }
}

extension AnnotationFile {
    /// The file's queries as the network takes them, in its order.
    public var split: QuerySplit {
        var all: [MomentQuery] = []
        var ends: [String: Double] = [:]
        for video in self.videos {
            for clip in video.clips {
                ends[video.uid] = max(ends[video.uid] ?? 0, clip.end)
                for annotation in clip.annotations {
                    for index in annotation.queries.indices {
                        all.append(MomentQuery(index, of: annotation, clip, video))
                    }
                }
            }
        }
        return QuerySplit(all, videoEnds: ends)
    }
}

extension MomentQuery {
    fileprivate init(
        _ index: Int, of annotation: AnnotationFile.Annotation, _ clip: AnnotationFile.Clip,
        _ video: AnnotationFile.Video
    ) {
        let query = annotation.queries[index], text = query.text ?? ""
        var answer: Answer?
        if let start = query.start, let end = query.end { answer = Answer(start: start, end: end) }
        self.init(
            id: "\(annotation.uid)_\(index)", videoUID: video.uid, clipUID: clip.uid, clipStart: clip.start,
            clipEnd: clip.end, annotationUID: annotation.uid, queryIndex: index,
            sentence: text.isEmpty ? "" : Self.sentence(of: text), template: query.template, answer: answer,
            isBlank: !text.isEmpty && text.allSatisfy(\.isWhitespace))
    }
}
