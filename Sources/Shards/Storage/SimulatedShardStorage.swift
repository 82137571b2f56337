// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records
import Synchronization

/// A folder in memory that forgets in a crash what a disk may forget: for simulations, which see every outcome that a
/// real machine shows once in a thousand nights.
///
/// Bytes that were not synchronised are lost, kept, cut or zeroed; names that no `synchronizeFolder` followed are
/// lost or kept one by one, in any combination, as POSIX permits. Which of these is drawn by a seed. A fault can be
/// set for the n-th operation that changes something.
public final class SimulatedShardStorage: ShardStorage {
    /// A fault that can happen at an operation.
    public enum Fault: Hashable, Sendable, CaseIterable {
        /// The machine stops before the operation.
        case crashBefore
        /// The machine stops when the operation is done, before its caller hears of it.
        case crashAfter
        /// The disk is full; the operation does nothing.
        case storageFull
        /// The operation fails and does nothing.
        case failure
    }

    /// The part of what was not made durable that a crash takes.
    public enum Loss: Hashable, Sendable {
        /// All of it.
        case everything
        /// Nothing: the disk was quick.
        case nothing
        /// Some of it, drawn from a seed.
        case some(seed: UInt64)
    }

    private final class Inode: Sendable {
        struct Content: Sendable {
            var bytes: Bytes = []
            var durableCount = 0
        }

        let content = Mutex(Content())
    }

    /// A change of names that is not durable yet.
    private enum NameChange: Sendable {
        case link(String, Inode)
        case rename(String, String, Inode)
        case unlink(String)

        func apply(to names: inout [String: Inode]) {
            switch self {
            case .link(let name, let inode): names[name] = inode
            case .rename(let name, let newName, let inode):
                names[name] = nil
                names[newName] = inode
            case .unlink(let name): names[name] = nil
            }
        }
    }

    private struct State: Sendable {
        var names: [String: Inode] = [:]
        var durableNames: [String: Inode] = [:]
        var pending: [NameChange] = []
        var operations = 0
        var faults: [Int: Fault] = [:]
        var isCrashed = false
        /// Counts the machine's starts; files opened before the last one are dead.
        var boot = 0

        mutating func change(_ change: NameChange) {
            change.apply(to: &self.names)
            self.pending.append(change)
        }
    }

    private let state = Mutex(State())

    /// Creates an empty folder.
    public init() {}

    /// See `ShardStorage`.
    public var location: String { "simulated storage" }

    // MARK: Faults

    /// The operations that changed something, or tried to, so far.
    public var operationCount: Int { self.state.withLock { $0.operations } }

    /// Tells whether the machine is down.
    public var isCrashed: Bool { self.state.withLock { $0.isCrashed } }

    /// Sets a fault for an operation, counted from zero over all that change something.
    public func schedule(_ fault: Fault, atOperation operation: Int) {
        self.state.withLock { $0.faults[operation] = fault }
    }

    /// Stops the machine now.
    public func crash() { self.state.withLock { $0.isCrashed = true } }

    /// Starts the machine again, after a crash, with what the crash left. Files opened before are dead.
    public func restart(losing loss: Loss) {
        self.state.withLock { state in
            var random = SplitMix(seed: 0)
            var chances = Chances.none
            switch loss {
            case .everything: chances = .none
            case .nothing: chances = .all
            case .some(let seed):
                random = SplitMix(seed: seed)
                chances = .drawn
            }
            var names = state.durableNames
            for change in state.pending where chances.keeps(&random) { change.apply(to: &names) }
            // In the order of names: a dictionary's own order would differ from run to run.
            for (_, inode) in names.sorted(by: { $0.key < $1.key }) {
                inode.content.withLock { Self.lose(&$0, chances, &random) }
            }
            state.names = names
            state.durableNames = names
            state.pending = []
            state.isCrashed = false
            state.boot += 1
        }
    }

    private static func lose(_ content: inout Inode.Content, _ chances: Chances, _ random: inout SplitMix) {
        let volatile = content.bytes.count - content.durableCount
        if volatile > 0, chances != .all {
            var kept = 0
            var zeroed = 0
            if chances == .drawn {
                // Kept up to a point; beyond it cut off, or there in size but never written.
                kept = Int(random.next() % UInt64(volatile + 1))
                zeroed = random.next() % 2 == 0 ? 0 : volatile - kept
            }
            content.bytes.removeLast(volatile - kept)
            content.bytes.append(contentsOf: Bytes(repeating: 0, count: zeroed))
        }
        content.durableCount = content.bytes.count
    }

    private enum Chances {
        case none, all, drawn

        func keeps(_ random: inout SplitMix) -> Bool {
            switch self {
            case .none: false
            case .all: true
            case .drawn: random.next() % 2 == 0
            }
        }
    }

    // MARK: Tampering

    /// The bytes of a file as a reader sees them; `nil` without one.
    public func bytes(of name: String) -> Bytes? {
        self.state.withLock { $0.names[name] }.map { $0.content.withLock { $0.bytes } }
    }

    /// Puts a file there, durable at once, whatever was there before.
    public func place(_ bytes: Bytes, as name: String) {
        let inode = Inode()
        inode.content.withLock { $0 = Inode.Content(bytes: bytes, durableCount: bytes.count) }
        self.state.withLock { state in
            state.names[name] = inode
            state.durableNames[name] = inode
        }
    }

    // MARK: Operations

    /// Counts an operation that changes something, and does it unless a fault is set for it.
    private func perform<Result>(
        _ action: String, boot: Int? = nil, _ body: (inout State) throws(ShardError) -> Result
    ) throws(ShardError) -> Result {
        // The result is carried out of the lock whole: a typed error does not pass through `withLock` in one piece.
        var outcome: Swift.Result<Result, ShardError> = .failure(Self.down(action))
        self.state.withLock { state in
            guard !state.isCrashed, boot ?? state.boot == state.boot else { return }
            let fault = state.faults[state.operations]
            state.operations += 1
            switch fault {
            case .crashBefore: state.isCrashed = true
            case .storageFull:
                outcome = .failure(ShardError(.storageFull, "cannot \(action): no space left (simulated); make room"))
            case .failure: outcome = .failure(ShardError(.failed, "cannot \(action): input/output error (simulated)"))
            case .crashAfter:
                _ = Swift.Result { () throws(ShardError) in try body(&state) }
                state.isCrashed = true
            case nil: outcome = Swift.Result { () throws(ShardError) in try body(&state) }
            }
        }
        return try outcome.get()
    }

    private static func down(_ action: String) -> ShardError {
        ShardError(.crashed, "cannot \(action): the simulated machine is down")
    }

    /// See `ShardStorage`.
    public func create(_ name: String) throws(ShardError) -> any ShardFile {
        let (inode, boot) = try self.perform("create \(name)") { state throws(ShardError) in
            guard state.names[name] == nil else { throw ShardError(.nameTaken, "\(name) is already there") }
            let inode = Inode()
            state.change(.link(name, inode))
            return (inode, state.boot)
        }
        return File(self, inode, boot, name)
    }

    /// See `ShardStorage`.
    public func rename(_ name: String, to newName: String, replacing: Bool) throws(ShardError) {
        try self.perform("rename \(name) to \(newName)") { state throws(ShardError) in
            guard let inode = state.names[name] else { throw ShardError(.missing, "no file \(name) to rename") }
            guard replacing || state.names[newName] == nil else {
                throw ShardError(.nameTaken, "\(newName) is already there")
            }
            state.change(.rename(name, newName, inode))
        }
    }

    /// See `ShardStorage`.
    public func replace(
        _ name: String, with temporary: String, if permits: (Bytes, Int) -> Bool
    ) throws(ShardError) -> Bool {
        try self.perform("replace \(name)") { state throws(ShardError) in
            guard let inode = state.names[temporary] else { throw ShardError(.missing, "no file \(temporary)") }
            let current = state.names[name].map { $0.content.withLock { $0.bytes } }
            if let current, !permits(current, current.count) { return false }
            state.change(.rename(temporary, name, inode))
            return true
        }
    }

    /// See `ShardStorage`.
    public func isNamed(_ file: any ShardFile, _ name: String) -> Bool {
        let inode = (file as? File)?.inode
        return inode != nil && self.state.withLock { $0.names[name] === inode }
    }

    /// See `ShardStorage`.
    public func synchronizeFolder() throws(ShardError) {
        try self.perform("synchronise the folder") { state throws(ShardError) in
            state.durableNames = state.names
            state.pending = []
        }
    }

    /// See `ShardStorage`.
    public func list() throws(ShardError) -> [String] {
        let (isCrashed, names) = self.state.withLock { ($0.isCrashed, $0.names.keys.sorted()) }
        if isCrashed { throw Self.down("list") }
        return names
    }

    /// See `ShardStorage`.
    public func remove(_ name: String) throws(ShardError) {
        try self.perform("remove \(name)") { state throws(ShardError) in
            if state.names[name] != nil { state.change(.unlink(name)) }
        }
    }

    /// See `ShardStorage`.
    public func open(_ name: String) throws(ShardError) -> any ShardContent {
        if self.isCrashed { throw Self.down("open \(name)") }
        guard let bytes = self.bytes(of: name) else { throw ShardError(.missing, "cannot open \(name): no such file") }
        return MemoryShardContent(bytes, name: name)
    }

    private final class File: ShardFile {
        private let storage: SimulatedShardStorage
        let inode: Inode
        private let boot: Int
        private let name: String

        init(_ storage: SimulatedShardStorage, _ inode: Inode, _ boot: Int, _ name: String) {
            self.storage = storage
            self.inode = inode
            self.boot = boot
            self.name = name
        }

        func append(_ bytes: UnsafeRawBufferPointer) throws(ShardError) {
            let copy = Bytes(bytes)
            let inode = self.inode
            try self.storage.perform("write \(self.name)", boot: self.boot) { _ throws(ShardError) in
                inode.content.withLock { $0.bytes.append(contentsOf: copy) }
            }
        }

        func synchronize() throws(ShardError) {
            let inode = self.inode
            try self.storage.perform("synchronise \(self.name)", boot: self.boot) { _ throws(ShardError) in
                inode.content.withLock { $0.durableCount = $0.bytes.count }
            }
        }

        func close() throws(ShardError) {}
    }
}

/// Bytes in memory, read like a file.
public final class MemoryShardContent: ShardContent {
    private let bytes: Bytes
    private let name: String

    /// Wraps bytes.
    /// - Parameter name: what messages call them.
    public init(_ bytes: Bytes, name: String) {
        self.bytes = bytes
        self.name = name
    }

    /// See `ShardContent`.
    public var size: Int { self.bytes.count }

    /// See `ShardContent`.
    public func read(_ range: Range<Int>) throws(ShardError) -> Bytes {
        guard range.lowerBound >= 0, range.upperBound <= self.bytes.count else {
            throw ShardError(.corrupt, "\(self.name) ends at byte \(self.bytes.count), before \(range.upperBound)")
        }
        return Bytes(self.bytes[range])
    }
}

/// Random numbers that a seed decides (SplitMix64, Steele, Lea and Flood 2014).
struct SplitMix {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
