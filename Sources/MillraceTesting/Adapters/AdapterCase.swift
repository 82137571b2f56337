// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Records
import TaskRooms

/// One promise of adapters, as something to try one by.
public struct AdapterCase: Sendable, CustomStringConvertible {
    /// The promise, in a few words.
    public let name: String
    private let body: @Sendable (any AdapterTrial) throws -> TrialOutcome

    init(_ name: String, _ body: @escaping @Sendable (any AdapterTrial) throws -> TrialOutcome) {
        self.name = name
        self.body = body
    }

    /// The promise, in a few words.
    public var description: String { self.name }

    /// Tries an adapter.
    /// - Throws: `BrokenPromise`, or what the adapter threw unexpectedly.
    public func run(on trial: any AdapterTrial) throws -> TrialOutcome { try self.body(trial) }

    /// The whole suite.
    public static var all: [AdapterCase] { self.whole + self.faults }

    private static let whole: [AdapterCase] = [
        AdapterCase("it says what it is, what it writes and what can be configured") { trial in
            try Self.describes(trial)
            return .kept
        },
        AdapterCase("each group is whole, and its records can be read again") { trial in
            let harvest = try AdapterHarvest(trial)
            try expectEqual(harvest.error?.description, nil, "the refusal of a well-formed sample")
            try expect(harvest.groups.count >= 2, "the sample has \(harvest.groups.count) groups, where two are needed")
            try harvest.check(of: trial.main)
            return .kept
        },
        AdapterCase("the same file makes the same groups, ids included, wherever it lies") { trial in
            let first = try AdapterHarvest(trial)
            try expectEqual(try AdapterHarvest(trial), first, "the file in another folder")
            let folder = try TrialFolder(trial.files)
            let again = try AdapterHarvest(trial, in: folder)
            try expectEqual(try AdapterHarvest(trial, in: folder), again, "the file, read again")
            return .kept
        },
        AdapterCase("where a chunk of the file ends makes no difference") { trial in
            let whole = try AdapterHarvest(trial)
            for bytes in [1, 2, 3, 7, 64, 1000] {
                let chunked = try FileReader.withChunks(of: bytes) { try AdapterHarvest(trial) }
                try expectEqual(chunked, whole, "read in chunks of \(bytes) bytes")
            }
            return .kept
        },
        AdapterCase("groups are handed out while the file is read") { trial in
            guard trial.isStreamed else { return .skipped("it gathers the whole file") }
            let folder = try TrialFolder(trial.files)
            try Self.streams(trial, folder)
            return .kept
        },
        AdapterCase("what the taker throws ends the reading, and is thrown on") { trial in
            let folder = try TrialFolder(trial.files)
            try Self.stops(trial, folder)
            return .kept
        },
        AdapterCase("line ends of either kind, and a mark before the first, are no content") { trial in
            let whole = try AdapterHarvest(trial)
            var files = trial.files
            let main = files[trial.main] ?? []
            try expect(!main.contains(0x0d), "the sample has carriage returns: leave them to the suite")
            files[trial.main] = [0xef, 0xbb, 0xbf] + main
            try expectEqual(
                try AdapterHarvest(trial, files: files).groups.map(\.digest), whole.groups.map(\.digest), "with a mark")
            files[trial.main] = Bytes(main.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] })
            try expectEqual(
                try AdapterHarvest(trial, files: files).groups.map(\.digest), whole.groups.map(\.digest),
                "with lines that end in CRLF")
            return .kept
        },
    ]

    private static func describes<Trial: AdapterTrial>(_: Trial) throws {
        try expect(Wording.isName(Trial.Adapter.name), "`\(Trial.Adapter.name)` is no name for a command line")
        let topic = Trial.Adapter.topic
        try expect(
            !topic.isEmpty && ReservedTopics.problem(writing: topic) == nil, "`\(topic)` is no topic to write to")
        let words = Trial.Adapter.Group.words
        try expect(
            ![words.groups, words.wholeGroups, words.records].contains(""), "its groups have no words: \(words)")
        guard let type = Trial.Adapter.self as? any ConfigurableAdapter.Type else { return }
        let specification = type.specification
        try expect(Wording.isSentence(specification.summary), "the summary is no sentence: “\(specification.summary)”")
        try FieldRules.check(specification.fields, of: specification.name)
        try FieldRules.checkRefusals(specification.fields)
        for field in specification.fields {
            try expect(!(field is Section), "`\(field.name)` is a section, which a command line cannot give")
        }
        for line in specification.examples {
            try expect(line.count <= 76, "an example is wrapped at 80 columns: \(line)")
        }
    }

    /// The taker wants no more.
    private struct Enough: Error {}

    private static func streams<Trial: AdapterTrial>(_ trial: Trial, _ folder: TrialFolder) throws {
        let bytes = trial.files[trial.main]?.count ?? 0
        var read = 0
        var first: Int?
        try FileReader.withChunks(of: 16) {
            try trial.makeAdapter(in: folder.path).read(
                progress: { read = max(read, $0.bytesRead) },
                { item in if case .group = item, first == nil { first = read } })
        }
        try expect(read > 0, "it tells nobody how far it is: `progress` is never called")
        try expect((first ?? bytes) < bytes, "the first group came when all \(bytes) bytes were read")
    }

    private static func stops<Trial: AdapterTrial>(_ trial: Trial, _ folder: TrialFolder) throws {
        var taken = 0
        do {
            try trial.makeAdapter(in: folder.path).read { _ in
                taken += 1
                throw Enough()
            }
        } catch is Enough {
            return try expectEqual(taken, 1, "the items handed out to a taker that wanted none")
        }
        throw BrokenPromise("what the taker throws is lost", file: #fileID, line: #line)
    }
}
