// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// The inputs of one fuzz test, for a bounded time: loop over it, and let the test fail at the first wrong result.
///
/// ```swift
/// for input in Fuzz("json", seeds: [Array("{\"a\":1}".utf8)], tokens: .json) {
///     let value = try? JSONValue(parsing: input.bytes)
///     try #require(value != nil || !input.isSeed, "\(input)")
///     try #require(value == independent(input.bytes), "\(input)")
/// }
/// ```
///
/// The first cases are the seeds themselves. A trap or a hang cannot be caught in the process, so each input lies in
/// `$TMPDIR/millrace-fuzz-NAME.input` while it is tried, and one that takes more than a minute ends the process.
///
/// By hand: `MILLRACE_FUZZ_SECONDS=600` runs each test for so long, with a seed of its own that is printed;
/// `MILLRACE_FUZZ_SEED=S` takes that seed, and `MILLRACE_FUZZ_CASE=N` beside it that case alone.
public struct Fuzz: Sequence {
    private let name: String
    private let mutator: Mutator
    private let settings: FuzzSettings

    /// Creates the inputs of a test.
    ///
    /// - Parameters:
    ///   - name: one word that no other fuzz test has.
    ///   - seeds: well-formed inputs.
    ///   - tokens: what is spliced into them.
    ///   - seconds: how long it lasts in the suite.
    ///   - bytesMax: no input is longer.
    public init(
        _ name: String, seeds: [[UInt8]], tokens: FuzzTokens, seconds: Double = 1, bytesMax: Int = 64 << 10
    ) {
        self.name = name
        self.mutator = Mutator(seeds: seeds, tokens: tokens, bytesMax: bytesMax)
        self.settings = FuzzSettings(name: name, seconds: seconds)
    }

    /// Creates the inputs of a test from texts.
    public init(
        _ name: String, seeds: [String], tokens: FuzzTokens, seconds: Double = 1, bytesMax: Int = 64 << 10
    ) {
        self.init(name, seeds: seeds.map { Array($0.utf8) }, tokens: tokens, seconds: seconds, bytesMax: bytesMax)
    }

    /// Begins with the first case; prints the seed.
    public func makeIterator() -> FuzzIterator { FuzzIterator(self.name, self.mutator, self.settings) }
}

/// One input of a fuzz test.
public struct FuzzInput: Sendable, CustomStringConvertible {
    /// The bytes to read.
    public let bytes: [UInt8]
    /// The settings that make it again, and its beginning.
    public var description: String {
        let excerpt = String(decoding: self.bytes.prefix(400), as: UTF8.self).debugDescription
        return
            "MILLRACE_FUZZ_SEED=\(self.seed) MILLRACE_FUZZ_CASE=\(self.number), \(self.bytes.count) bytes: \(excerpt)"
    }

    /// The number of the case; the seeds are the first.
    public let number: Int
    /// Tells whether it is a seed as it was given. One that is well-formed must be taken, or the test would pass if
    /// everything were refused.
    public let isSeed: Bool
    let seed: UInt64
}

/// A fuzz test's duration, its seed, and the single case to run if one is named.
struct FuzzSettings {
    let seed: UInt64
    let only: Int?
    let seconds: Double

    init(name: String, seconds: Double) {
        let environment = ProcessInfo.processInfo.environment
        let long = environment["MILLRACE_FUZZ_SECONDS"].flatMap(Double.init)
        // FNV-1a of the name: the suite tries the same inputs on every machine.
        let named = name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let own = long == nil ? named : UInt64.random(in: 0 ... .max)
        self.seed = environment["MILLRACE_FUZZ_SEED"].flatMap { UInt64($0) } ?? own
        self.only = environment["MILLRACE_FUZZ_CASE"].flatMap { Int($0) }
        self.seconds = long ?? seconds
    }
}

/// Hands out the inputs of a fuzz test until its time is over.
public final class FuzzIterator: IteratorProtocol {
    private let name: String
    private let mutator: Mutator
    private let settings: FuzzSettings
    private let end: ContinuousClock.Instant
    private let watch: FuzzWatch
    private var number = 0

    init(_ name: String, _ mutator: Mutator, _ settings: FuzzSettings) {
        self.name = name
        self.mutator = mutator
        self.settings = settings
        self.end = .now + .seconds(settings.seconds)
        self.watch = FuzzWatch(name: name, seed: settings.seed)
        print("fuzz \(name): MILLRACE_FUZZ_SEED=\(settings.seed)")
    }

    /// The next input; `nil` when the time is over.
    public func next() -> FuzzInput? {
        if let only = self.settings.only {
            if self.number > 0 { return self.finish() }
            self.number = only
        }
        guard .now < self.end || self.number == 0 || self.settings.only != nil else { return self.finish() }
        let bytes = self.mutator.input(seed: self.settings.seed, case: self.number)
        self.watch.begin(self.number, bytes)
        defer { self.number += 1 }
        return FuzzInput(
            bytes: bytes, number: self.number, isSeed: self.number < self.mutator.seeds.count, seed: self.settings.seed)
    }

    private func finish() -> FuzzInput? {
        self.watch.finish()
        print("fuzz \(self.name): \(self.number) inputs")
        return nil
    }
}

/// Keeps the input that is being tried on disk, and ends the process if one takes too long.
final class FuzzWatch: Sendable {
    private struct State {
        var isFinished = false
        var number = 0
        var since = ContinuousClock.now
    }

    private static let secondsMax = 60.0

    private let name: String
    private let seed: UInt64
    private let path: String
    private let file: FileHandle?
    private let state = Mutex(State())

    init(name: String, seed: UInt64) {
        self.name = name
        self.seed = seed
        self.path = NSTemporaryDirectory() + "/millrace-fuzz-\(name).input"
        _ = FileManager.default.createFile(atPath: self.path, contents: nil)
        self.file = FileHandle(forWritingAtPath: self.path)
        Thread.detachNewThread { [weak self] in
            while let watch = self, watch.check() { Thread.sleep(forTimeInterval: 0.5) }
        }
    }

    func begin(_ number: Int, _ bytes: [UInt8]) {
        try? self.file?.seek(toOffset: 0)
        try? self.file?.write(contentsOf: bytes)
        try? self.file?.truncate(atOffset: UInt64(bytes.count))
        self.state.withLock {
            $0.number = number
            $0.since = .now
        }
    }

    func finish() {
        self.state.withLock { $0.isFinished = true }
        try? FileManager.default.removeItem(atPath: self.path)
    }

    private func check() -> Bool {
        let state = self.state.withLock { $0 }
        if state.isFinished { return false }
        guard ContinuousClock.now - state.since > .seconds(Self.secondsMax) else { return true }
        fatalError(
            "fuzz \(self.name): MILLRACE_FUZZ_SEED=\(self.seed) MILLRACE_FUZZ_CASE=\(state.number) takes more than "
                + "\(Int(Self.secondsMax)) s; the input is \(self.path)")
    }
}
