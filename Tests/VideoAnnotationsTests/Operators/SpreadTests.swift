// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Testing

@testable import VideoAnnotations

@Suite struct SpreadTests {
    @Test("The distance of two samples is the greatest difference of their shares, by hand")
    func samples() {
        let spread = Spread(values: [1, 2, 3, 4])
        #expect(spread.distance(from: Spread(values: [1, 2, 3, 4])) == 0)
        #expect(spread.distance(from: Spread(values: [5, 6])) == 1)
        // Up to 2: 2 of 4 here, none there.
        #expect(spread.distance(from: Spread(values: [2.5, 3, 4, 9])) == 0.5)
        #expect(spread.distance(from: Spread(values: [])) == 1)
        #expect(Spread(values: []).distance(from: Spread(values: [])) == 0)
        #expect(Spread(values: [2, .nan, 1, .infinity]).quantile(0.5) == 1.5)
    }

    @Test("Quantiles are even between their values, and jump where a value repeats")
    func quantiles() throws {
        let spread = try #require(Spread(quantiles: [0, 1, 1, 3]))
        #expect(spread.quantile(0) == 0 && spread.quantile(1) == 3 && abs(spread.quantile(0.5) - 1) < 1e-12)
        #expect(spread.shares(at: -1).upTo == 0 && spread.shares(at: 3).upTo == 1 && spread.shares(at: 9).below == 1)
        #expect(abs(spread.shares(at: 1).below - 1.0 / 3) < 1e-12 && abs(spread.shares(at: 1).upTo - 2.0 / 3) < 1e-12)
        #expect(abs(spread.shares(at: 2).upTo - 5.0 / 6) < 1e-12)
        #expect(Spread(quantiles: [1]) == nil && Spread(quantiles: [2, 1]) == nil)
        #expect(Spread(quantiles: [0, .nan]) == nil)
    }

    @Test("Values drawn by even shares have the distribution that they were drawn from")
    func draws() {
        let human = QueryReference.humanTrain.durations
        let drawn = Spread(values: (0..<5000).map { human.quantile((Double($0) + 0.5) / 5000) })
        #expect(drawn.distance(from: human) < 0.002)
    }
}

@Suite struct QueryReferenceTests {
    @Test("The human splits differ from each other by what is known of them")
    func human() {
        let (train, validation) = (QueryReference.humanTrain, QueryReference.humanValidation)
        #expect(train.queries == 11_296 && validation.queries == 3_875)
        #expect(abs(train.durations.distance(from: validation.durations) - 0.040) < 0.002)
        #expect(abs(train.starts.distance(from: validation.starts) - 0.026) < 0.004)
        #expect(abs(train.ends.distance(from: validation.ends) - 0.026) < 0.004)
        #expect(train.templates.count == 13 && train.joint.count == 13)
        #expect(train.leftOut.empty == 966 && train.leftOut.outside == 148)
        #expect(train.firstWords["where"] == 5312 && validation.distinct == 0.841)
    }

    private static let file = """
        {"videos":[{"video_uid":"v","clips":[{"clip_uid":"c","video_start_sec":100,"video_end_sec":200,
        "annotations":[{"annotation_uid":"a","language_queries":[
        {"clip_start_sec":10,"clip_end_sec":13,"query":"Where is it?","template":"Place: Where did I put X?"},
        {"clip_start_sec":10,"clip_end_sec":10,"query":"What is it?","template":null},
        {"clip_start_sec":20,"clip_end_sec":10,"query":"What"},{"clip_start_sec":90,"clip_end_sec":101},{}
        ]}]}]}]}
        """

    @Test("An annotation file is counted; windows that are none are left out")
    func annotations() throws {
        let reference = try QueryReference(parsing: Bytes(Self.file.utf8), name: "f")
        #expect(reference.queries == 5 && reference.durations == Spread(values: [3]))
        #expect(reference.starts == Spread(values: [0.1]) && reference.ends == Spread(values: [0.13]))
        #expect(reference.leftOut.missing == 1 && reference.leftOut.empty == 1)
        #expect(reference.leftOut.reversed == 1 && reference.leftOut.outside == 1)
        #expect(reference.joint["Place: Where did I put X?"]?[2][0] == 1)
        #expect(reference.firstWords == ["where": 1, "what": 2])
    }

    @Test(
        "What is no reference is refused",
        arguments: [
            "{}", "[]", "{\"videos\":[]}", "{\"train\":{}}", "{\"train\":{\"duration_sec\":{\"quantiles\":[2,1]}}}",
            "{\"train\":{\"joint\":{\"duration_edges_sec\":[0,1]}}}",
            "{\"train\":{\"joint\":{\"counts\":{\"x\":[[1]]}}}}", "{\"train\":{\"templates\":{\"x\":-1}}}",
        ])
    func refused(text: String) {
        #expect(throws: JSONError.self) { try QueryReference(parsing: Bytes(text.utf8), name: "f") }
    }

    @Test func buckets() {
        #expect([0, 0.5, 1, 3.9, 4, 59, 60, 900].map(QueryReference.bucket(ofSeconds:)) == [0, 0, 1, 2, 3, 6, 7, 7])
        #expect(QueryReference.quarter(Interval(199, 200), of: Interval(100, 200)) == 3)
        #expect(QueryReference.quarter(Interval(120, 124), of: Interval(100, 200)) == 0)
        #expect(QueryReference.bucketName(1) == "1-2s" && QueryReference.bucketName(7) == "60s-up")
    }
}
