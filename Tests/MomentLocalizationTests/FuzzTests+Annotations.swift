// SPDX-License-Identifier: Apache-2.0

import Codecs
import FoundationEssentials
import Fuzzing
import MomentQueries
import Records
import Testing
import VideoAnnotations

@testable import MomentLocalization

/// Annotations, predictions and samples.
extension FuzzTests {
    private static let annotations = """
        {"version":"1","videos":[{"video_uid":"v0","split":"train","clips":[{"clip_uid":"c","video_start_sec":0.0,\
        "video_end_sec":32.5,"annotations":[{"annotation_uid":"a","language_queries":[\
        {"clip_start_sec":5.0,"clip_end_sec":20.0,"query":"Where did I put the spoon?","template":null},\
        {"clip_start_sec":1e1,"clip_end_sec":30,"query":" "},{"query":null},{"clip_start_sec":-3,"clip_end_sec":99,"query":"?"}]}]}]}]}
        """

    /// The queries with text of a parsed file, found without the reader under test: video, text and times.
    private static func queries(_ root: JSONValue) -> [String] {
        func list(_ value: JSONValue, _ key: String) -> [JSONValue] { Self.last(value, key)?.array ?? [] }
        return list(root, "videos").flatMap { video in
            list(video, "clips").flatMap { clip in
                list(clip, "annotations").flatMap { annotation in
                    list(annotation, "language_queries").compactMap { query -> String? in
                        guard let text = Self.last(query, "query")?.string, !text.isEmpty else { return nil }
                        let times = ["clip_start_sec", "clip_end_sec"].map { Self.last(query, $0)?.double }
                        // Zero has two signs, of which whole numbers keep one.
                        let answer = times.contains { $0 == nil } ? "none" : "\(times.compactMap { $0.map { $0 + 0 } })"
                        return
                            "\(Self.last(video, "video_uid")?.string ?? "") \(MomentQuery.sentence(of: text)) \(answer)"
                    }
                }
            }
        }
    }

    @Test func annotationsAreReadAsJSONAndTrainedOnOrRefused() throws {
        let world = try TrainingWorld()
        let features = FeatureStore(folder: world.features.path, bins: 16, columns: TrainingWorld.columns)
        let tokens =
            FuzzTokens.json + FuzzTokens(["\"clips\"", "\"query\"", "\"clip_start_sec\"", "\"video_end_sec\""])
        for input in Fuzz("annotations", seeds: [Self.annotations], tokens: tokens) {
            let file: AnnotationFile
            do throws(AnnotationError) {
                file = try AnnotationFile(input.bytes, path: "nlq.json")
            } catch {
                try #require(error.message.contains("nlq.json"), "\(input)")
                continue
            }
            guard let root = try? JSONValue(parsing: input.bytes.withoutByteOrderMark) else { continue }
            let queries = file.split.queries
            let read = queries.map { query in
                "\(query.videoUID) \(query.sentence) "
                    + (query.answer.map { "\([$0.start + 0, $0.end + 0])" } ?? "none")
            }
            try #require(read == Self.queries(root), "\(input)")
            for rule in TargetRule.allCases {
                var counts = MomentCounts()
                let selection = SampleSelection(features: features, rule: rule)
                for query in queries { _ = try selection.take(query, counting: &counts) }
                try #require(counts.statistics.lines.count == 3, "\(input)")
            }
            if let truth = try? GroundTruth(file.split, path: "nlq.json") {
                let report = EvaluationReport(
                    try Evaluation([], truth: truth, resampling: false), truth: truth, bins: 16, train: nil)
                try #require(report.lines().count > 5 && (try? JSONValue(parsing: report.json)) != nil, "\(input)")
            }
        }
    }

    @Test func predictionsAreReadAndScoredOrRefused() throws {
        let truth = try GroundTruth(
            AnnotationFile(Bytes(Self.annotations.utf8), path: "nlq.json").split, path: "nlq.json")
        let seed = PredictionFile([
            QueryPrediction(
                clipUID: "c", annotationUID: "a", queryIndex: 0,
                windows: [.init(start: 5, end: 19), .init(start: 0, end: 1)]),
            QueryPrediction(clipUID: "c", annotationUID: "a", queryIndex: 3, windows: []),
        ]).bytes
        for input in Fuzz("predictions", seeds: [seed], tokens: .json) {
            let file: PredictionFile
            let evaluation: Evaluation
            do {
                file = try PredictionFile(input.bytes, path: "p.json")
                evaluation = try Evaluation(file.predictions, truth: truth, resampling: false)
            } catch let error as AnnotationError {
                try #require(error.message.contains("p.json"), "\(input)")
                continue
            } catch let error as EvaluationError {
                try #require(!error.message.isEmpty, "\(input)")
                continue
            }
            let again = try? PredictionFile(file.bytes, path: "again")
            try #require(again == file, "\(input)")
            let report = EvaluationReport(evaluation, truth: truth, bins: 16, train: nil)
            try #require((0...1).contains(evaluation.overall.meanOverlap) && report.lines().count > 5, "\(input)")
        }
    }

    @Test func samplesOfShardsAreTakenOrPassedOver() throws {
        let world = try TrainingWorld()
        let features = FeatureStore(folder: world.features.path, bins: 16, columns: TrainingWorld.columns)
        let seeds = (0..<3).map { TrainingWorld.sample($0) }
        for input in Fuzz("samples", seeds: seeds, tokens: .json) {
            guard let query = try? MomentQuery(sample: input.bytes) else {
                try #require(!input.isSeed, "\(input)")
                continue
            }
            try #require(query.clipStart.isFinite && query.clipEnd.isFinite, "\(input)")
            for rule in TargetRule.allCases {
                var counts = MomentCounts()
                let isTaken = try SampleSelection(features: features, rule: rule).take(query, counting: &counts)
                try #require(isTaken == counts.skipped.isEmpty, "\(input)")
            }
            _ = LabelOracle.scores([query], bins: 16)
            _ = ConstantWindows(fittedTo: [query], count: 1, threshold: 0.5).scores([query])
        }
    }
}
