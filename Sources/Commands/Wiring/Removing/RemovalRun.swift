// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Engine
import Foundation
import RecordLog
import Records
import Shards

/// Options of the commands that remove something.
struct RemovalArguments: ParsableArguments {
    @Flag(help: "Say what would go, and remove nothing.")
    var dryRun = false

    @Flag(help: "Remove without asking; needed where no terminal can be asked.")
    var yes = false
}

/// Shows what a removal comprises, asks, and removes.
struct RemovalRun {
    let home: Home
    let request: RemovalRequest
    /// The words for what is removed.
    let subject: String
    let arguments: RemovalArguments
    let isJSON: Bool

    func run() throws {
        if self.arguments.dryRun {
            let log = try self.home.openLogToRead()
            defer { log.close() }
            return try self.show(log)
        }
        // A log that is not there is not made.
        try self.home.openLogToRead().close()
        let log = try self.home.openLog()
        defer { log.close() }
        if try self.home.finishRemovals(in: log).contains(self.subject) { return try self.reportFinished() }
        let remover = self.home.remover(of: log)
        let contents = try self.contents(remover, log)
        if let problem = try self.problems(contents, remover).first { throw CommandFailure(.usage, problem) }
        if !self.arguments.yes { try self.ask(contents) }
        do {
            try remover.perform(contents.plan, subject: self.subject)
        } catch let error as LogError where error.code == .inUse {
            throw CommandFailure(.usage, error.message)
        }
        if self.isJSON { return try Results.json(contents.json(isDone: true)) }
        try Results.lines(["removed \(self.subject)"] + contents.lines.map { "  \($0)" })
    }

    private func reportFinished() throws {
        guard self.isJSON else { return try Results.line("removed \(self.subject)") }
        var json = JSONWriter()
        json.beginObject()
        json.field("removal", self.subject)
        json.key("removed")
        json.value(true)
        json.endObject()
        try Results.json(json.bytes)
    }

    private func show(_ log: any RecordLog) throws {
        for pending in try log.pendingRemovals() {
            Console.warning("the removal of \(pending) was interrupted; the next run or removal finishes it")
        }
        let remover = self.home.remover(of: log)
        let contents = try self.contents(remover, log)
        if self.isJSON {
            try Results.json(contents.json(isDone: false))
        } else {
            try Results.lines(["would remove \(self.subject)"] + contents.lines.map { "  \($0)" })
        }
        for problem in try self.problems(contents, remover) { Console.warning("now it would be refused: \(problem)") }
    }

    private func contents(_ remover: Remover, _ log: any RecordLog) throws -> RemovalContents {
        let plan: RemovalPlan
        do { plan = try remover.plan(self.request) } catch let refusal as RemovalRefusal {
            throw CommandFailure(.usage, refusal.message)
        }
        return try RemovalContents(plan, subject: self.subject, log: log, home: self.home)
    }

    /// The processes that are at work on what would go.
    private func problems(_ contents: RemovalContents, _ remover: Remover) throws -> [String] {
        try remover.inUse(contents.plan).map(\.message)
            + contents.trainings.filter(\.isLive).map {
                "a training in \($0.folder) is at work on the shards `\($0.set)`: stop it first; nothing was removed"
            }
            + contents.plan.topics.filter { IngestLock.isHeld($0, in: self.home) }.map {
                "an ingest is filling the topic `\($0)`: stop it first; nothing was removed"
            }
    }

    private func ask(_ contents: RemovalContents) throws {
        guard isatty(STDIN_FILENO) == 1, Console.isTerminal else {
            throw CommandFailure(
                .usage,
                "removing \(self.subject) cannot be undone and nobody can be asked here: look with --dry-run, then say --yes"
            )
        }
        for line in ["this removes \(self.subject):"] + contents.lines.map({ "  \($0)" }) { Console.text(line) }
        Console.text("It cannot be undone. Type yes to remove it:")
        let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased()
        guard answer == "yes" || answer == "y" else { throw CommandFailure(.usage, "nothing was removed") }
    }
}

extension Home {
    /// The files of a set in this home, in the order in which they are to go.
    func files(ofSet set: String) throws -> [String] {
        guard ShardName.isValid(name: set) else { return [] }
        do throws(ShardError) {
            return SetFiles.own(try FileShardStorage(folder: self.shardFolder(set)).list(), name: set)
        } catch  where error.code == .missing { return [] }
    }

    /// The size of a file of a set, in bytes; 0 where it is not there.
    func size(of file: String, in set: String) -> Int {
        var status = stat()
        return lstat("\(self.shardFolder(set))/\(file)", &status) == 0 ? Int(status.st_size) : 0
    }

    /// Removes from this home's log, and the files of its sets.
    func remover(of log: any RecordLog) -> Remover {
        Remover(log: log, files: self.files(ofSet:)) { set, files in
            guard ShardName.isValid(name: set) else { return }
            let storage = FileShardStorage(folder: self.shardFolder(set))
            for file in files { try storage.remove(file) }
            if !files.isEmpty { try storage.synchronizeFolder() }
            // Also where a removal was killed when it had removed the last file. A folder in which somebody keeps
            // something else stays.
            rmdir(storage.location)
        }
    }

    /// Finishes removals that were interrupted, before anything works on half of what there was.
    @discardableResult
    func finishRemovals(in log: any RecordLog) throws -> [String] {
        let finished = try self.remover(of: log).finishPending(unfinished: Console.warning)
        for subject in finished { Console.info("finished the removal of \(subject), which was interrupted") }
        return finished
    }
}
