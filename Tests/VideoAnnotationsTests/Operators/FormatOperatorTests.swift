// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing

@testable import MomentQueries
@testable import VideoAnnotations

@Suite("format of narrations")
struct FormatNarrationTests {
    private let video = Video(
        videoUID: "v", source: "ego4d", clips: [clip("a", 0, 10), clip("b", 8, 20), clip("c", 8, 30)])

    private func run(_ events: [NarrationEvent]) throws -> Outcome<Sample> {
        var format = try FormatNarrationOperator(Configuration(), context)
        let outcome = format.run(events)
        #expect(format.stateChanges().isEmpty)
        return outcome
    }

    @Test("each narration is a sample of the first clip that contains its whole window")
    func clips() throws {
        // 9.5…10.5 leaves a; 19.5…20.5 leaves b; -0.5…0.5 and 29.75…30.75 lie in none.
        let given = narrations(at: [0, 0.5, 9.5, 10, 20, 30.25], halfWindow: 0.5)
        let outcome = try self.run(stream(self.video, given))
        #expect(outcome.values.map(\.clip.clipUID) == ["a", "a", "b", "c"])
        #expect(outcome.values.map(\.lineage.narrations) == [[1], [2], [3], [4]])
        #expect(outcome.emitted.map(\.origin) == [2, 3, 4, 5])
        #expect(outcome.counts == ["no-clip": 2])
    }

    @Test("the sample as JSON, seconds relative to the clip")
    func json() throws {
        var given = narrations(at: [12], halfWindow: 0.5)
        given[0].text = " #C  C opens\na box "
        let sample = try #require(try self.run(stream(self.video, given)).values.first)
        let annotation = ContentHash.uuid5(#"["annotation","v","b"]"#)
        // 11.5 and 12.5 are 0x4027000000000000 and 0x4029000000000000.
        let query = ContentHash.uuid5(
            "narration\n\(annotation)\n1\n0\n4027000000000000\n4029000000000000\n #C  C opens\na box ")
        let expected = """
            {"query_id":"\(query)","video_uid":"v","clip_uid":"b","annotation_uid":"\(annotation)",\
            "query":"#C C opens a box","template":null,"clip_start_sec":3.5,"clip_end_sec":4.5,"video_start_sec":11.5,\
            "video_end_sec":12.5,"clip_duration_sec":12.0,"lineage":{"video_uid":"v","pass":1,"narrations":[0],\
            "block":null,"prompt":null,"answer":null,"topology":"topology"}}
            """
        #expect(String(decoding: sample.json, as: UTF8.self) == expected)
    }

    @Test("narrations without a window, a text or a video's record are counted")
    func counts() throws {
        var given = narrations(at: [1, 2, 3], halfWindow: 0.5)
        given[0].window = nil
        given[1].text = " \n\u{a0}"
        #expect(try self.run(stream(self.video, given)).counts == ["no-window": 1, "blank": 1])
        #expect(
            try self.run(Array(stream(self.video, given).dropFirst())).counts
                == ["no-video-record": 3, "end-without-video": 1])
        var withoutClips = self.video
        withoutClips.clips = []
        #expect(try self.run(stream(withoutClips, given)).counts == ["no-window": 1, "no-clip": 2])
    }

    @Test("ids differ where text, window, index, pass, clip or video do, and are the same otherwise")
    func identity() throws {
        var ids: Set<String> = []
        for (video, pass) in [("v", 1), ("v", 2), ("w", 1)] {
            for clipUID in ["a", "b"] {
                let known = Video(videoUID: video, pass: pass, source: "ego4d", clips: [clip(clipUID, 0, 50)])
                var given = narrations(at: [1, 1, 1, 2], video: video, pass: pass, halfWindow: 0.5)
                given[1].text = given[0].text
                given[2].text = "else"
                let outcome = try self.run(stream(known, given))
                ids.formUnion(outcome.values.map(\.queryID))
                #expect(Set(outcome.values.map(\.annotationUID)).count == 1)
                #expect(outcome == (try self.run(stream(known, given))))
            }
        }
        #expect(ids.count == 3 * 2 * 4)
    }

    @Test("passes of a video share the clip's annotation and have their own clips")
    func passes() throws {
        let second = Video(videoUID: "v", pass: 2, source: "ego4d", clips: [clip("b", 0, 10)])
        let mixed = zip(
            stream(self.video, narrations(at: [9, 12], halfWindow: 0.5)),
            stream(second, narrations(at: [9, 9.25], pass: 2, halfWindow: 0.5))
        ).flatMap { [$0, $1] }
        let outcome = try self.run(mixed)
        #expect(outcome.values.map(\.clip.clipUID) == ["a", "b", "b", "b"])
        #expect(Set(outcome.values.map(\.annotationUID)).count == 2)
        #expect(outcome.values.map(\.lineage.pass) == [1, 2, 1, 2])
    }
}

@Suite("format of queries")
struct FormatQueryTests {
    private func query(_ window: Interval, _ text: String = "Where was the box?") -> Query {
        Query(
            queryID: "q", videoUID: "v", pass: 2, clip: clip("a", 10, 20), query: text,
            template: "Objects: Where is X?",
            window: window, narrationIndices: [3],
            lineage: Lineage(
                videoUID: "v", pass: 2, narrations: [3], block: "b", prompt: "p", answer: "s", topology: "t"))
    }

    private func run(_ queries: [Query]) throws -> Outcome<Sample> {
        var format = try FormatQueryOperator(Configuration(), context)
        return format.run(queries.enumerated().map { Element(key: [1], value: $1, origin: Offset($0)) })
    }

    @Test("keeps the query's id, clip, template, window and lineage")
    func sample() throws {
        let query = self.query(Interval(10, 12.5))
        let outcome = try self.run([query, query])
        let annotation = ContentHash.uuid5(#"["annotation","v","a"]"#)
        let expected = Sample(
            queryID: "q", clip: query.clip, annotationUID: annotation, query: query.query, template: query.template,
            window: query.window, lineage: query.lineage)
        #expect(outcome.values == [expected, expected])
        #expect(outcome.emitted.map(\.key) == [[1], [1]])
    }

    @Test("`jitter` is written where it is given, and read again", arguments: [nil, true, false] as [Bool?])
    func jitter(_ jitter: Bool?) throws {
        var configuration = Configuration()
        configuration.set(SampleSchema.jitter, jitter)
        var format = try FormatQueryOperator(configuration, context)
        let outcome = format.run([Element(key: [1], value: self.query(Interval(10, 12.5)), origin: 0)])
        let sample = try #require(outcome.values.first)
        #expect(try JSONValue(parsing: sample.json)["jitter"] == jitter.map { .bool($0) })
        let again = try JSONScanner.scan(sample.json) { json throws(JSONError) in try Sample(json: &json) }
        #expect(again == sample && again.jitter == jitter)
    }

    @Test("queries of other clips and videos have other annotations")
    func annotations() throws {
        var queries = Array(repeating: self.query(Interval(11, 12)), count: 5)
        queries[1].clip.clipUID = "b"
        queries[2].videoUID = "w"
        queries[3].videoUID = "w"
        let uids = try self.run(queries).values.map(\.annotationUID)
        #expect(Set(uids).count == 3 && uids[2] == uids[3] && uids[0] == uids[4])
    }

    @Test("what cannot be a sample is a dead letter")
    func letters() throws {
        let queries = [
            self.query(Interval(9.5, 12)), self.query(Interval(12, 12)), self.query(Interval(19, 20.5)),
            self.query(Interval(.nan, 12)), self.query(Interval(11, 12), " \n"),
        ]
        let outcome = try self.run(queries)
        #expect(outcome.emitted.isEmpty)
        #expect(outcome.letters.map(\.reason) == Array(repeating: "window-outside-clip", count: 4) + ["blank-query"])
        #expect(outcome.letters.map(\.origin) == [0, 1, 2, 3, 4])
        #expect(outcome.letters.allSatisfy { $0.kind == .dead })
        #expect(outcome.letters[0].message.contains("clip a, 10.0…20.0 s"))
    }
}

@Suite("pieces of format")
struct FormatPiecesTests {
    @Test("the clip index answers as a search from the start does", arguments: 0..<200 as Range<UInt64>)
    func clipIndex(_ seed: UInt64) {
        var generator = StreamGenerator(seed: seed)
        var clips = generator.clips() + generator.clips()
        if generator.random.oneIn(3) { clips.sort { $0.span.start < $1.span.start } }
        if generator.random.oneIn(5) { clips.append(clip("odd", .nan, .nan)) }
        if generator.random.oneIn(5) { clips.insert(clip("endless", 3, .infinity), at: 0) }
        var index = ClipIndex(clips)
        for _ in 0..<200 {
            let start = Double(Int.random(in: -4...70, using: &generator.random))
            let span = Interval(start, start + Double(Int.random(in: 0...8, using: &generator.random)))
            #expect(index.first(containing: span) == clips.firstIndex { $0.span.contains(span) })
        }
    }

    @Test(
        "white space is trimmed and collapsed, nothing else",
        arguments: [
            ("", ""), (" ", ""), ("\n\t", ""), ("a", "a"), (" a", "a"), ("a ", "a"), ("a  b", "a b"), ("a\nb", "a b"),
            ("a \r\n b\u{b}", "a b"), ("#C C  opens", "#C C opens"), ("\u{a0}ö\u{2003}\u{3000}x ", "ö x"),
            ("A  Ö", "A Ö"), ("a\u{200d}b", "a\u{200d}b"),
        ])
    func whiteSpace(_ text: String, _ expected: String) { #expect(QueryText.collapsed(text) == expected) }
}
