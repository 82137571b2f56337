// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import Records

/// The findings of an index in one shard.
struct SampleIndexEntry<Counts: SampleCounts>: Hashable, Codable {
    /// The shard's SHA-256.
    var shard: String
    /// Its samples.
    var samples: Int
    /// Those that can be used, in runs: first, count, first, count, …
    private(set) var runs: [Int] = []
    /// The sequences of its lines, where the network wants them.
    var stretches: [SequenceStretch]?
    /// The counts.
    var counts = Counts()

    init(shard: String, samples: Int) {
        self.shard = shard
        self.samples = samples
    }

    /// Takes a sample, whose number is above all before.
    mutating func add(_ number: Int) {
        if let count = self.runs.last, self.runs[self.runs.count - 2] + count == number {
            self.runs[self.runs.count - 1] += 1
        } else {
            self.runs += [number, 1]
        }
    }

    /// The numbers of those that can be used.
    var ranges: [Range<Int>] {
        stride(from: 0, to: self.runs.count, by: 2).map { self.runs[$0]..<self.runs[$0] + self.runs[$0 + 1] }
    }

    /// Tells whether runs and stretches are within the shard, and follow each other.
    var isSound: Bool {
        guard 0...Int(Int32.max) ~= self.samples, self.runs.count % 2 == 0,
            self.stretches?.isSound(lines: self.samples) != false
        else { return false }
        var end = 0
        for place in stride(from: 0, to: self.runs.count, by: 2) {
            let first = self.runs[place], count = self.runs[place + 1]
            guard first >= end, first <= self.samples, count > 0, count <= self.samples - first else { return false }
            end = first + count
        }
        return true
    }

    var usableCount: Int { stride(from: 1, to: self.runs.count, by: 2).reduce(0) { $0 + self.runs[$1] } }
}

/// The findings of an index, a line a shard: a hash and a JSON object. The hash is of the key or the hash before, and
/// of the object, so that what was found under another key, and what is damaged, is not taken; from there on the file
/// is written anew. It can be lost without harm.
final class SampleIndexFile<Counts: SampleCounts> {
    private let path: String
    private let key: String
    private var entries: ArraySlice<SampleIndexEntry<Counts>> = []
    /// The ends of the entries, and their hashes.
    private var ends: ArraySlice<(offset: Int, hash: String)> = []
    private var taken: (offset: Int, hash: String)
    /// Lines that are not written yet.
    private var pending: Bytes = []
    /// Their place in the file.
    private var end = 0

    /// Opens a file, which need not be there.
    init(path: String, key: String) {
        self.path = path
        self.key = key
        self.taken = (0, key)
        guard let data = try? InputFile.contents(path, bytesMax: 1 << 30) else { return }
        var offset = 0, hash = key
        for line in data.split(separator: 0x0a, omittingEmptySubsequences: false).dropLast() {
            guard let space = line.firstIndex(of: 0x20) else { break }
            let json = Bytes(line[(space + 1)...])
            hash = Self.hash(hash, json)
            guard line[..<space].elementsEqual(hash.utf8),
                let entry = try? PlainDecoder.decode(SampleIndexEntry<Counts>.self, from: json), entry.isSound
            else { break }
            offset += line.count + 1
            self.entries.append(entry)
            self.ends.append((offset, hash))
        }
    }

    private static func hash(_ before: String, _ json: Bytes) -> String {
        ContentHash.sha256(Bytes(before.utf8) + [0x20] + json)
    }

    /// The next entry, if it is of this shard; else nothing that is left is taken.
    func next(shard: String, samples: Int) -> SampleIndexEntry<Counts>? {
        guard let entry = self.entries.first, let end = self.ends.first, entry.shard == shard, entry.samples == samples
        else {
            self.entries = []
            return nil
        }
        self.entries.removeFirst()
        self.ends.removeFirst()
        self.taken = end
        return entry
    }

    /// Takes a new entry behind those that were taken.
    func append(_ entry: SampleIndexEntry<Counts>) throws(TrainingError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        guard let json = try? encoder.encode(entry) else {
            throw TrainingError(.failed, "what was found in a shard could not be written down; start another --output")
        }
        if self.pending.isEmpty { self.end = self.taken.offset }
        let hash = Self.hash(self.taken.hash, Bytes(json))
        let line = Bytes("\(hash) ".utf8) + Bytes(json) + [0x0a]
        self.pending += line
        self.taken = (self.taken.offset + line.count, hash)
    }

    /// Writes the new entries in the place of what was not taken.
    func save() throws(TrainingError) {
        guard !self.pending.isEmpty else { return }
        truncate(self.path, off_t(self.end))
        try DurableFile.append(self.pending, to: self.path)
        self.pending = []
    }
}
