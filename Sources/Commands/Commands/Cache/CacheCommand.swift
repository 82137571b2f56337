// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ModelAnswerCache

/// `millrace cache`
struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract: "Look after the answers of language models, which are kept so that no request is paid for twice.",
        discussion: """
            The answers are in the home's folder `cache`. Nothing is removed from there by itself. All of these commands may
            run while others use the cache, and may be stopped with Ctrl-C at any time.

            EXAMPLES
              millrace cache stats
              millrace cache verify
              millrace cache prune --before 90d --dry-run
              millrace cache export answers.jsonl.zst
              millrace cache import answers.jsonl.zst --home elsewhere
            """,
        subcommands: [Stats.self, Verify.self, Prune.self, Export.self, Import.self])

    /// Does what takes long over many entries: tells how far it is, and ends early on Ctrl-C.
    ///
    /// - Parameter body: is given a function that takes the number of entries so far, and answers whether to go on.
    static func watched<Report>(
        _ action: String, _ unit: String, _ body: (_ goesOn: (Int) -> Bool) throws -> Report
    ) rethrows -> Report {
        let interrupts = Interrupts("stopping; once more to stop now")
        defer { interrupts.cancel() }
        let progress = ProgressReporter()
        defer { progress.finish() }
        return try body { count in
            progress.show { _ in "\(action): \(ProgressReporter.grouped(count)) \(unit)" }
            return !Interrupts.hasCome
        }
    }

    /// Opens the cache of the home, and sorts the errors.
    static func withCache(
        _ common: CommonOptions, readOnly: Bool, mustExist: Bool = false, _ body: (ResponseCache) throws -> Void
    ) throws {
        let home = try common.makeHome()
        do {
            var options = ResponseCache.Options()
            options.readOnly = readOnly
            options.mustExist = mustExist
            let cache = try ResponseCache(folder: home.cacheFolder, options: options)
            defer { cache.close() }
            try body(cache)
        } catch let error as CacheError {
            let isUsage = error.code == .versionTooNew || error.code == .missing
            throw CommandFailure(isUsage ? .usage : .failed, error.message)
        }
    }
}
