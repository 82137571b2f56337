// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Engine
import Foundation
import Records
import TaskRooms

/// An annotation file with the adapter that reads it, whichever that is.
struct PreviewSource {
    /// The source's name: `ego4d`.
    let name: String
    /// The topic that an ingest would write to.
    let topic: String
    /// Hands each group's records to a closure, until that answers that it wants no more.
    let read: (_ body: (RecordBatch) throws -> Bool) throws -> [String: Int]

    /// Finds the adapter that reads a file.
    /// - Parameters:
    ///   - named: the source's name; by default the first that makes records of the file.
    ///   - more: the source's own options beside the file, as `millrace ingest` takes them.
    static func find(_ file: String, named: String?, more: [String]) throws -> PreviewSource {
        guard FileManager.default.fileExists(atPath: file) else {
            throw CommandFailure(.usage, "there is no file \(file)")
        }
        let sources = Tasks.registered.sources
        let names = sources.map(TaskRegistry.name)
        if let named, !names.contains(named) {
            throw CommandFailure(.usage, "there is no source `\(named)`: it is one of \(names.joined(separator: ", "))")
        }
        var best: (source: PreviewSource, problems: Int)?
        var reasons: [String] = []
        for source in sources where named == nil || TaskRegistry.name(of: source) == named {
            do {
                let candidate = try Self.open(source, file, more)
                let problems = try candidate.probe()
                if let problems, problems < best?.problems ?? .max { best = (candidate.source, problems) }
                if problems == 0 { break }
            } catch {
                if named != nil { throw error }
                reasons.append("\(TaskRegistry.name(of: source)): \(Self.words(error))")
            }
        }
        if let best { return best.source }
        throw CommandFailure(
            .usage,
            "no source makes records of \(file); name the right one with --source, and its own options behind `--`, as "
                + "`millrace ingest SOURCE --help` has them" + reasons.map { "\n  \($0)" }.joined())
    }

    private static func words(_ error: any Error) -> String {
        let text = (error as? CommandFailure)?.message ?? "\(error)"
        return text.count > 300 ? text.prefix(300) + "…" : text
    }

    /// A source that may or may not read the file; `probe` answers with how many problems it met before the first
    /// records, and `nil` where it met none.
    private struct Candidate {
        let source: PreviewSource
        let probe: () throws -> Int?
    }

    private static func open<Arguments: SourceArguments>(
        _: Arguments.Type, _ file: String, _ more: [String]
    ) throws -> Candidate {
        let adapter = try Self.arguments(Arguments.self, file, more).makeAdapter()
        let source = PreviewSource(name: Arguments.Adapter.name, topic: Arguments.Adapter.topic) { body in
            var problems: [String: Int] = [:]
            try Self.reading {
                try adapter.read { item in
                    switch item {
                    case .group(let group):
                        for problem in group.problems { problems[problem.reason, default: 0] += 1 }
                        var batch = RecordBatch()
                        EncodedGroup(group).append(to: &batch, key: Bytes(group.key.utf8), revision: 1)
                        guard try body(batch) else { throw Enough() }
                    case .problem(let problem): problems[problem.reason, default: 0] += 1
                    case .count(let reason, let number): problems[reason, default: 0] += number
                    }
                }
            }
            return problems
        }
        return Candidate(source: source) {
            var problems = 0
            var isFound = false
            try Self.reading {
                try adapter.read { item in
                    switch item {
                    case .group(let group):
                        problems += group.problems.count
                        isFound = group.count > 0
                    case .problem: problems += 1
                    case .count: break
                    }
                    if isFound || problems > Self.problemsMax { throw Enough() }
                }
            }
            return isFound ? problems : nil
        }
    }

    /// A file of which so much cannot be used is another source's.
    private static let problemsMax = 50

    /// No more is wanted.
    private struct Enough: Error {}

    private static func reading(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch is Enough {}
    }

    /// The source's arguments with the file as the value of the option that it cannot do without.
    private static func arguments<Arguments: SourceArguments>(
        _: Arguments.Type, _ file: String, _ more: [String]
    ) throws -> Arguments {
        var words = more
        do {
            return try Arguments.parse(words)
        } catch {
            let message = Arguments.message(for: error)
            guard let option = message.firstMatch(of: /Missing expected argument '(--[a-z0-9-]+)/)?.1 else {
                throw CommandFailure(.usage, message)
            }
            words += [String(option), file]
        }
        do {
            return try Arguments.parse(words)
        } catch {
            throw CommandFailure(.usage, Arguments.message(for: error))
        }
    }
}
