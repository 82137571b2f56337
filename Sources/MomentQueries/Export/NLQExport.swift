// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Records
public import Shards

/// Turns shards of the schema `nlq` into an annotation file as Ego4D publishes it (`nlq_train.json`), which the
/// official preparation script accepts as it is.
///
/// Two passes: the first notes where each video's samples lie, run by run, the second reads the videos in the order of
/// their uids. Memory holds the runs, 32 bytes each, and the samples of one video.
public struct NLQExport {
    /// The reason why a sample is left out.
    public enum Skip: String, Error, Sendable, CaseIterable {
        /// It is no JSON object, or a field has another type, or a time is no number.
        case malformed
        /// A field is missing.
        case incomplete
        /// Its query has no text.
        case emptyQuery = "empty query"
        /// Its window has no length.
        case emptyWindow = "empty window"
        /// Its window passes its clip's start or end.
        case outsideClip = "window outside the clip"
        /// An earlier sample says that its clip starts or ends elsewhere, or is another video's: the official
        /// preparation knows clips by their uid alone and would let the later one overwrite the earlier.
        case clipConflict = "clip conflicts with an earlier sample"
    }

    /// Fields at the top of the file.
    public struct Options: Sendable {
        /// The format's version: Ego4D's first.
        public var version = "1"
        /// The date, in Ego4D's form `yymmdd`.
        public var date: String
        /// Description of the file.
        public var description: String
        /// The split that each video is said to be in.
        public var split = "train"

        /// Describes a file.
        public init(date: String, description: String) {
            self.date = date
            self.description = description
        }
    }

    /// Counts of what was written.
    public struct Report: Hashable, Sendable {
        /// The samples read.
        public var samples = 0
        /// The queries written.
        public var queries = 0
        /// The videos written.
        public var videos = 0
        /// The clips written.
        public var clips = 0
        /// The annotations written.
        public var annotations = 0
        /// The samples left out, by reason.
        public var skipped: [Skip: Int] = [:]

        /// Starts with nothing.
        public init() {}
    }

    /// Consecutive samples of one video in one shard.
    private struct Run {
        var shard: Int
        var start: SampleCursor.Place
        var count: Int
    }

    private static let openReadersMax = 64
    private static let writeSize = 1 << 20

    private let shards: [String]
    private let storage: any ShardStorage
    private let options: Options
    private var report = Report()
    private var runs: [String: [Run]] = [:]
    private var readers: [Int: ShardReader] = [:]
    /// The clips of the videos that were written.
    private var writtenClips: Set<String> = []

    private init(shards: [String], storage: any ShardStorage, options: Options) {
        self.shards = shards
        self.storage = storage
        self.options = options
    }

    /// Writes the file, atomically: it is there whole, or as it was before.
    /// - Parameters:
    ///   - shards: the files of the shards, in the order of the manifest.
    ///   - storage: the folder that they are in.
    ///   - path: the file to write, as `OutputFile` has it; one that is there already is replaced.
    public static func run(
        shards: [String], in storage: any ShardStorage, to path: String, options: Options
    ) throws(ShardError) -> Report {
        var export = NLQExport(shards: shards, storage: storage, options: options)
        try export.findVideos()
        let output = try Self.output { () throws(FileFailure) in try OutputFile(path: path) }
        try export.write(to: output)
        try Self.output { () throws(FileFailure) in try output.finish() }
        return export.report
    }

    private static func output<Result>(_ body: () throws(FileFailure) -> Result) throws(ShardError) -> Result {
        do throws(FileFailure) {
            return try body()
        } catch {
            throw ShardError(error)
        }
    }

    // MARK: Reading

    private mutating func findVideos() throws(ShardError) {
        for shard in self.shards.indices {
            var cursor = try self.reader(of: shard).samples()
            var video: String?
            var run: Run?
            var place = cursor.place
            while let line = try cursor.next() {
                self.report.samples += 1
                let next = try? Self.video(of: line)
                if next == nil || next != video {
                    if let video, let run { self.runs[video, default: []].append(run) }
                    run = nil
                    video = next
                    if next == nil { self.skip((try? JSONValue(parsing: line)) == nil ? .malformed : .incomplete) }
                }
                if next != nil { run = Run(shard: shard, start: run?.start ?? place, count: (run?.count ?? 0) + 1) }
                place = cursor.place
            }
            if let video, let run { self.runs[video, default: []].append(run) }
        }
    }

    private static func video(of line: Bytes) throws(JSONError) -> String? {
        try JSONScanner.scan(line) { json throws(JSONError) in
            var video: String?
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "video_uid" { video = try json.stringOrNull() } else { try json.skip() }
            }
            return video
        }
    }

    private mutating func reader(of shard: Int) throws(ShardError) -> ShardReader {
        if let reader = self.readers[shard] { return reader }
        if self.readers.count >= Self.openReadersMax { self.readers.removeAll() }
        let reader = try ShardReader(self.shards[shard], in: self.storage)
        self.readers[shard] = reader
        return reader
    }

    private mutating func skip(_ reason: Skip) { self.report.skipped[reason, default: 0] += 1 }

    // MARK: Grouping

    private struct Annotation {
        var uid: String
        var samples: [NLQSample]
    }

    private struct Clip {
        var uid: String
        var start: Double
        var duration: Double
        var annotations: [Annotation] = []

        /// The end in video seconds, such that end − start is not below the duration: the official preparation takes
        /// the difference times 1.875 and cuts it to a whole number, where an error in the last place costs a frame.
        var end: Double {
            var end = self.start + self.duration
            while end - self.start < self.duration { end = end.nextUp }
            return end
        }
    }

    private mutating func clips(of video: String) throws(ShardError) -> [Clip] {
        var clips: [Clip] = []
        var known: [String: Int] = [:]
        for run in self.runs[video] ?? [] {
            var cursor = try self.reader(of: run.shard).samples(at: run.start)
            for _ in 0..<run.count {
                guard let line = try cursor.next() else { break }
                do throws(Skip) {
                    let sample = try NLQSample(line: line)
                    if self.writtenClips.contains(sample.clipUID) { throw .clipConflict }
                    try Self.add(sample, to: &clips, &known)
                } catch {
                    self.skip(error)
                }
            }
        }
        self.writtenClips.formUnion(known.keys)
        return clips.sorted { ($0.start, $0.uid) < ($1.start, $1.uid) }
    }

    private static func add(
        _ sample: NLQSample, to clips: inout [Clip], _ known: inout [String: Int]
    ) throws(Skip) {
        let start = sample.clipStartInVideo
        let index: Int
        if let clip = known[sample.clipUID] {
            index = clip
            guard abs(clips[clip].start - start) < 1e-3, abs(clips[clip].duration - sample.clipDuration) < 1e-3 else {
                throw .clipConflict
            }
        } else {
            index = clips.count
            known[sample.clipUID] = index
            clips.append(Clip(uid: sample.clipUID, start: start, duration: sample.clipDuration))
        }
        if let annotation = clips[index].annotations.lastIndex(where: { $0.uid == sample.annotationUID }) {
            clips[index].annotations[annotation].samples.append(sample)
        } else {
            clips[index].annotations.append(Annotation(uid: sample.annotationUID, samples: [sample]))
        }
    }

    // MARK: Writing

    private mutating func write(to file: OutputFile) throws(ShardError) {
        var json = JSONWriter()
        json.beginObject()
        json.field("version", self.options.version)
        json.field("date", self.options.date)
        json.field("description", self.options.description)
        json.key("videos")
        json.beginArray()
        for video in self.runs.keys.sorted() {
            let clips = try self.clips(of: video)
            if clips.isEmpty { continue }
            self.report.videos += 1
            json.beginObject()
            json.field("video_uid", video)
            json.field("split", self.options.split)
            json.key("clips")
            json.beginArray()
            for clip in clips { self.write(clip, to: &json) }
            json.endArray()
            json.endObject()
            if json.count >= Self.writeSize {
                let bytes = json.takeBytes()
                try Self.output { () throws(FileFailure) in try file.append(bytes) }
            }
        }
        json.endArray()
        json.endObject()
        let bytes = json.bytes
        try Self.output { () throws(FileFailure) in try file.append(bytes) }
    }

    private mutating func write(_ clip: Clip, to json: inout JSONWriter) {
        self.report.clips += 1
        json.beginObject()
        json.field("clip_uid", clip.uid)
        json.field("source_clip_uid", clip.uid)
        json.field("video_start_sec", clip.start)
        json.field("video_end_sec", clip.end)
        json.field("video_start_frame", Frames.first(clip.start))
        json.field("video_end_frame", Frames.last(clip.end))
        json.field("clip_start_sec", 0)
        json.field("clip_end_sec", clip.duration)
        json.field("clip_start_frame", 0)
        json.field("clip_end_frame", Frames.last(clip.duration))
        json.key("annotations")
        json.beginArray()
        for annotation in clip.annotations {
            self.report.annotations += 1
            json.beginObject()
            json.field("annotation_uid", annotation.uid)
            json.key("language_queries")
            json.beginArray()
            for sample in annotation.samples { self.write(sample, to: &json) }
            json.endArray()
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    private mutating func write(_ sample: NLQSample, to json: inout JSONWriter) {
        self.report.queries += 1
        json.beginObject()
        json.field("clip_start_sec", sample.clipStart)
        json.field("clip_end_sec", sample.clipEnd)
        json.field("video_start_sec", sample.videoStart)
        json.field("video_end_sec", sample.videoEnd)
        json.field("video_start_frame", Frames.first(sample.videoStart))
        json.field("video_end_frame", Frames.last(sample.videoEnd))
        json.key("template")
        if let template = sample.template { json.value(template) } else { json.null() }
        json.field("query", sample.query)
        json.key("slot_x")
        json.null()
        json.key("verb_x")
        json.null()
        json.field("query_id", sample.queryID)
        json.endObject()
    }
}

/// Frames of Ego4D's canonical 30 a second. A time that is a frame's own, but for rounding, is that frame.
private enum Frames {
    private static let perSecond = 30.0
    private static let tolerance = 1e-6
    private static let limit = 1e15

    static func first(_ seconds: Double) -> Int {
        self.whole((seconds * self.perSecond + self.tolerance).rounded(.down))
    }

    static func last(_ seconds: Double) -> Int {
        self.whole((seconds * self.perSecond - self.tolerance).rounded(.up))
    }

    /// A number beyond every video's length is kept within what a whole number can hold.
    private static func whole(_ frames: Double) -> Int { Int(min(max(frames, -self.limit), self.limit)) }
}
