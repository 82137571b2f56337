// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import MillraceTesting
import Records
import TaskRooms
import Testing

/// The coins of a name.
struct Pile: RecordGroup {
    static let words = GroupWords(groups: "piles", wholeGroups: "piles", records: "coins")
    var name: String
    var coins: [Int] = []
    var says: Int?
    var key: String { self.name }
    var count: Int { self.says ?? self.coins.count }
    func first(revision: Int) -> Coin { Coin(self.name, revision) }
    func forEach(_ body: (Coin) -> Void) { for coin in self.coins { body(Coin(self.name, coin)) } }
    var end: Coin { Coin(self.name, self.coins.count, isLast: true) }
}

/// Piles of coins, one a line: `a 1 2 3`; breaks a promise if told to.
struct PileAdapter: SourceAdapter {
    enum Fault: CaseIterable, Sendable {
        case dropsInSilence, namesNoValue, idsByFolder, gathers, swallows, takesHalves, losesGroups, byChunk, miscounts
    }
    static let name = "piles"
    static let topic = "coins"
    let file: String
    var fault: Fault?

    func read(progress: ProgressHandler?, _ body: (SourceItem<Pile>) throws -> Void) throws {
        var lines = LineReader(try FileReader.text(path: self.file, progress: progress))
        var items: [SourceItem<Pile>] = []
        var seen: Set<String> = []
        while try lines.next() {
            if self.fault == .byChunk, lines.reader.chunkOffset > 0, lines.line == 2 { continue }
            guard let item = try self.item(lines, &seen) else { continue }
            if self.fault == .gathers {
                items.append(item)
            } else if self.fault == .swallows {
                do { try body(item) } catch {}
            } else {
                try body(item)
            }
        }
        for item in items { try body(item) }
    }

    private func item(_ lines: LineReader, _ seen: inout Set<String>) throws -> SourceItem<Pile>? {
        let parts = String(decoding: lines.bytes, as: UTF8.self).split(separator: " ").map(String.init)
        guard lines.isEnded || self.fault == .takesHalves else {
            throw SourceError(file: self.file, line: lines.line, "breaks off in this line: get a whole copy")
        }
        guard let name = parts.first else { return nil }
        let words = parts.dropFirst().filter { Int($0).map { 0...1000 ~= $0 } != true }
        guard words.isEmpty, seen.insert(name).inserted, !name.contains("\0") else {
            if self.fault == .dropsInSilence { return nil }
            if self.fault == .losesGroups { throw SourceError(file: self.file, "has a line that is no pile") }
            let value = self.fault == .namesNoValue ? "" : words.joined(separator: " ")
            return .problem(
                lines.problem(SourceFault("no-coin", "`amount` is \(value): give numbers to 1000"), key: name))
        }
        let prefix = self.fault == .idsByFolder ? self.file : ""
        let coins = parts.dropFirst().compactMap { Int($0) }
        return .group(Pile(name: prefix + name, coins: coins, says: self.fault == .miscounts ? 1 : nil))
    }
}

/// The suite finds out adapters that break a promise, and lets one pass that breaks none.
@Suite("Adapters that break promises") struct FaultyAdapterTests {
    private static func trial(_ fault: PileAdapter.Fault?) -> SampleTrial<PileAdapter> {
        SampleTrial(
            [("piles.txt", "a 1 2\nb 3 4 5\nc 6 7\nd 8\n")], cuts: .withinLines,
            faults: [
                AdapterFault(
                    "4 5", with: "4 5000", is: .problem("no-coin"), saying: ["5000", "amount"], touching: ["b"])
            ]
        ) { PileAdapter(file: $0 + "/piles.txt", fault: fault) }
    }

    private static func broken(_ fault: PileAdapter.Fault?) -> [String] {
        AdapterCase.all.compactMap { promise in
            do {
                let outcome = try promise.run(on: Self.trial(fault))
                return outcome == .kept ? nil : "\(promise): \(outcome)"
            } catch {
                return "\(promise): \(error)"
            }
        }
    }

    @Test("One that breaks none passes, and nothing of it is left out")
    func sound() { #expect(Self.broken(nil) == []) }

    @Test("Each that breaks one is found out", arguments: PileAdapter.Fault.allCases)
    func faulty(_ fault: PileAdapter.Fault) { #expect(!Self.broken(fault).isEmpty) }
}
