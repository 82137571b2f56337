// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Numbers drawn from a seed (SplitMix64, Steele et al. 2014), so that a failure's times of killing can be drawn again.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The seed of this run: `MILLRACE_TEST_SEED`, or else drawn.
    static func seed() -> UInt64 {
        ProcessInfo.processInfo.environment["MILLRACE_TEST_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...999_999)
    }
}

/// Lifetimes of a process that is killed again and again: longer once a few in a row have not got on, as on a machine
/// that is too busy to start one in that time.
struct Lifetime {
    private let milliseconds: ClosedRange<Int>
    private var place = 0
    private var fruitless = 0

    init(_ milliseconds: ClosedRange<Int>) { self.milliseconds = milliseconds }

    /// Draws the next one, in milliseconds.
    func next(using numbers: inout SeededNumbers) -> Int {
        Int.random(in: self.milliseconds, using: &numbers) * max(1, self.fruitless - 2)
    }

    /// Notes how far a life has brought the work.
    mutating func came(to place: Int) {
        self.fruitless = place > self.place ? 0 : self.fruitless + 1
        self.place = max(place, self.place)
    }
}

/// Starts a command again and again and kills it with SIGKILL, then lets it finish.
struct KillLoop {
    /// The work that a loop has done.
    struct Record {
        /// Kills that found the process alive, at any time.
        var kills = 0
        /// Those that fell between the set's first and last commit.
        var killsBetweenCommits = 0
        /// Those of them that left a shard renamed and not committed.
        var killsBeforeCommit = 0
        /// The result of the life that came to its end.
        var end: ProcessResult?
    }

    let home: TestHome
    let arguments: [String]
    /// The set whose commits are watched.
    let set: String
    /// The number of shards an undisturbed run commits.
    let shardCount: Int
    /// Variables in the environment of every life.
    var environment: [String: String] = [:]
    /// Called right before each kill.
    var beforeKill: () -> Void = {}
    /// Called after each kill that found the process alive.
    var afterKill: () throws -> Void = {}
    /// Lifetimes in milliseconds, on a machine where such lives get on.
    var lifetimes = 400...2000
    /// Kills between the first and the last commit that are enough.
    var killsWanted = 36
    /// The number of those that must be between a rename and its commit; every third life tries.
    var killsBeforeCommitWanted = 8

    /// Time a life that is to be killed before a commit sleeps there.
    private static let pauseMilliseconds = 250

    func run(seed: UInt64) async throws -> Record {
        var numbers = SeededNumbers(seed: seed)
        var record = Record()
        var leftBehind: Set<String> = []
        var life = 0
        var lifetime = Lifetime(self.lifetimes)
        while record.killsBetweenCommits < self.killsWanted || record.killsBeforeCommit < self.killsBeforeCommitWanted {
            life += 1
            let isPaused = life % 3 == 0
            let process = try self.home.start(
                self.arguments,
                environment: self.environment.merging(
                    isPaused ? SlowRename.by(milliseconds: Self.pauseMilliseconds) : [:]
                ) { _, new in new })
            if isPaused {
                try await self.awaitRename(process, nth: Int.random(in: 1...3, using: &numbers))
            } else {
                try await self.pause(process, milliseconds: lifetime.next(using: &numbers))
            }
            self.beforeKill()
            guard process.killNow() else {
                record.end = try await process.finished()
                return record
            }
            try self.afterKill()
            lifetime.came(to: try await self.note(&record, &leftBehind))
        }
        record.end = try await self.home.start(self.arguments, environment: self.environment).finished(seconds: 240)
        return record
    }

    /// Looks at what a kill has left behind.
    /// - Returns: how many shards are committed.
    private func note(_ record: inout Record, _ leftBehind: inout Set<String>) async throws -> Int {
        record.kills += 1
        let listed = try await self.home.listed(in: self.set)
        // Those that an earlier kill left are swept by the next owner, if it lives long enough.
        let unlisted = self.home.published(of: self.set).subtracting(listed)
        let isBeforeCommit = !unlisted.isSubset(of: leftBehind)
        leftBehind = unlisted
        guard (1..<self.shardCount).contains(listed.count) else { return listed.count }
        record.killsBetweenCommits += 1
        if isBeforeCommit { record.killsBeforeCommit += 1 }
        return listed.count
    }

    private func pause(_ process: MillraceProcess, milliseconds: Int) async throws {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while ContinuousClock.now < end, process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    }

    /// Waits until the process has renamed its nth shard.
    private func awaitRename(_ process: MillraceProcess, nth: Int) async throws {
        let before = self.home.published(of: self.set)
        while process.isRunning, self.home.published(of: self.set).subtracting(before).count < nth {
            try await Task.sleep(for: .milliseconds(3))
        }
    }
}
