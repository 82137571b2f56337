// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentLocalization
import MomentQueries
import Records
import Testing
import VideoAnnotations
import VideoFeatures

/// JSON files that the official implementation's functions wrote, in `MILLRACE_GOLDEN` or beside these tests.
enum GoldenJSON {
    static let folder =
        ProcessInfo.processInfo.environment["MILLRACE_GOLDEN"].map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    /// All files of a kind, by a key that only they have: further cases may have any name.
    static func files(having key: String) throws -> [(name: String, value: JSONValue)] {
        let names = try FileManager.default.contentsOfDirectory(atPath: self.folder.path).sorted()
        return try names.filter { $0.hasSuffix(".json") }.compactMap { name in
            let bytes = Bytes(try Data(contentsOf: self.folder.appending(path: name)))
            let value = try JSONValue(parsing: bytes)
            return value[key] == nil ? nil : (name, value)
        }
    }
}

extension JSONValue {
    func number(_ key: String) throws -> Double { try #require(self[key]?.double, "\(key)") }
    func whole(_ key: String) throws -> Int { try #require(self[key]?.int, "\(key)") }
    func text(_ key: String) throws -> String { try #require(self[key]?.string, "\(key)") }
    func list(_ key: String) throws -> [JSONValue] { try #require(self[key]?.array, "\(key)") }

    func matrix(_ key: String) throws -> FeatureMatrix {
        let rows = try self.list(key).map { row in try #require(row.array).map { Float(try #require($0.double)) } }
        return FeatureMatrix(rows: rows.count, columns: rows.first?.count ?? 0, values: rows.flatMap { $0 })
    }
}

@Suite struct DataGoldenTests {
    @Test func timesBecomeIndicesAndIndicesTimes() throws {
        let files = try GoldenJSON.files(having: "time_to_index")
        #expect(!files.isEmpty)
        for file in files {
            for one in try file.value.list("time_to_index") {
                let grid = TargetGrid(bins: try one.whole("bins"), duration: try one.number("duration"))
                let indices = grid.indices(start: try one.number("start"), end: try one.number("end"))
                #expect(indices.start == (try one.whole("start_index")), "\(file.name): \(one)")
                #expect(indices.end == (try one.whole("end_index")), "\(file.name): \(one)")
                let times = grid.times(start: indices.start, end: indices.end)
                #expect(abs(Double(times.start) - (try one.number("start_time"))) <= 2e-5)
                #expect(abs(Double(times.end) - (try one.number("end_time"))) <= 2e-5)
            }
        }
    }

    @Test func featuresAreDownSampled() throws {
        for file in try GoldenJSON.files(having: "feature_sampling") {
            for one in try file.value.list("feature_sampling") {
                let sampled = try one.matrix("feature").sampled(bins: try one.whole("bins"))
                let expected = try one.matrix("sampled")
                #expect(sampled.rows == expected.rows && sampled.columns == expected.columns)
                for (ours, theirs) in zip(sampled.values, expected.values) { #expect(abs(ours - theirs) <= 1e-6) }
            }
        }
    }

    @Test func highlightsAreExtended() throws {
        for file in try GoldenJSON.files(having: "highlight") {
            for one in try file.value.list("highlight") {
                let span = TargetGrid.highlight(
                    start: try one.whole("start_index"), end: try one.whole("end_index"),
                    length: try one.whole("length"))
                #expect(span == (try one.whole("first"))...(try one.whole("last")), "\(one)")
            }
        }
    }

    @Test func recordsAreMadeFromAnnotations() throws {
        let files = try GoldenJSON.files(having: "feature_counts")
        #expect(!files.isEmpty)
        for file in files {
            let annotations = try #require(file.value["annotations"])
            let parsed = try AnnotationFile(annotations.bytes, path: file.name)
            let counts = try #require(file.value["feature_counts"])
            var slices: [String: ClipSlice] = [:]
            for video in parsed.videos {
                for clip in video.clips {
                    slices[clip.uid] = ClipSlice(
                        start: clip.start, end: clip.end, available: try counts.whole(video.uid))
                }
            }
            guard case .object(let clips) = try #require(file.value["clips"]) else { throw GoldenError() }
            for clip in clips {
                let slice = try #require(slices[clip.key])
                #expect(slice.features.lowerBound == (try clip.value.whole("first_feature")))
                #expect(slice.features.upperBound - 1 == (try clip.value.whole("last_feature")))
                #expect(slice.features.count == (try clip.value.whole("features")))
                #expect(slice.frames == (try clip.value.whole("num_frames")))
            }
            let queries = Dictionary(
                uniqueKeysWithValues: parsed.split.queries.map {
                    ("\($0.clipUID) \($0.annotationUID) \($0.queryIndex)", $0)
                })
            for record in try file.value.list("records") {
                let key =
                    "\(try record.text("clip_uid")) \(try record.text("annotation_uid")) \(try record.whole("query_idx"))"
                try self.check(record, try #require(queries[key]), try #require(slices[try record.text("clip_uid")]))
            }
            let recorded = Set(
                try file.value.list("records").map { record in
                    "\(try record.text("clip_uid")) \(try record.text("annotation_uid")) \(try record.whole("query_idx"))"
                })
            #expect(recorded == Set(queries.keys), "the same queries have no text")
        }
    }

    private struct GoldenError: Error {}

    private func check(_ record: JSONValue, _ query: MomentQuery, _ slice: ClipSlice) throws {
        let answer = try #require(query.answer)
        #expect(query.sentence == (try record.text("sentence")))
        #expect(answer.isEmpty == (record["removed_as_empty"] == .bool(true)))
        #expect(abs(slice.duration - (try record.number("duration"))) <= 2e-5)
        let window = try #require(
            MomentWindow(start: answer.start, end: answer.end, duration: slice.duration, rule: .official))
        #expect(abs(window.start - (try record.number("start_time"))) <= 2e-5)
        #expect(abs(window.end - (try record.number("end_time"))) <= 2e-5)
        let grid = TargetGrid(
            bins: min(try record.whole("max_pos_len"), slice.features.count), duration: slice.duration)
        #expect(grid.bins == (try record.whole("v_len")))
        let target = MomentTarget(window, grid: grid)
        #expect(target.start == (try record.whole("start_index")), "\(record)")
        #expect(target.end == (try record.whole("end_index")), "\(record)")
        let times = grid.times(start: target.start, end: target.end)
        #expect(abs(Double(times.start) - (try record.number("index_start_time"))) <= 2e-5)
        #expect(abs(Double(times.end) - (try record.number("index_end_time"))) <= 2e-5)
    }

    @Test func recallIsThatOfTheOfficialScript() throws {
        let files = try GoldenJSON.files(having: "ground_truth")
        #expect(!files.isEmpty)
        for file in files {
            let truth = try GroundTruth(
                AnnotationFile(try #require(file.value["ground_truth"]).bytes, path: file.name).split, path: file.name)
            let predictions = try PredictionFile(try #require(file.value["predictions"]).bytes, path: file.name)
            let evaluation = try Evaluation(predictions.predictions, truth: truth)
            let thresholds = try file.value.list("thresholds")
            let topKs = try file.value.list("top_k")
            for (threshold, row) in zip(thresholds, try file.value.list("recall")) {
                for (topK, expected) in zip(topKs, try #require(row.array)) {
                    let recall = evaluation.supplied.recall(
                        topK: try #require(topK.int), threshold: try #require(threshold.double))
                    #expect(recall == expected.double)
                }
            }
            #expect(abs(evaluation.supplied.meanOverlap - (try file.value.number("mean_iou"))) <= 1e-9)
            #expect(try PredictionFile(predictions.bytes, path: "again") == predictions)
        }
    }
}
