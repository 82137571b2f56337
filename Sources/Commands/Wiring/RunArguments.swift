// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Engine
import ModelCalls

/// Options for a topology's run, shared by `run` and `replay`.
struct RunArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Source records a second, at most.", valueName: "n"))
    var maxRate: Double?

    @Option(help: "Threads that run tasks; by default as many as cores, on Kafka four times as many.")
    var threads: Int?

    @Flag(help: "Let videos pass for which no exclusion list was given at ingest, so none is known to be safe.")
    var allowUnguarded = false

    @Option(
        help: ArgumentHelp(
            "Calls to model servers, at most, probes, retries and repairs among them: then the run ends with exit code 1, "
                + "and the next one goes on.",
            valueName: "n"))
    var maxCalls: Int?

    @Option(help: ArgumentHelp("Tokens of prompts and answers, at most, in the same way.", valueName: "n"))
    var maxTokens: Int?

    @Option(
        help: ArgumentHelp(
            "Longest wait for a model server that does not answer, such as 90, 90s, 10m or 2h: then the run ends with "
                + "exit code 1, and the next one goes on. For ever by default.", valueName: "time"))
    var maxWait: WaitLimit?

    @OptionGroup var media: MediaOption

    @Option(help: ArgumentHelp("Silence of a process after which others take its partitions.", valueName: "ms"))
    var sessionTimeout = 10_000

    @Option(
        help: ArgumentHelp(
            "Time that the end may take once it is asked for by SIGTERM or Ctrl-C: for calls that have been sent and the "
                + "last commits. Then the process ends; what was not committed is read again.", valueName: "s"))
    var drainSeconds = Interrupts.drainSeconds

    func validate() throws {
        if !(0.1...86_400).contains(self.drainSeconds) {
            throw ValidationError("--drain-seconds wants 0.1 to 86400 seconds.")
        }
        if let maxRate, !(0.001...1e9 ~= maxRate) {
            throw ValidationError("--max-rate wants 0.001 to 1000000000 records a second.")
        }
        if let threads, threads < 1 { throw ValidationError("--threads wants at least 1.") }
        for (name, limit) in [("--max-calls", self.maxCalls), ("--max-tokens", self.maxTokens)] {
            if let limit, !JSONScanner.counts.contains(limit) {
                throw ValidationError("\(name) wants 0 to \(JSONScanner.counts.upperBound).")
            }
        }
        if !(100...600_000).contains(self.sessionTimeout) {
            throw ValidationError("--session-timeout wants 100 to 600000 milliseconds.")
        }
    }

    /// The limits on what may be spent on models.
    var limits: BudgetLimits? {
        self.maxCalls == nil && self.maxTokens == nil ? nil : BudgetLimits(calls: self.maxCalls, tokens: self.maxTokens)
    }

    /// The options, over a home's log.
    func options(for home: Home) -> RunOptions {
        var options = RunOptions()
        options.maxRate = self.maxRate
        // Commits to a log elsewhere wait for its answers most of their time.
        if home.logIsRemote { options.threads *= 4 }
        if let threads { options.threads = threads }
        options.allowUnguarded = self.allowUnguarded
        options.sessionTimeoutMilliseconds = self.sessionTimeout
        options.drainSeconds = self.drainSeconds * 0.8
        return options
    }
}
