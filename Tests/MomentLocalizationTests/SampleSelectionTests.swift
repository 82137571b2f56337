// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentQueries
import NeuralNetworks
import Records
import Testing
import Training
import VideoAnnotations

@testable import MomentLocalization

/// Samples that cannot be trained on, and queries that cannot be answered.
@Suite struct SampleSelectionTests {
    private let world: TrainingWorld

    init() throws { self.world = try TrainingWorld() }

    /// A file of one clip of 32 s, with these queries.
    private func file(_ queries: [String], video: String = "v1", clip: String = "0,32") throws -> AnnotationFile {
        let times = clip.split(separator: ",")
        return try AnnotationFile(
            Bytes(
                """
                {"videos":[{"video_uid":"\(video)","clips":[{"clip_uid":"c-\(video)","video_start_sec":\(times[0]),\
                "video_end_sec":\(times[1]),"annotations":[{"annotation_uid":"a","language_queries":[\
                \(queries.joined(separator: ","))]}]}]}]}
                """.utf8), path: "queries.json")
    }

    private func query(_ start: String, _ end: String, _ text: String = "\"Where was the lid?\"") -> String {
        #"{"clip_start_sec":\#(start),"clip_end_sec":\#(end),"query":\#(text)}"#
    }

    private func fixed(
        _ file: AnnotationFile, targets: TargetRule = .fixed
    ) throws -> (skipped: [SkippedSample: Int], statistics: TargetStatistics) {
        var preparation = TrainingWorld.preparation
        preparation.targets = targets
        let counts = try Trainer.fixed(
            file.split.queries, textless: file.queryCount - file.split.queries.count,
            self.world.parts("run", self.world.options(steps: 1), preparation: preparation)
        ).counts
        return (counts.skipped, counts.statistics)
    }

    private let good = #"{"clip_start_sec":3,"clip_end_sec":8,"query":"Where did I put the cup?"}"#

    @Test(arguments: [
        ("900", "920", SkippedSample.outsideClip), ("-50", "-20", .outsideClip), ("1e300", "1e301", .outsideClip),
        ("-1e308", "-1e307", .outsideClip), ("32", "40", .outsideClip), ("31.99", "40", .outsideClip),
        ("20", "5", .reversedWindow), ("1e301", "1e300", .reversedWindow), ("7", "7", .emptyWindow),
        ("null", "5", .withoutAnswer), ("null", "null", .withoutAnswer),
    ])
    func windowsThatTheCutEmptiesAreDroppedAndCounted(start: String, end: String, reason: SkippedSample) throws {
        let (skipped, statistics) = try self.fixed(self.file([self.query(start, end), self.good]))
        #expect(skipped == [reason: 1] && statistics.targets == 1 && statistics.widened == 0)
        #expect(statistics.outside == (reason == .outsideClip ? 1 : 0))
        let official = try self.fixed(self.file([self.query(start, end), self.good]), targets: .official)
        #expect(official.skipped == (reason == .withoutAnswer ? [.withoutAnswer: 1] : [:]))
        // Evaluation counts it, where it has an answer.
        let truth = try GroundTruth(self.file([self.query(start, end), self.good]).split, path: "queries.json")
        #expect(truth.total == 2 && truth.queries.count == (reason == .withoutAnswer ? 1 : 2))
    }

    @Test(arguments: ["\" \"", "\"\"", "null", "\"\\t\\n\""]) func blankQueriesAreDroppedAndCounted(text: String) throws
    {
        let file = try self.file([self.query("5", "20", text), self.good])
        #expect(file.queryCount == 2)
        let (skipped, statistics) = try self.fixed(file)
        #expect(skipped == [.blankQuery: 1] && statistics.targets == 1)
    }

    @Test func clipsThatEndBeforeTheyStartAreNamedAsSuch() throws {
        let error = #expect(throws: TrainingError.self) {
            try self.fixed(self.file([self.query("1", "2")], clip: "32,0"))
        }
        #expect(
            error?.message.contains("1 clip without length") == true && error?.message.contains("MomentLoc") == false)
        let nothing = #expect(throws: TrainingError.self) { try self.fixed(self.file([])) }
        #expect(nothing?.code == .noSamples && nothing?.message.contains("no query") == true)
    }

    @Test func samplesOfShardsAreDroppedAlike() throws {
        func sample(_ text: String, _ start: Double, _ end: Double, videoStart: Double? = nil, duration: String = "32")
            -> Bytes
        {
            Bytes(
                """
                {"query_id":"q","video_uid":"v0","clip_uid":"v0-clip","annotation_uid":"a","query":"\(text)",\
                "clip_start_sec":\(start),"clip_end_sec":\(end),"video_start_sec":\(videoStart ?? start),\
                "clip_duration_sec":\(duration)}
                """.utf8)
        }
        try self.world.publish(
            (0..<4).map { TrainingWorld.sample($0) } + [
                sample("Where?", 900, 920), sample("Where?", -50, -20),
                sample("Where?", 1e300, 1e301, videoStart: 1e300),
                sample("Where?", 20, 5), sample(" ", 3, 8), sample("Where?", 3, 8, duration: "-5"),
                sample("Where?", -1e308, 3, videoStart: 1e308), sample("Where?", 3, 8, duration: "1e400"),
                sample("Where?", 3, 8, duration: "NaN"),
            ])
        let training = try self.world.training(self.world.parts("run", self.world.options(steps: 3)))
        try self.world.run(training)
        #expect(training.index.usable == 4)
        #expect(
            training.index.counts.skipped == [
                .outsideClip: 3, .reversedWindow: 1, .blankQuery: 1, .noClip: 1, .malformed: 3,
            ])
        #expect(training.index.counts.statistics.outside == 3)
        #expect(
            SkippedSample.words([.shortFeatures: 3, .blankQuery: 1])
                == "1 blank query, 3 features end before the clip")
    }

    // MARK: Validation

    private func validated(_ files: [AnnotationFile], steps: Int = 4) throws -> [TrainingEvent<Scores>] {
        try self.world.publish((0..<9).map { TrainingWorld.sample($0) })
        var parts = self.world.parts("run", self.world.options(steps: steps))
        let file = try #require(files.first)
        var whole = file
        whole.videos = files.flatMap(\.videos)
        parts.schedule.validation = try GroundTruth(whole.split, path: "val.json")
        parts.schedule.validationSteps = 2
        var events: [TrainingEvent<Scores>] = []
        _ = try self.world.training(parts).trainer.run(isStopping: { false }, onEvent: { events.append($0) })
        return events
    }

    private var best: String { self.world.folder("run") + "/" + CheckpointFolder.bestName }

    @Test func validationQueriesWithoutFeaturesAreNamedAndCountAsMissed() throws {
        let events = try self.validated([self.file([self.good]), self.file([self.good, self.good], video: "gone")])
        let gaps = events.compactMap { event -> [String]? in
            guard case .unanswerable(let lines) = event else { return nil }
            return lines
        }
        #expect(
            gaps == [["of 3 validation queries, 2 queries without features of their clip or video (clip c-gone)"]])
        for case .validated(_, let scores) in events { #expect(scores.queries == 3) }
        #expect(FileManager.default.fileExists(atPath: self.best))
    }

    @Test func noBestIsChosenFromNothing() throws {
        let error = #expect(throws: TrainingError.self) {
            try self.validated([self.file([self.good], video: "gone"), self.file([self.good], clip: "32,0")])
        }
        #expect(error?.code == .noSamples)
        for word in ["1 query without features of their clip or video (clip c-gone)", "whose clip does not end"] {
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
        #expect(!FileManager.default.fileExists(atPath: self.best))
    }

    @Test func predictionsOfQueriesWithoutAnswerAreNotScored() throws {
        let truth = try GroundTruth(self.file([self.query("null", "5"), self.good]).split, path: "queries.json")
        let window = MomentQuery.Answer(start: 3, end: 8)
        func prediction(_ index: Int) -> QueryPrediction {
            QueryPrediction(clipUID: "c-v1", annotationUID: "a", queryIndex: index, windows: [window])
        }
        let evaluation = try Evaluation([prediction(0), prediction(1)], truth: truth, resampling: false)
        #expect(evaluation.supplied.queries == 1 && evaluation.supplied.meanOverlap == 1 && evaluation.total == 2)
        #expect(throws: EvaluationError.self) { try Evaluation([prediction(2)], truth: truth, resampling: false) }
    }

    // MARK: Files

    @Test func annotationFilesAreReadAsTheirEditorsLeaveThem() throws {
        let text = """
            {"version":null,"videos":[{"video_uid":"v","split":null,"clips":[{"clip_uid":"c","video_start_sec":0,\
            "video_end_sec":9,"source_clip_uid":null,"annotations":[{"annotation_uid":"a","language_queries":[\
            {"clip_start_sec":1,"clip_end_sec":2,"query":"Where?","template":null}]},\
            {"annotation_uid":"b","language_queries":null}]}]},{"video_uid":"w","clips":null}]}
            """
        let plain = try AnnotationFile(Bytes(text.utf8), path: "plain.json")
        #expect(plain.split.queries.count == 1 && plain.videos.count == 2)
        let edited = [0xef, 0xbb, 0xbf] + Bytes(text.replacing(",", with: ",\r\n").utf8)
        #expect(try AnnotationFile(edited, path: "edited.json") == plain)
        let error = #expect(throws: AnnotationError.self) {
            try AnnotationFile(
                [0xef, 0xbb, 0xbf] + Bytes(text.replacing("\"clip_uid\":\"c\"", with: "\"clip_uid\":null").utf8),
                path: "p")
        }
        #expect(error?.message.contains("line 1") == true && error?.message.contains("clip_uid") == true)
        let empty = PredictionFile([])
        #expect(try PredictionFile([0xef, 0xbb, 0xbf] + empty.bytes, path: "p") == empty)
    }

    @Test func overlapsOfTimesOfAnySizeAreShares() {
        let times = [-Double.greatestFiniteMagnitude, -1e308, -5, 0, 5, 1e300, 1e308, .greatestFiniteMagnitude]
        for start in times {
            for end in times {
                let window = MomentQuery.Answer(start: start, end: end)
                for other in [MomentQuery.Answer(start: 1, end: 9), .init(start: -1e308, end: 1e308)] {
                    #expect((0...1).contains(Scores.overlap(window, other)), "\(window) \(other)")
                }
                if start < end { #expect(abs(Scores.overlap(window, window) - 1) < 1e-9) }
            }
        }
        #expect(Scores.overlap(.init(start: .nan, end: .infinity), .init(start: 1, end: 2)) == 0)
    }
}
