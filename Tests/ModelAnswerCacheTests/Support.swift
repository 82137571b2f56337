// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import GRDB
import ModelAnswerCache
import Records
import Synchronization

/// A folder that is removed with the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "responsecache-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.path = url.path
    }

    /// The folder of the cache.
    var cache: String { self.path + "/cache" }

    /// The file of the cache.
    var file: String { self.cache + "/answers.db" }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func open(_ change: (inout ResponseCache.Options) -> Void = { _ in }) throws -> ResponseCache {
        var options = ResponseCache.Options()
        change(&options)
        return try ResponseCache(folder: self.cache, options: options)
    }

    /// Changes the file behind the cache's back.
    func edit(_ sql: String) throws {
        let queue = try DatabaseQueue(path: self.file)
        try queue.writeWithoutTransaction { db in try db.execute(sql: sql) }
        try queue.close()
    }
}

/// The keys that were reported, from any thread.
final class Reports: Sendable {
    private let items = Mutex<[CacheKey]>([])
    var keys: [CacheKey] { self.items.withLock { $0 } }
    func add(_ key: CacheKey) { self.items.withLock { $0.append(key) } }
}

/// An entry that its number decides, with a request whose SHA-256 is its key.
func entry(_ number: Int, answer: String? = nil, model: String = "gemma") throws -> CacheEntry {
    let request = request(number)
    let words = String(repeating: "where did I put it? ", count: number % 40)
    let text = answer ?? "{\"id\":\"\(number)\",\"text\":\"\(words)\"}"
    return CacheEntry(
        key: try CacheKey(ofRequest: request), model: model, storedAt: 1_750_000_000_000 + Timestamp(number),
        answer: Bytes(text.utf8), request: request)
}

func request(_ number: Int) -> Bytes {
    let constant = (0..<200).map { "rule \($0 &* 7919 % 1000)" }.joined(separator: ", ")
    return Bytes("{\"model\":\"gemma\",\"system\":\"\(constant)\",\"user\":\"narration \(number)\"}".utf8)
}

/// The error that a closure throws.
func cacheError(_ body: () throws -> Void) throws -> CacheError {
    do { try body() } catch let error as CacheError { return error }
    throw CacheError(.failed, "nothing was thrown")
}

/// The memory that this process occupies, in bytes.
func residentBytes() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * 4096
}

extension CacheEntry {
    var withoutRequest: CacheEntry {
        var entry = self
        entry.request = nil
        return entry
    }
}
