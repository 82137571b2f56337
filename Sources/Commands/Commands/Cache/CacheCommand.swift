// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Codecs
import Foundation
import ModelAnswerCache
import Records

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
