// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Codecs
import ForecastGolden
import Foundation
import Records
import TaskRooms
import Testing

@testable import ActionAnticipation

/// Windows of the official code's, from its own annotation files: keys, segments, labels, in its order.
@Suite struct WindowGoldenTests {
    private static let files = (try? ForecastGolden.cases("lta_samples")) ?? []

    @Test func thereAreCases() { #expect(!Self.files.isEmpty) }

    @Test(arguments: files) func windowsAreTheOfficialOnes(_ file: String) throws {
        let json = try JSONValue(parsing: Bytes(try ForecastGolden.json(file)))
        let seconds = try #require(json["clip_duration_sec"]?.double)
        for run in try #require(json["runs"]?.array) {
            let (windows, counts) = try Self.windows(json, run, isInclusive: true)
            let samples = try #require(run["samples"]?.array)
            #expect(windows.count == run["num_samples"]?.int)
            #expect(windows.count == samples.count)
            for (window, sample) in zip(windows, samples) {
                let place = "\(file), \(sample["key"]?.string ?? "")"
                #expect(window.key == sample["key"]?.string, "\(place)")
                #expect(window.clip.clipUID + ".mp4" == sample["file"]?.string, "\(place)")
                #expect(window.inputs.map(\.rank) == sample["input_action_idx"]?.numbers, "\(place)")
                #expect(window.futures.map(\.rank) == sample["future_action_idx"]?.numbers, "\(place)")
                #expect(window.futures.map(Self.labels) == sample["labels_verb_noun"]?.rows, "\(place)")
                #expect(window.inputs.map(Self.labels) == sample["observed_verb_noun"]?.rows, "\(place)")
                for (index, pair) in try #require(sample["input_segments"]?.array).enumerated() {
                    let times = try #require(pair.array).compactMap(\.double)
                    let segment = window.inputs[index]
                    #expect([segment.startSec, segment.endSec] == times, "\(place)")
                    let centre = FrameSampling.centre(start: segment.startSec, end: segment.endSec, seconds: seconds)
                    let official = try #require(sample["center_windows"]?.array?[index].array).compactMap(\.double)
                    #expect(abs(centre.start - official[0]) < 1e-9 && abs(centre.end - official[1]) < 1e-9, "\(place)")
                }
            }
            try Self.check(counts, run)
        }
    }

    @Test(arguments: files) func theOldRuleLacksTheLastWindows(_ file: String) throws {
        let json = try JSONValue(parsing: Bytes(try ForecastGolden.json(file)))
        for run in try #require(json["seed_variant"]?["runs"]?.array) {
            let (windows, counts) = try Self.windows(json, run, isInclusive: false)
            #expect(windows.map(\.key) == run["keys"]?.array?.compactMap(\.string))
            try Self.check(counts, run)
        }
    }

    private static func check(_ counts: [String: Int], _ run: JSONValue) throws {
        guard case .object(let members)? = run["samples_per_clip"] else {
            Issue.record("no samples_per_clip")
            return
        }
        for member in members { #expect(counts[member.key, default: 0] == member.value.int, "\(member.key)") }
    }

    private static func labels(_ segment: ActionSegment) -> [Int] { [segment.verb ?? -1, segment.noun ?? -1] }

    /// The windows that an ingest and its topology make of a run's file.
    private static func windows(
        _ json: JSONValue, _ run: JSONValue, isInclusive: Bool
    ) throws -> (windows: [ActionWindow], perClip: [String: Int]) {
        let folder = try TestFolder()
        let annotations = try folder.write(
            try #require(json[run["file"]?.string ?? ""]).bytes, to: "fho_lta.json")
        let taxonomy = try folder.write(TestFolder.taxonomy(verbs: 2000, nouns: 2000), to: "taxonomy.json")
        let cutting = WindowCutting(
            inputs: try #require(run["num_input"]?.int), futures: try #require(run["Z"]?.int),
            isInclusive: isInclusive)
        let windows = try AnticipationFiles.actionWindows(annotations, taxonomy, cutting)
        return (windows, windows.reduce(into: [:]) { $0[$1.clip.clipUID, default: 0] += 1 })
    }
}

extension JSONValue {
    var numbers: [Int]? { self.array?.compactMap(\.int) }
    var rows: [[Int]]? { self.array?.compactMap(\.numbers) }
}
