// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Testing

@testable import SampleWorld

@Suite struct SampleWorldFilesTests {
    private let small = SampleWorldOptions(videos: 5, seed: 3)

    @Test func sameOptionsGiveTheSameBytes() throws {
        let first = try WrittenWorld(self.small)
        let second = try WrittenWorld(self.small)
        #expect(try first.files() == second.files())
        #expect(try first.digest() == second.digest())
        #expect(first.summary == second.summary)
    }

    /// Pinned, so that a change of the world, or a machine that counts differently, does not go unnoticed: what is
    /// narrated and asked, which sets of queries hang on, and the steps.
    @Test func bytesAreTheSameOnEveryMachine() throws {
        let world = try WrittenWorld(SampleWorldOptions(videos: 4, seed: 1))
        let steps = Set(WorldFolder.jsonFiles.filter { !$0.hasPrefix("n") && $0 != "ego4d.json" } + WorldFolder.lists)
        let narrated = try world.files().filter { !steps.contains($0) && $0 != WorldFolder.readMe }
        #expect(try String(world.digest(of: narrated), radix: 16) == "8983da34605e31")
        #expect(try String(world.digest(of: steps.sorted()), radix: 16) == "fdafb64a0af7088c")
    }

    @Test func anotherSeedGivesAnotherWorld() throws {
        let first = try WrittenWorld(self.small)
        let second = try WrittenWorld(SampleWorldOptions(videos: 5, seed: 4))
        for name in WorldFolder.jsonFiles + WorldFolder.lists {
            #expect(try first.bytes(name) != second.bytes(name), "\(name)")
        }
        #expect(Set(try first.files()).isDisjoint(with: try second.files().filter { $0.hasSuffix(".pt") }))
    }

    @Test func featuresDoNotChangeTheAnnotations() throws {
        var options = self.small
        let with = try WrittenWorld(options)
        options.features = false
        let without = try WrittenWorld(options)
        for name in WorldFolder.jsonFiles { #expect(try with.bytes(name) == without.bytes(name), "\(name)") }
        #expect(with.summary.featureFiles == 5)
        #expect(without.summary.featureFiles == 0)
        #expect(!FileManager.default.fileExists(atPath: without.url.appendingPathComponent("features").path))
    }

    @Test func summaryCountsWhatWasWritten() throws {
        let world = try WrittenWorld(self.small)
        let summary = world.summary
        #expect(try world.narrations().count == summary.narrations)
        #expect(try world.queries("nlq_train.json").count == summary.queries.train)
        #expect(try world.queries("nlq_val.json").count == summary.queries.val)
        #expect(try world.queries("nlq_test.json").count == summary.queries.test)
        #expect(try #require(world.json("ego4d.json")["videos"] as? [Any]).count == summary.videos)
        #expect(try #require(world.json("ego4d.json")["clips"] as? [Any]).count == summary.clips)
        #expect(try world.files().filter { $0.hasSuffix(".pt") }.count == summary.featureFiles)
        #expect(try world.files().reduce(0) { try $0 + world.bytes($1).count } == summary.bytes)
        #expect(try Set(world.files()).isSuperset(of: summary.files))
        let readMe = String(decoding: try world.bytes("README.txt"), as: UTF8.self)
        #expect(readMe.hasPrefix(WorldFolder.mark))
        #expect(readMe.contains("seed 3"))
        #expect(readMe.contains("\(summary.narrations) narrations"))
        #expect(readMe.contains("invented"))
    }

    @Test func progressIsReportedAfterEachVideo() throws {
        let folder = try TemporaryFolder()
        var calls: [[Int]] = []
        let options = SampleWorldOptions(videos: 3, features: false)
        _ = try writeSampleWorld(options, to: folder.url) { calls.append([$0, $1]) }
        #expect(calls == [[1, 3], [2, 3], [3, 3]])
    }

    @Test func occupiedFolderIsRefused() throws {
        let folder = try TemporaryFolder()
        try Data("mine".utf8).write(to: folder.url.appendingPathComponent("narration.json"))
        let options = SampleWorldOptions(videos: 1, features: false)
        let error = #expect(throws: SampleWorldError.self) { try writeSampleWorld(options, to: folder.url) }
        #expect(error?.code == .notEmpty)
        var overwriting = options
        overwriting.overwrite = true
        let second = #expect(throws: SampleWorldError.self) { try writeSampleWorld(overwriting, to: folder.url) }
        #expect(second?.code == .notASampleWorld)
        let kept = try Data(contentsOf: folder.url.appendingPathComponent("narration.json"))
        #expect(kept == Data("mine".utf8))
    }

    @Test func overwritingReplacesAnEarlierWorldAndNothingElse() throws {
        let fresh = try WrittenWorld(SampleWorldOptions(videos: 2, seed: 8, features: false))
        let world = try WrittenWorld(SampleWorldOptions(videos: 3, seed: 7))
        let note = world.url.appendingPathComponent("note.txt")
        try Data("mine".utf8).write(to: note)
        let plain = SampleWorldOptions(videos: 2, seed: 8, features: false)
        let error = #expect(throws: SampleWorldError.self) { try writeSampleWorld(plain, to: world.url) }
        #expect(error?.code == .notEmpty)
        var options = plain
        options.overwrite = true
        _ = try writeSampleWorld(options, to: world.url)
        #expect(try Data(contentsOf: note) == Data("mine".utf8))
        try FileManager.default.removeItem(at: note)
        #expect(try world.digest() == fresh.digest())
    }

    @Test func optionsOutOfRangeAreRefusedBeforeAnythingIsWritten() throws {
        let folder = try TemporaryFolder()
        let url = folder.url.appendingPathComponent("world")
        for options in [
            SampleWorldOptions(videos: 0), SampleWorldOptions(queriesPerClip: 0),
            SampleWorldOptions(queriesPerClip: 241), SampleWorldOptions(eventsPerClip: 59),
            SampleWorldOptions(eventsPerClip: 101), SampleWorldOptions(featureNoise: -1),
            SampleWorldOptions(featureNoise: .nan), SampleWorldOptions(trainQueriesPerClip: 0),
            SampleWorldOptions(trainQueriesPerClip: 241),
        ] {
            let error = #expect(throws: SampleWorldError.self) { try writeSampleWorld(options, to: url) }
            #expect(error?.code == .badOption)
        }
        #expect(!FileManager.default.fileExists(atPath: url.path))
    }

    @Test func folderThatCannotBeMadeIsNamed() throws {
        let folder = try TemporaryFolder()
        let file = folder.url.appendingPathComponent("file")
        try Data().write(to: file)
        let error = #expect(throws: SampleWorldError.self) {
            try writeSampleWorld(SampleWorldOptions(videos: 1), to: file.appendingPathComponent("world"))
        }
        #expect(error?.code == .inputOutput)
        #expect(error?.description.contains(file.path) == true)
    }

    @Test func jsonIsWrittenWhileItIsComposed() throws {
        let folder = try TemporaryFolder()
        let url = folder.url.appendingPathComponent("long.json")
        let file = try JSONFile(url)
        let text = String(repeating: "x", count: 1_000)
        file.json.beginArray()
        var largestRest = 0
        for index in 0..<3_000 {
            file.json.value(text)
            try file.flush()
            let written = try Data(contentsOf: url, options: .alwaysMapped).count
            largestRest = max(largestRest, (index + 1) * 1_003 - written)
        }
        file.json.endArray()
        try file.close()
        #expect(largestRest < 300_000)
        let values = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String]
        #expect(values == Array(repeating: text, count: 3_000))
    }

    @Test func jsonTextAndTimesSurviveARoundTrip() throws {
        let folder = try TemporaryFolder()
        let url = folder.url.appendingPathComponent("text.json")
        let texts = ["", "quote \" and \\", "line\nbreak\ttab\u{1}", "X\u{2019}s \u{1F600} é", "/"]
        let times: [Microseconds] = [0, 1, 10, 1_500_000, 480_000_000, 12_345_678, -250_000]
        let file = try JSONFile(url)
        file.json.beginObject()
        file.json.field("texts", strings: texts)
        file.json.key("times")
        file.json.beginArray()
        for time in times { file.json.value(Double(time) / 1_000_000) }
        file.json.endArray()
        file.json.field("none", textOrNull: nil)
        file.json.endObject()
        try file.close()
        let bytes = try Data(contentsOf: url)
        #expect(bytes.allSatisfy { $0 < 0x80 })
        let value = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
        #expect(value["texts"] as? [String] == texts)
        #expect(value["times"] as? [Double] == times.map { Double($0) / 1_000_000 })
        #expect(value["none"] is NSNull)
    }
}
