// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import NarrationGrammar
import Records
import Testing
import VideoAnnotations

@testable import MomentQueries

@Suite struct QueryProfileTests {
    /// Four queries whose figures are easily worked out by hand.
    private static let small: QueryProfile = {
        var profile = QueryProfile()
        let put = QueryTemplate.whereDidIPut.rawValue
        profile.add("Where did I put the knife?", template: put, video: "a", seconds: 2)
        profile.add("where did I put the  knife", template: put, video: "a", seconds: 4)
        profile.add(
            "What is in the pan?", template: QueryTemplate.whatDidIPutIn.rawValue, video: "b", seconds: 0)
        profile.add(
            "How many eggs did my friend break?", template: "objects: how many X's? (Quantity question)", video: "b",
            seconds: 10)
        return profile
    }()

    private func measure(_ name: String, _ profile: QueryProfile = small) throws -> ProfileMeasure {
        try #require(profile.measures().first { $0.name == name })
    }

    @Test(arguments: [
        ("says-i", 0.5), ("first-person", 0.75), ("past", 0.75), ("present-only", 0.25), ("question-mark", 0.75),
        ("words-mean", 6), ("words-p1", 5), ("words-median", 6), ("words-p99", 7), ("words-max", 7), ("distinct", 1),
        ("distinct-normalized", 0.75), ("window-mean", 4), ("window-median", 2), ("window-p90", 4), ("window-max", 10),
        ("window-zero", 0.25),
    ])
    func values(name: String, value: Double) throws {
        #expect(try self.measure(name).value == value)
    }

    /// Half the sum of the differences from the human shares: by hand, from the table of counts.
    @Test func mixes() throws {
        let words = try self.measure("first-words")
        #expect(abs(words.value - 0.19326) < 1e-4)
        #expect(abs((words.validation ?? 0) - 0.02316) < 1e-4)
        #expect(words.parts.map(\.name).prefix(3) == ["how", "in", "did"])
        #expect(words.parts.first?.share == 0.25 && abs((words.parts.first?.human ?? 0) - 977.0 / 11_296) < 1e-9)
        let templates = try self.measure("templates")
        #expect(abs(templates.value - 0.63669) < 1e-4)
        #expect(templates.parts.first?.name == "Place: Where did I put X?")
        for mix in [words, templates] {
            #expect(abs(mix.parts.reduce(0) { $0 + $1.share } - 1) < 1e-9)
            #expect(abs(mix.parts.reduce(0) { $0 + $1.human } - 1) < 1e-9)
        }
    }

    @Test func theFurthestOffComesFirst() throws {
        let measures = Self.small.measures()
        #expect(
            measures.map(\.name).prefix(6) == [
                "templates", "says-i", "window-p90", "window-zero", "words-p99", "words-mean",
            ])
        #expect(zip(measures, measures.dropFirst()).allSatisfy { $0.distance >= $1.distance })
        #expect(abs(measures[1].distance - (0.754 - 0.5) / 0.05) < 1e-9)
        // 4 s against 20.4 to 21.5 s, by factors of 1.5.
        #expect(abs(measures[2].distance - log(20.4 / 4) / log(1.5)) < 1e-9)
        #expect(try self.measure("words-median").isOff == false)
        #expect(try self.measure("distinct").distance == 0, "no text twice is no fault")
    }

    /// A set with the human shares is not off in them.
    @Test func aHumanSetIsNotOff() throws {
        var profile = QueryProfile()
        for (word, train, _) in HumanProfile.firstWords {
            for number in 0..<train / 10 {
                profile.add("\(word) did I do it \(number) \(word)?", template: nil, video: "v", seconds: nil)
            }
        }
        let (words, saysI) = (try self.measure("first-words", profile), try self.measure("says-i", profile))
        #expect(!words.isOff)
        #expect(saysI.isOff, "all of them say I")
        #expect(!profile.measures().contains { $0.name.hasPrefix("window") }, "there are no windows")
    }

    @Test func nothing() {
        #expect(QueryProfile().measures().isEmpty)
        #expect(QueryProfile().duplicates(similarity: 0.8, examples: 3) == DuplicateReport())
    }

    /// A large set repeats itself more, so as many of it as the human one has are looked at.
    @Test func distinctnessDoesNotPunishSize() throws {
        var profile = QueryProfile()
        for number in 0..<45_184 {
            profile.add("Where was it \(number / 4)?", template: nil, video: "v", seconds: nil)
        }
        #expect(try self.measure("distinct", profile).value == 1)
        #expect(profile.duplicates(similarity: 1, examples: 0).exact == 45_184 * 3 / 4)
    }

    @Test func duplicates() {
        var profile = QueryProfile()
        let texts = [
            "Where did I put the knife?", "where did I put the knife", "Where did I put my knives?",
            "Where was the cup?",
            "WHERE DID I PUT THE KNIFE", "What color was the cup I washed in the sink?",
            "What color was a cup that I washed in the sink?", "Did I put the knife?", "Where was the pan?",
            "Where was the pan",
        ]
        for text in texts { profile.add(text, template: nil, video: "v", seconds: nil) }
        let report = profile.duplicates(similarity: 0.8, examples: 5)
        #expect(report.exact == 3 && report.distinct == 7 && report.near == 2)
        #expect(
            report.mostRepeated == [
                .init(query: "Where did I put the knife?", count: 3), .init(query: "Where was the pan?", count: 2),
            ])
        #expect(report.nearExamples.map(\.similarity) == [1, 1])
        #expect(
            report.nearExamples.map(\.first) == [
                "What color was a cup that I washed in the sink?", "Where did I put my knives?",
            ])
        #expect(profile.duplicates(similarity: 0.8, examples: 1).mostRepeated.count == 1)
    }

    /// The bands find what comparing every pair finds.
    @Test func nearDuplicatesByBandsAndByAllPairs() {
        var hash = StableHash("near")
        let nouns = ["knife", "cutting board", "red onion", "salt shaker", "frying pan", "kitchen towel"]
        let verbs = ["rinsed", "picked up", "put down", "moved", "wiped"]
        var texts: Set<String> = []
        while texts.count < 600 {
            let words = [nouns[hash.below(6)], verbs[hash.below(5)], nouns[hash.below(6)], nouns[hash.below(6)]]
            texts.insert("Where was the \(words[0]) after I \(words[1]) the \(words[2]) with the \(words[3])?")
        }
        var profile = QueryProfile()
        for text in texts { profile.add(text, template: nil, video: "v", seconds: nil) }
        let gists = texts.sorted().map { QueryGist(NarrationWord.plainWords(of: $0)) }
        let expected = gists.indices.count { later in
            (0..<later).contains { gists[later].similarity(to: gists[$0]) >= 0.85 }
        }
        #expect(expected > 100 && expected < 590)
        let found = profile.duplicates(similarity: 0.85, examples: 0).near
        #expect(found <= expected && found * 100 >= expected * 97, "\(found) of \(expected)")
    }
}

@Suite struct HumanQueryFileTests {
    private static let traps = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Data/nlq_traps.json")

    private func file(_ text: String? = nil) throws -> HumanQueryFile {
        let bytes = try text.map { Array($0.utf8) } ?? Array(Data(contentsOf: Self.traps))
        return try bytes.withUnsafeBufferPointer { try HumanQueryFile(parsing: $0) }
    }

    @Test func everyOddityIsCounted() throws {
        let file = try self.file()
        #expect(file.count == 15 && file.clips == 3 && file.videos == 2)
        let expected: [HumanQueryFile.Oddity: Int] = [
            .missingQuery: 1, .emptyQuery: 1, .missingTemplate: 1, .unknownTemplate: 1, .curlyQuote: 1, .oddSpacing: 1,
            .noQuestionMark: 3, .noCapital: 2, .missingWindow: 1, .emptyWindow: 1, .reversedWindow: 1,
            .windowOutsideClip: 1,
        ]
        #expect(file.oddities == expected)
        #expect(Set(expected.keys) == Set(HumanQueryFile.Oddity.allCases))
    }

    @Test func clipsAndWindowsAreInSecondsOfTheClip() throws {
        let queries = try self.file().queries
        #expect(queries.first?.videoUID == "v1" && queries.first?.clipUID == "c1")
        #expect(queries.first?.clip == Interval(0, 480) && queries.first?.window == Interval(10, 13))
        // Without `clip_end_sec`, a clip is as long as its piece of the video.
        #expect(queries.last?.clip == Interval(0, 300) && queries.last?.videoUID == "v2")
        #expect(queries[2].template == "Objects: In what location did I see object X ?")
    }

    private func row(_ name: String, _ rejects: FalseRejects) throws -> FalseRejects.Row {
        try #require(rejects.rows.first { $0.name == name }, "\(name)")
    }

    /// Judged, rejected.
    @Test(arguments: [
        ("empty", 15, 2), ("too-short", 13, 1), ("too-long", 13, 0), ("several-questions", 13, 1), ("markup", 13, 0),
        ("marker", 13, 1), ("unknown-template", 15, 2), ("first-word", 13, 1), ("first-word (strict)", 11, 1),
        ("window", 14, 3), ("answer-leak", 0, 0), ("not-grounded", 0, 0), ("wrong-narration", 0, 0),
        ("unknown-narration", 0, 0), ("duplicate-in-clip", 13, 1), ("near-duplicate-in-clip", 13, 1),
        ("repeated-in-video", 13, 0),
    ])
    func ratesOfEveryValidator(name: String, judged: Int, rejected: Int) throws {
        let rejects = FalseRejects(of: try self.file())
        let row = try self.row(name, rejects)
        #expect(row.rate == FalseRejects.Rate(judged: judged, rejected: rejected))
        #expect((row.note != nil) == (judged == 0))
        #expect(row.byTemplate.values.reduce(0) { $0 + $1.judged } == judged)
        #expect(row.examples.count == min(rejected, 3))
        #expect(Set(rejects.rows.map(\.name)).count == 17)
    }

    @Test func ratesByTemplateAndForAnyReason() throws {
        let rejects = FalseRejects(of: try self.file())
        let window = try self.row("window", rejects)
        #expect(window.byTemplate[.state] == FalseRejects.Rate(judged: 3, rejected: 2))
        #expect(window.byTemplate[.whereIsObject]?.share == 1)
        let strict = try self.row("first-word (strict)", rejects)
        #expect(strict.byTemplate[.state] == FalseRejects.Rate(judged: 3, rejected: 1))
        #expect(strict.examples.first?.query == "Was the fridge left open?")
        // Two without text, three windows, no template, a repetition, one nearly so, two questions, a word alone.
        #expect(rejects.any.rate == FalseRejects.Rate(judged: 15, rejected: 10))
        #expect(
            rejects.any.byTemplate[.howMany]?.rejected == 0 && rejects.any.byTemplate[.inWhatLocation]?.rejected == 0)
    }

    @Test func aConfigurationChangesTheRates() throws {
        var configuration = Configuration()
        configuration.set(ValidateOperator.minimumWords, 6)
        configuration.set(ValidateOperator.firstWord, .strict)
        configuration.set(ValidateOperator.duplicateInClip, .sameWindow)
        configuration.set(ValidateOperator.marker, false)
        let rejects = FalseRejects(of: try self.file(), configuration: configuration, examplesMax: 0)
        #expect(try self.row("too-short", rejects).rate.rejected == 7)
        #expect(try self.row("duplicate-in-clip", rejects).rate.rejected == 0)
        #expect(try self.row("first-word", rejects).rate == FalseRejects.Rate(judged: 13, rejected: 1))
        #expect(!rejects.rows.contains { $0.name == "marker" || $0.name == "first-word (strict)" })
        #expect(rejects.any.examples.isEmpty)
    }

    @Test func itsProfileLeavesOutWhatHasNoText() throws {
        let profile = try self.file().profile()
        #expect(profile.queries == 13 && profile.videoCount == 2)
        let measures = profile.measures()
        #expect(measures.first { $0.name == "window-zero" }?.value == 2.0 / 12)
    }

    @Test(arguments: [
        ("", "unexpected end"), ("[]", "expected an object"), ("{\"clips\":[]}", "`videos`"),
        ("{\"videos\":{}}", "expected an array"),
        ("{\"videos\":[{\"clips\":[{\"annotations\":[3]}]}]}", "expected an object"),
        ("{\"videos\":[]} x", "unexpected text"),
    ])
    func whatIsNoSuchFile(text: String, message: String) throws {
        let error = #expect(throws: JSONError.self) { try self.file(text) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test func anEmptyFile() throws {
        let file = try self.file("{\"videos\":[]}")
        #expect(file.count == 0 && file.oddities.isEmpty && file.profile().queries == 0)
        #expect(FalseRejects(of: file).any.rate == FalseRejects.Rate())
    }
}
