// SPDX-License-Identifier: Apache-2.0

import Foundation
import ModelAnswerCache
import Testing

@testable import ModelCalls

@Suite("Calls under way")
struct CallJournalTests {
    private let folder: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("millrace-calls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.folder = url.path
    }

    private var files: [String] { (try? FileManager.default.contentsOfDirectory(atPath: self.folder)) ?? [] }

    private func key(_ number: Int) throws -> CacheKey { try CacheKey(ofRequest: Array("request \(number)".utf8)) }

    @Test("Calls that were under way when their process went are known to the next, each once")
    func leftOver() throws {
        let first = CallJournal(folder: self.folder)
        for number in 0..<5 { #expect(try first.begin(self.key(number)) == false) }
        for number in [1, 3] { first.end(try self.key(number)) }
        // While its process lives, its calls are its own.
        let beside = CallJournal(folder: self.folder)
        #expect(try beside.begin(self.key(0)) == false)
        beside.end(try self.key(0))
        beside.close()
        first.close()
        #expect(self.files.count == 1)

        let second = CallJournal(folder: self.folder)
        #expect(try second.begin(self.key(0)) == true)
        #expect(try second.begin(self.key(1)) == false, "its answer was stored")
        second.end(try self.key(0))
        second.end(try self.key(1))
        #expect(try second.begin(self.key(0)) == false, "counted once")
        second.end(try self.key(0))
        second.close()

        // Calls that nobody has made again so far are handed on.
        let third = CallJournal(folder: self.folder)
        #expect(try third.begin(self.key(2)) == true)
        #expect(try third.begin(self.key(4)) == true)
        third.end(try self.key(2))
        third.end(try self.key(4))
        third.close()
        #expect(self.files.isEmpty)
    }
}
