// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentQueries
import Records
import Shards
import Testing

@Suite("NLQExport") struct NLQExportTests {
    private let storage = SimulatedShardStorage()
    private let output: TemporaryFolder

    init() throws { self.output = try TemporaryFolder() }

    /// A sample of a clip that starts at `clipAt` in its video and lasts `duration`.
    private func sample(
        _ id: String, video: String = "v1", clip: String = "c1", annotation: String = "a1", clipAt: Double = 480.0166,
        duration: Double = 480, start: Double = 1.2, end: Double = 3.5, query: String = "Where was it?",
        template: String? = "Objects: Where is object X before / after event Y?"
    ) -> Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("query_id", id)
        json.field("video_uid", video)
        json.field("clip_uid", clip)
        json.field("annotation_uid", annotation)
        json.field("query", query)
        json.key("template")
        if let template { json.value(template) } else { json.null() }
        json.field("clip_start_sec", start)
        json.field("clip_end_sec", end)
        json.field("video_start_sec", clipAt + start)
        json.field("video_end_sec", clipAt + end)
        json.field("clip_duration_sec", duration)
        json.key("lineage")
        json.raw(Bytes("{\"video_uid\":\"\(video)\"}".utf8))
        json.endObject()
        return json.bytes
    }

    private func export(_ shards: [[Bytes]], from sequence: Int = 0) throws -> (JSONValue, NLQExport.Report) {
        let files = try shards.enumerated().map {
            try SampleShards.write($1, sequence: sequence + $0, in: self.storage)
        }
        let report = try NLQExport.run(
            shards: files, in: self.storage, to: self.output.path + "/nlq_train.json",
            options: NLQExport.Options(date: "261121", description: "test"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.output.path) == ["nlq_train.json"])
        return (try JSONValue(parsing: try self.written), report)
    }

    @Test func `videos by uid, clips by start, annotations by uid, queries in the order of the shards`() throws {
        let (file, report) = try self.export([
            [
                self.sample("q1", video: "v2", clip: "c9", annotation: "a5", clipAt: 0),
                self.sample("q2", clip: "late"), self.sample("q3", clip: "early", clipAt: 0),
                self.sample("q4", clip: "late", annotation: "a2"), self.sample("q5", clip: "late"),
            ],
            [
                self.sample("q6", clip: "early", clipAt: 0), self.sample("q7", video: "v2", clip: "c9", clipAt: 0),
                self.sample("q8", clip: "late", template: nil),
            ],
        ])
        #expect(report == NLQExport.Report.expecting(samples: 8, queries: 8, videos: 2, clips: 3, annotations: 5))
        let shape = file["videos"]?.array?.map { video in
            (video["video_uid"]?.string ?? "") + ":"
                + (video["clips"]?.array ?? []).map { clip in
                    (clip["clip_uid"]?.string ?? "") + "="
                        + (clip["annotations"]?.array ?? []).map { annotation in
                            (annotation["annotation_uid"]?.string ?? "") + "("
                                + (annotation["language_queries"]?.array ?? []).map { $0["query_id"]?.string ?? "" }
                                .joined(separator: ",") + ")"
                        }.joined()
                }.joined(separator: ";")
        }
        #expect(shape == ["v1:early=a1(q3,q6);late=a1(q2,q5,q8)a2(q4)", "v2:c9=a5(q1)a1(q7)"])
        #expect(file["version"]?.string == "1")
        #expect(file["date"]?.string == "261121")
        #expect(file["videos"]?.array?.first?["split"]?.string == "train")
    }

    @Test func `every field of the schema, with times and frames`() throws {
        let (file, _) = try self.export([[self.sample("q1")]])
        let clip = try #require(file["videos"]?.array?.first?["clips"]?.array?.first)
        #expect(clip["source_clip_uid"]?.string == "c1")
        #expect(clip["video_start_sec"]?.double == 480.0166)
        #expect(abs(try #require(clip["video_end_sec"]?.double) - 960.0166) < 1e-9)
        #expect(clip["video_start_frame"]?.int == 14400)
        #expect(clip["video_end_frame"]?.int == 28801)
        #expect(clip["clip_start_sec"] == .int(0))
        #expect(clip["clip_end_sec"]?.double == 480)
        #expect(clip["clip_start_frame"] == .int(0))
        #expect(clip["clip_end_frame"] == .int(14400))
        let query = try #require(
            clip["annotations"]?.array?.first?["language_queries"]?.array?.first)
        #expect(query["clip_start_sec"]?.double == 1.2)
        #expect(query["clip_end_sec"]?.double == 3.5)
        #expect(query["video_start_frame"]?.int == 14436)
        #expect(query["video_end_frame"]?.int == 14506)
        #expect(query["template"]?.string == "Objects: Where is object X before / after event Y?")
        #expect(query["query"]?.string == "Where was it?")
        #expect(query["slot_x"] == .null)
    }

    @Test func `the official arithmetic finds every feature of a clip, wherever the clip starts`() throws {
        // int((video_end_sec - video_start_sec) * 1.875): an error in the last place must not cost a frame.
        var samples: [Bytes] = []
        for number in 0..<400 {
            let start = Double(number) * 7.0210286458333 + 1 / Double(number + 3)
            samples.append(self.sample("q\(number)", clip: "c\(number)", clipAt: start))
        }
        let (file, _) = try self.export([samples])
        let clips = try #require(file["videos"]?.array?.first?["clips"]?.array)
        #expect(clips.count == 400)
        for clip in clips {
            let start = try #require(clip["video_start_sec"]?.double)
            let end = try #require(clip["video_end_sec"]?.double)
            #expect(Int((end - start) * 1.875) == 900)
        }
    }

    @Test func `what cannot be an annotation is left out and counted by reason`() throws {
        let good = self.sample("q1")
        let text = String(decoding: good, as: UTF8.self)
        let (file, report) = try self.export([
            [
                good, Bytes("{\"video_uid\":\"v1\"}".utf8), Bytes("[1]".utf8), Bytes("{\"a\":".utf8),
                Bytes(text.replacing("\"clip_end_sec\":3.5", with: "\"clip_end_sec\":\"3.5\"").utf8),
                Bytes(text.replacing("\"clip_end_sec\":3.5", with: "\"clip_end_sec\":NaN").utf8),
                Bytes(text.replacing("\"query_id\":\"q1\",", with: "").utf8),
                Bytes(text.replacing("\"video_uid\":\"v1\",\"clip", with: "\"clip").utf8),
                self.sample("q2", start: 5, end: 5), self.sample("q3", start: 5, end: 4),
                self.sample("q4", start: -1), self.sample("q5", start: 479, end: 480.1),
                self.sample("q6", query: " ? "), self.sample("q7", clipAt: 500), self.sample("q8", duration: 400),
                self.sample("q9", start: 479, end: 480.0000000001),
            ]
        ])
        #expect(report.samples == 16)
        #expect(report.queries == 2)
        #expect(
            report.skipped == [
                .incomplete: 4, .malformed: 3, .emptyWindow: 2, .outsideClip: 2, .emptyQuery: 1, .clipConflict: 2,
            ])
        #expect(report.queries + report.skipped.values.reduce(0, +) == report.samples)
        let clip = try #require(file["videos"]?.array?.first?["clips"]?.array?.first)
        let queries = try #require(clip["annotations"]?.array?.first?["language_queries"]?.array)
        #expect(queries.compactMap { $0["query_id"]?.string } == ["q1", "q9"])
        #expect(queries.last?["clip_end_sec"]?.double == 480)
    }

    @Test func `a clip that two videos claim stays with the first`() throws {
        let (file, report) = try self.export([[self.sample("q1", video: "v2"), self.sample("q2"), self.sample("q3")]])
        var expected = NLQExport.Report.expecting(samples: 3, queries: 2, videos: 1, clips: 1, annotations: 1)
        expected.skipped = [.clipConflict: 1]
        #expect(report == expected)
        #expect(file["videos"]?.array?.map { $0["video_uid"]?.string } == ["v1"])
    }

    @Test func `no samples make a file without videos`() throws {
        let (file, report) = try self.export([])
        #expect(file["videos"]?.array == [])
        #expect(report.samples == 0)
    }

    @Test func `a file that is there stays as it was until the new one is whole`() throws {
        let path = self.output.path + "/nlq_train.json"
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
        let file = try SampleShards.write([self.sample("q1")], in: self.storage)
        #expect(throws: ShardError.self) {
            try NLQExport.run(
                shards: [file, "gone"], in: self.storage, to: path,
                options: NLQExport.Options(date: "", description: ""))
        }
        #expect(try self.written == [1, 2, 3])
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.output.path) == ["nlq_train.json"])
        _ = try self.export([[self.sample("q1")]], from: 1)
        #expect(try self.written.first == UInt8(ascii: "{"))
    }

    private var written: Bytes {
        get throws { Bytes(try Data(contentsOf: URL(fileURLWithPath: self.output.path + "/nlq_train.json"))) }
    }
}

extension NLQExport.Report {
    static func expecting(samples: Int, queries: Int, videos: Int, clips: Int, annotations: Int) -> Self {
        var report = NLQExport.Report()
        report.samples = samples
        report.queries = queries
        report.videos = videos
        report.clips = clips
        report.annotations = annotations
        return report
    }
}
