// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Foundation
import Records
import TaskRooms

/// The files of a trial in a folder of their own, which goes with it.
final class TrialFolder {
    let path: String

    init(_ files: [String: Bytes]) throws {
        self.path = NSTemporaryDirectory() + "/millrace-trial-\(UUID().uuidString)"
        for (name, bytes) in files { try self.write(bytes, to: name) }
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func write(_ bytes: Bytes, to name: String) throws {
        let url = URL(fileURLWithPath: self.path).appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }
}

/// All that an adapter hands out, and the error that it ends with.
struct AdapterHarvest: Equatable {
    /// A group as it would be written.
    struct Group: Equatable {
        var name: String
        var key: String
        var digest: String
        var records: [Bytes]
        var problems: [SourceProblem]
        var counts: [String: Int]
    }

    var groups: [Group] = []
    /// Of groups, too, in their order.
    var problems: [SourceProblem] = []
    var counts: [String: Int] = [:]
    var error: SourceError?

    /// Reads the files of a folder, with an adapter that is opened for it.
    init<Trial: AdapterTrial>(_ trial: Trial, in folder: TrialFolder) throws {
        do {
            try self.read(try trial.makeAdapter(in: folder.path))
        } catch let error as SourceError {
            self.error = error
        }
    }

    init<Trial: AdapterTrial>(_ trial: Trial, files: [String: Bytes]? = nil) throws {
        let folder = try TrialFolder(files ?? trial.files)
        try self.init(trial, in: folder)
        // Messages name the place of the file, which differs from folder to folder.
        self.forget(folder.path + "/")
    }

    private mutating func forget(_ folder: String) {
        func forget(_ problem: inout SourceProblem) { problem.message = problem.message.replacing(folder, with: "") }
        for index in self.problems.indices { forget(&self.problems[index]) }
        for index in self.groups.indices {
            for number in self.groups[index].problems.indices { forget(&self.groups[index].problems[number]) }
        }
        self.error?.file.replace(folder, with: "")
        self.error?.message.replace(folder, with: "")
    }

    private mutating func read<Adapter: SourceAdapter>(_ adapter: Adapter) throws {
        try adapter.read { item in
            switch item {
            case .group(let group): try self.add(group)
            case .problem(let problem): self.problems.append(problem)
            case .count(let reason, let number): self.counts[reason, default: 0] += number
            }
        }
    }

    /// Takes a group, and checks what holds for each, whatever the file.
    private mutating func add(_ group: some RecordGroup) throws {
        try expect(!group.name.isEmpty, "a group has no name")
        try expect(!group.key.isEmpty, "the group `\(group.name)` has no key")
        var records = [group.first(revision: 1).json]
        group.forEach { records.append($0.json) }
        try expectEqual(
            records.count - 1, group.count, "the records of `\(group.name)`, which says that it has `count`")
        records.append(group.end.json)
        for record in records { try Self.check(record, like: group.end, of: group.name) }
        for problem in group.problems { try Self.check(problem) }
        for (reason, count) in group.counts {
            try expect(Wording.isReason(reason) && count >= 0, "`\(reason)`: \(count) is no count")
        }
        self.groups.append(
            Group(
                name: group.name, key: group.key, digest: EncodedGroup(group).digest, records: records,
                problems: group.problems, counts: group.counts))
        self.problems += group.problems
        self.counts.merge(group.counts, uniquingKeysWith: +)
    }

    private static func check<Value: StreamValue>(_ record: Bytes, like: Value, of group: String) throws {
        let written: Bytes
        do throws(JSONError) {
            written = try StreamType(Value.self).rewritten(record)
        } catch {
            let text = String(decoding: record.prefix(400), as: UTF8.self)
            throw BrokenPromise("a record of `\(group)` cannot be read: \(error): \(text)", file: #fileID, line: #line)
        }
        try expectEqual(written, record, "a record of `\(group)`, read and written")
    }

    private static func check(_ problem: SourceProblem) throws {
        try expect(Wording.isReason(problem.reason), "`\(problem.reason)` is no reason to count by")
        try expect(problem.message.count > 8, "the problem `\(problem.reason)` does not say what is wrong")
        try expect(problem.raw.count <= SourceProblem.rawBytesMax + 100, "a problem keeps \(problem.raw.count) bytes")
    }

    /// The rules for everything that came of a file, well-formed or not.
    func check(of main: String) throws {
        for problem in self.problems { try Self.check(problem) }
        for (reason, count) in self.counts {
            try expect(Wording.isReason(reason) && count >= 0, "`\(reason)`: \(count) is no count")
        }
        try expectEqual(Set(self.groups.map(\.name)).count, self.groups.count, "groups of different names")
        if let error {
            try expect(error.message.count > 8, "the refusal of \(error.file) does not say why: \(error.message)")
            try expect(!error.file.isEmpty, "a refusal names no file: \(error.message)")
        }
    }
}
