// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Data that leaves the house: annotation files in the official format, and no video or sentence used for testing.
@Suite("Export and leaks")
struct ExportTests {
    private static let clipKeys: Set<String> = [
        "clip_uid", "source_clip_uid", "video_start_sec", "video_end_sec", "video_start_frame", "video_end_frame",
        "clip_start_sec", "clip_end_sec", "clip_start_frame", "clip_end_frame", "annotations",
    ]
    private static let queryKeys: Set<String> = [
        "clip_start_sec", "clip_end_sec", "video_start_sec", "video_end_sec", "video_start_frame", "video_end_frame",
        "template", "query", "slot_x", "verb_x", "query_id",
    ]

    @Test("An export has the official schema, and the same bytes of another run", arguments: ["nlq", "naq"])
    func schema(_ set: String) throws {
        let bench = try Workbench(videos: 6)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology(set))
        let result = try bench.succeed("export", "nlq", "--shards", set, "--output", "out/nlq_train.json")
        let samples = try bench.samples(set).map(JSONTree.init)
        result.prints("out/nlq_train.json: ", "\(samples.count) queries")

        let file = try bench.json("out/nlq_train.json")
        #expect(file.keys.isSuperset(of: ["version", "date", "description", "videos"]))
        #expect(file["version"].string == "1" && file["date"].string?.count == 6)
        var ids: [String] = []
        for video in file["videos"].array {
            #expect(video.keys == ["video_uid", "split", "clips"] && video["split"].string == "train")
            for clip in video["clips"].array {
                Self.check(clip: clip)
                for annotation in clip["annotations"].array {
                    #expect(annotation.keys == ["annotation_uid", "language_queries"])
                    #expect(annotation["annotation_uid"].string?.isEmpty == false)
                    for query in annotation["language_queries"].array {
                        Self.check(query, in: clip, hasTemplate: set == "nlq")
                        ids.append(query["query_id"].string ?? "")
                    }
                }
            }
        }
        #expect(Set(ids).count == ids.count)
        #expect(ids.sorted() == samples.compactMap { $0["query_id"].string }.sorted())

        // The same world in another home: the ids are derived, so they are the same.
        let first = try bench.samples(set).sorted()
        bench.home = bench.folder.file("second").path
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Workbench.topology(set))
        #expect(try bench.samples(set).sorted() == first)
        try bench.succeed("export", "nlq", "--shards", set, "--output", "second.json", "--split", "extra")
        let second = try bench.json("second.json")["videos"].array
        #expect(second.count == file["videos"].array.count && second.allSatisfy { $0["split"].string == "extra" })
    }

    private static func check(clip: JSONTree) {
        #expect(clip.keys == Self.clipKeys)
        let times = ["video_start_sec", "video_end_sec", "clip_start_sec", "clip_end_sec"].compactMap {
            clip[$0].double
        }
        guard times.count == 4 else { return #expect(times.count == 4) }
        #expect(times[2] == 0 && abs(times[3] - (times[1] - times[0])) < 1e-6 && times[0] < times[1])
        for (seconds, name) in zip(times, ["video_start", "video_end", "clip_start", "clip_end"]) {
            #expect(abs((clip["\(name)_frame"].double ?? -9) - seconds * 30) <= 1)
        }
    }

    private static func check(_ query: JSONTree, in clip: JSONTree, hasTemplate: Bool) {
        #expect(query.keys == Self.queryKeys)
        #expect(query["query"].string?.isEmpty == false)
        #expect((query["template"].string != nil) == hasTemplate)
        let times = ["clip_start_sec", "clip_end_sec", "video_start_sec", "video_end_sec"].compactMap {
            query[$0].double
        }
        guard times.count == 4, let start = clip["video_start_sec"].double, let length = clip["clip_end_sec"].double
        else { return #expect(times.count == 4) }
        #expect(times[0] >= 0 && times[1] <= length + 1e-9, "within the clip")
        #expect(times[1] - times[0] > 1.0 / 30, "no zero window")
        #expect(abs(times[2] - start - times[0]) < 1e-6 && abs(times[3] - start - times[1]) < 1e-6)
        for (seconds, name) in zip(times.suffix(2), ["video_start", "video_end"]) {
            #expect(abs((query["\(name)_frame"].double ?? -9) - seconds * 30) <= 1)
        }
    }

    @Test("No video of the test splits is in any sample, and no sentence of the world's own queries")
    func leaks() throws {
        let bench = try Workbench(videos: 12)
        try bench.expect(0, Workbench.ingestWorld)
        var guarded: Set<String> = []
        var sentences: Set<String> = []
        for (name, isGuarded) in [("train", false), ("val", true), ("test", true), ("test_unannotated", true)] {
            for video in try bench.json("world/nlq_\(name).json")["videos"].array {
                if isGuarded, let uid = video["video_uid"].string { guarded.insert(uid) }
                let annotations = video["clips"].array.flatMap { $0["annotations"].array }
                let queries = annotations.flatMap { $0["language_queries"].array }
                sentences.formUnion(queries.compactMap { $0["query"].string }.map(Self.normal))
            }
        }
        #expect(!guarded.isEmpty && sentences.count > 50)
        let ingested = Set(try bench.records("narrations").compactMap { $0["key"].string })
        #expect(guarded.isSubset(of: ingested), "they are in the topic, and the filter is what keeps them out")
        for set in ["nlq", "naq"] {
            try bench.run(Workbench.topology(set))
            let samples = try bench.samples(set).map(JSONTree.init)
            let videos = Set(samples.compactMap { $0["video_uid"].string })
            #expect(videos == ingested.subtracting(guarded))
            #expect(sentences.isDisjoint(with: samples.compactMap { $0["query"].string }.map(Self.normal)))
        }
    }

    /// A query as the official script compares it.
    private static func normal(_ query: String) -> String {
        query.trimmingCharacters(in: CharacterSet(charactersIn: " ?")).lowercased()
    }
}
