// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
import Operations
import RecordLog
import Records
import Shards
import TaskRooms

/// Follows a letter or a hash both ways: to the narrations, by the tasks' explainers, and to the samples that came of
/// the same, by a look through the newest shards and letters, bounded in time and bytes. Says how far it looked.
struct OriginSearch {
    private let home: Home
    private let sets: [String]
    private let surroundings: ExplanationSurroundings
    /// The places that were looked through, in words.
    private(set) var account: [String] = []

    private static let hitsMax = 20
    private static let bytesMax = 4 << 30

    init(home: Home, sets: [String], in surroundings: ExplanationSurroundings) {
        self.home = home
        self.sets = sets
        self.surroundings = surroundings
    }

    // MARK: Letters

    func explanation(of letter: KeptLetter) throws -> Explanation {
        var search = self
        let state = try RetryStanding(of: [letter.id.partition.topic], in: self.surroundings.log).state(of: letter)
        var explanation = LetterPage(letter, state: state).explanation
        let record = Record(key: letter.key, value: letter.value, headers: letter.headers)
        let found = FoundLetter(refused: letter.judged, record: record)
        for explainer in Tasks.registered.explainers {
            guard let trail = try explainer.trail(of: found, in: self.surroundings) else { continue }
            explanation.parts += trail.parts
            if let name = trail.names.first {
                let hits = try search.samples(with: name)
                explanation.parts.append(Self.part(of: hits, "Samples of the same origin", name))
            }
            break
        }
        explanation.parts.append(search.searched)
        return explanation
    }

    // MARK: Hashes and other names

    /// Explains what came of something that no sample has as its id; `nil` where nothing has it at all.
    mutating func explanation(ofName name: String) throws -> Explanation? {
        guard Self.isPlain(name) else {
            self.account.append("it holds characters that no id or hash has, so nothing else was looked through")
            return nil
        }
        var parts: [Explanation.Part] = []
        var needle = name
        if Self.isHash(name) {
            for explainer in Tasks.registered.explainers {
                guard let trail = try explainer.trail(ofHash: name, in: self.surroundings) else { continue }
                parts += trail.parts
                needle = trail.names.first ?? name
                break
            }
            self.account.append("response cache: \(parts.isEmpty ? "nothing" : "found")")
        }
        let hits = try self.samples(with: needle)
        let letters = try self.letters(with: needle)
        if parts.isEmpty, hits.isEmpty, letters.isEmpty { return nil }
        var headline = "`\(name)`, in what came of it."
        if let first = hits.first {
            let sample = FoundSample(set: first.set, file: first.file, line: first.line)
            let explained = try ExplainCommand.explanation(of: sample, in: self.surroundings, by: Tasks.registered)
            headline = "The first of the samples that came of `\(name)`: \(explained.headline)"
            // Prompt and answer are among the sample's own.
            parts = parts.prefix(1).filter { $0.heading == "Hash" } + explained.parts
            parts.append(Self.part(of: hits, "Samples that came of it", needle))
        }
        if !letters.isEmpty {
            var part = Explanation.Part("Letters that have it")
            for letter in letters {
                part.lines.append("\(letter.id)  \(letter.kind)  \(letter.reason)  \(letter.message)")
                part.add("letter") { json in letter.writeHead(to: &json) }
            }
            parts.append(part)
        }
        parts.append(self.searched)
        return Explanation(headline: headline, parts: parts)
    }

    private static func isHash(_ name: String) -> Bool {
        name.utf8.count == 64 && name.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }
    }

    /// Tells whether a name stands in JSON as it is, and is long enough to be one.
    private static func isPlain(_ name: String) -> Bool {
        6...200 ~= name.utf8.count
            && name.utf8.allSatisfy { 0x21...0x7e ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    }

    // MARK: Looking

    private mutating func samples(with name: String) throws -> [LineScan.Hit] {
        let deadline = self.surroundings.deadline ?? .now + .seconds(30)
        var scan = LineScan(for: name, limit: Self.hitsMax, bytesMax: Self.bytesMax, until: deadline)
        for set in self.sets {
            let (manifest, unreadable) = try ShardSets.readable(set, in: self.surroundings.log)
            for problem in unreadable { Console.warning("\(problem); it is passed over") }
            scan.look(in: manifest, of: set, FileShardStorage(folder: self.home.shardFolder(set)))
        }
        for problem in scan.problems { Console.warning("\(problem); it is passed over") }
        self.account.append(
            "shards: \(ProgressReporter.grouped(scan.lines)) lines of the newest \(scan.shards) of \(scan.shardsInAll) shards of "
                + (self.sets.isEmpty ? "no set" : self.sets.joined(separator: ", "))
                + (scan.isCutShort
                    ? ", which the time or the bytes did not suffice for: --search-seconds looks longer" : ""))
        return scan.hits
    }

    private mutating func letters(with name: String) throws -> [KeptLetter] {
        let log = self.surroundings.log
        let rejects = Set(try OwnedStage.all(in: log).compactMap(\.rejects))
        let topics = try log.topics().filter {
            rejects.contains($0.name) || ReservedTopics.name(ofDeadLetters: $0.name) != nil
        }
        let left = (self.surroundings.deadline ?? .now + .seconds(30)) - ContinuousClock.now
        let limits = ReadingLimits(bytes: Self.bytesMax, seconds: max(1, left.seconds))
        let reading = LetterReading(log, limits: limits)
        let needle = Bytes(name.utf8)
        let found = try reading.newest(Self.hitsMax, in: topics, LetterFilter(), .whole) { letter -> KeptLetter? in
            [letter.value, letter.judged].contains { $0?.contains(needle) ?? false } ? letter : nil
        }
        self.account.append(
            "letters: the newest \(ProgressReporter.grouped(reading.report.records)) of "
                + (topics.isEmpty ? "no topic" : topics.map(\.name).joined(separator: ", "))
                + (reading.report.isCutShort ? ", which the time or the bytes did not suffice for" : ""))
        return found
    }

    // MARK: Parts

    private var searched: Explanation.Part {
        var part = Explanation.Part("Looked through")
        part.lines = self.account.map { .text($0) }
        part.add("searched") { json in
            json.key("places")
            json.beginArray()
            for place in self.account { json.value(place) }
            json.endArray()
        }
        return part
    }

    private static func part(of hits: [LineScan.Hit], _ heading: String, _ name: String) -> Explanation.Part {
        var part = Explanation.Part(heading)
        if hits.isEmpty { part.lines = ["none was found with \(name) in its lineage"] }
        for hit in hits {
            let id = (try? JSONValue(parsing: hit.line)).flatMap(self.id)
            part.lines.append("\(hit.set)  \(id ?? KeptLetter.cut(String(decoding: hit.line, as: UTF8.self), 120))")
            part.add("sample") { json in
                json.field("set", hit.set)
                json.field("shard", hit.file)
                json.key("sample")
                json.raw(hit.line)
            }
        }
        if hits.count == Self.hitsMax { part.lines.append("and perhaps more") }
        return part
    }

    /// The first member that is an id, with the first text behind it.
    private static func id(_ line: JSONValue) -> String? {
        guard case .object(let members) = line else { return nil }
        let id = members.first { $0.key == "id" || $0.key.hasSuffix("_id") }?.value.string
        let text = ["query", "goal", "text"].lazy.compactMap { line[$0]?.string }.first
        return id.map { KeptLetter.cut([$0, text].compactMap { $0 }.joined(separator: "  "), 160) }
    }
}
