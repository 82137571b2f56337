// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Engine
import Foundation
import RecordLog
import Records

/// `millrace status`
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show groups with their lag, rates and last commits, and the shards, open ones too.",
        discussion: """
            A stage that has not committed anything yet is there with all that waits for it. Since ever is since a stage's \
            first commit, by whatever process; this run is what the processes that live have committed since they started, \
            as each has told within the last seconds.

            EXAMPLES
              millrace status
              millrace status --watch
              millrace status --watch 10 >> status.log
              millrace status --json | jq '.groups[].lag'
            """)

    @Flag(help: "Look again and again until Ctrl-C: redrawn on a terminal, a block each time elsewhere.")
    var watch = false

    @Argument(help: ArgumentHelp("With --watch: seconds between two looks; 2 by default.", valueName: "seconds"))
    var seconds: Double?

    @Option(help: "Seconds over which rates are measured; 0 shows none. With --watch it is the time between looks.")
    var interval = 1.0

    @OptionGroup(title: "Options of every command") var common: CommonOptions

    private static let watchSeconds = 0.1...86_400.0

    func validate() throws {
        if !(0...60).contains(self.interval) { throw ValidationError("--interval wants 0 to 60 seconds.") }
        guard let seconds else { return }
        if !self.watch { throw ValidationError("Seconds between looks go with --watch.") }
        if !Self.watchSeconds.contains(seconds) { throw ValidationError("--watch wants 0.1 to 86400 seconds.") }
    }

    func run() throws {
        let home = try self.common.makeHome()
        try CommandFailure.reporting {
            let log = try home.openLogToRead()
            defer { log.close() }
            if self.watch { return try self.lookAgain(log, home) }
            let exchange = home.figureExchange(log)
            let before = try log.groups()
            let start = ContinuousClock.now
            if self.interval > 0, before.contains(where: { !$0.members.isEmpty }) {
                Thread.sleep(forTimeInterval: self.interval)
            }
            let status = try Status(
                log: log, home: home, exchange: exchange, before: before,
                seconds: (ContinuousClock.now - start).seconds)
            if self.common.json { try Results.json(status.json) } else { try Results.text(status.text) }
            try Unreadable.report(status.sets.flatMap(\.unreadable))
        }
    }

    private func lookAgain(_ log: any RecordLog, _ home: Home) throws {
        let interrupts = Interrupts("stopped watching")
        defer { interrupts.cancel() }
        let pause = Duration.seconds(self.seconds ?? 2)
        let exchange = home.figureExchange(log)
        var before: [GroupDescription] = []
        var lookedAt = ContinuousClock.now
        while !Interrupts.hasCome {
            let now = ContinuousClock.now
            let status = try Status(
                log: log, home: home, exchange: exchange, before: before, seconds: (now - lookedAt).seconds)
            before = status.descriptions
            lookedAt = now
            try self.show(status)
            while !Interrupts.hasCome, ContinuousClock.now - now < pause { Thread.sleep(forTimeInterval: 0.02) }
        }
    }

    private func show(_ status: Status) throws {
        if self.common.json {
            try Results.json(status.json)
            return try Results.flush()
        }
        let problems = status.sets.flatMap(\.unreadable).map { "\($0); it is left out" }
        let time = Date().formatted(.iso8601)
        let lines = [time] + status.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        try Results.redraw(lines + problems)
    }
}
