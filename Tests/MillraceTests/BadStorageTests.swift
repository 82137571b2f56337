// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Disks that are full or read-only, and shards that are damaged: nothing is lost, and mended the same command goes on.
@Suite("Bad storage")
struct BadStorageTests {
    private static let naq = Workbench.topology("naq")

    /// The samples that the sample world gives without any fault.
    private static func undisturbed(_ bench: Workbench) throws -> [String] {
        let home = bench.home
        defer { bench.home = home }
        bench.home = bench.folder.file("undisturbed").path
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Self.naq)
        return try bench.samples("naq").sorted()
    }

    @Test(
        "A disk that is full stops the work, and with room it goes on",
        .enabled(if: SmallDisk.isPermitted, "may not mount"))
    func fullDisk() throws {
        let bench = try Workbench(videos: 8)
        let expected = try Self.undisturbed(bench)
        let disk = try SmallDisk("disk", in: bench.folder, kilobytes: 300)
        bench.home = disk.path + "/home"
        try bench.expect(1, Workbench.ingestWorld).says("no space left", "log.db", "free some and go on")
        try disk.remount(kilobytes: 32 << 10)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Self.naq)
        #expect(try bench.samples("naq").sorted() == expected)
        try bench.succeed("shards", "verify", "naq").prints("sound")
    }

    @Test(
        "A disk with room for the log alone: no shard is torn, no offset is lost",
        .enabled(if: SmallDisk.isPermitted, "may not mount"))
    func fullShardDisk() throws {
        let bench = try Workbench(videos: 8)
        let expected = try Self.undisturbed(bench)
        try bench.expect(0, Workbench.ingestWorld)
        let disk = try SmallDisk("home/shards", in: bench.folder, kilobytes: 24)
        let result = try bench.expect(1, ["run", Self.naq, "--until-idle"])
        result.says("cannot write", "naq-", "No space left on device", "make room and start again")
        try disk.remount(kilobytes: 32 << 10)
        try bench.run(Self.naq)
        #expect(try bench.samples("naq").sorted() == expected)
        try bench.succeed("shards", "verify", "naq").prints("sound")
        let listed = try bench.succeed("shards", "list", "naq", "--json").outputLines.map {
            try JSONTree($0)["file"].string
        }
        #expect(try bench.shardFiles("naq") == listed.compactMap(\.self).sorted(), "no leftover of the failed run")
    }

    @Test(
        "A home that may not be written is refused, and may be looked at",
        .enabled(if: SmallDisk.isPermitted, "may not mount"))
    func readOnlyHome() throws {
        let bench = try Workbench(videos: 4)
        let expected = try Self.undisturbed(bench)
        let disk = try SmallDisk("disk", in: bench.folder, kilobytes: 32 << 10)
        bench.home = disk.path + "/home"
        try bench.expect(0, Workbench.ingestWorld)
        let records = try bench.records("narrations").count
        try disk.remount(kilobytes: 32 << 10, readOnly: true)
        try bench.expect(1, Workbench.ingestWorld).says("log.db may be read but not written", "permissions")
        try bench.fail(1, "run", Self.naq, "--until-idle").says("log.db may be read but not written", "permissions")
        #expect(try bench.records("narrations").count == records)
        try bench.succeed("status").prints("group")
        let other = try bench.fail(1, "ingest", "jsonl", "--file", "x", "--home", disk.path + "/other")
        other.says("cannot create the folder", "Read-only file system", "--home")
        try disk.remount(kilobytes: 32 << 10)
        try bench.run(Self.naq)
        #expect(try bench.samples("naq").sorted() == expected)
    }

    /// Ways to damage a shard.
    enum Damage: CaseIterable {
        case torn, flipped, gone

        func apply(to file: URL) throws {
            var bytes = try Data(contentsOf: file)
            switch self {
            case .torn: bytes.removeLast(100)
            case .flipped: bytes[bytes.count / 2] ^= 4
            case .gone: return try FileManager.default.removeItem(at: file)
            }
            try bytes.write(to: file)
        }

        var says: [String] {
            switch self {
            case .torn: ["bytes, the manifest", "the seek table is missing", "at byte"]
            case .flipped: ["at byte", "checksum"]
            case .gone: ["No such file or directory"]
            }
        }
    }

    @Test("A damaged shard is found by every reader and made again by a replay", arguments: Damage.allCases)
    func damagedShard(_ damage: Damage) throws {
        let bench = try Workbench(videos: 6)
        try bench.expect(0, Workbench.ingestWorld)
        try bench.run(Self.naq)
        let expected = try bench.samples("naq")
        let shards = try bench.succeed("shards", "list", "naq", "--json").outputLines.map(JSONTree.init)
        let last = try #require(shards.last?["file"].string)
        let before = shards.dropLast().reduce(0) { $0 + ($1["samples"].int ?? 0) }
        let file = bench.shardFolder("naq").appendingPathComponent(last)
        let sound = try Data(contentsOf: file)
        try damage.apply(to: file)

        let verify = try bench.fail(1, "shards", "verify", "naq")
        verify.says(last, "millrace replay")
        for word in damage.says { verify.says(word) }
        try bench.fail(1, "export", "nlq", "--shards", "naq", "--output", "out.json").says(last)
        #expect(!FileManager.default.fileExists(atPath: bench.folder.file("out.json").path), "no half of an export")
        let cat = try bench.fail(1, "shards", "cat", "naq")
        cat.says(last)
        // The lines printed before the damage are the set's beginning, unharmed: at least the shards in front.
        #expect(before > 0 && cat.outputLines.count >= before)
        #expect(cat.outputLines == Array(expected.prefix(cat.outputLines.count)))
        #expect(cat.outputLines.count < expected.count)

        try bench.succeed("replay", Self.naq, "--from", "earliest", "--into", "again")
        let again = bench.shardFolder("again").appendingPathComponent("again" + last.dropFirst("naq".count))
        #expect(try Data(contentsOf: again) == sound, "the replay's shard is the original byte for byte")
        #expect(try bench.samples("again").sorted() == expected.sorted())
        try Data(contentsOf: again).write(to: file)
        try bench.succeed("shards", "verify", "naq").prints("sound")
        #expect(try bench.samples("naq") == expected)
    }

    @Test("A log that is none, or is damaged, is refused and left alone")
    func damagedLog() throws {
        let bench = try Workbench(videos: 3)
        try bench.expect(0, Workbench.ingestWorld)
        let file = URL(fileURLWithPath: bench.home + "/log.db")
        let sound = try Data(contentsOf: file)
        var damaged = sound
        try #require(damaged.count > 16 << 10)
        for index in 8192..<damaged.count - 4096 { damaged[index] = UInt8(truncatingIfNeeded: index &* 31) }
        for (content, word) in [(Data("garbage".utf8), "is not a log"), (damaged, "is damaged")] {
            try content.write(to: file)
            try bench.fail(1, "run", Self.naq, "--until-idle").says("log.db", word, "put a copy back")
            try bench.fail(1, "topics", "read", "narrations").says("log.db", word)
        }
        try sound.write(to: file)
        try bench.run(Self.naq)
        #expect(try !bench.samples("naq").isEmpty)
    }
}
