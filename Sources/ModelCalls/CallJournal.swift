// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Foundation
import ModelAnswerCache
import Synchronization

/// The keys of the calls under way, in a file, so that a process which is killed leaves word of the calls whose answers
/// it had no time to store: made again, they count as duplicates.
///
/// A call is noted by one `pwrite` of 65 bytes before it is made and struck out when its answer is stored. What is
/// written thus survives the process, if not the machine's power; a count needs no more. The file is locked for as long
/// as its process lives, so the next one knows which files are left over, and takes their keys up.
final class CallJournal: Sendable {
    private struct State {
        var descriptor: Int32 = -1
        var slots: [CacheKey: Int] = [:]
        var free: [Int] = []
        var count = 0
        /// Keys of calls that an earlier process has made and not stored.
        var leftOver: Set<CacheKey> = []
    }

    private static let slotBytes = 65
    /// Text behind the key of a call that this process has under way, and behind one that was left to it.
    private static let underWayMark = "\n"
    private static let leftOverMark = "\t"
    private let path: String
    private let state = Mutex(State())

    /// Takes up what earlier processes have left, in a new file. Where none can be made, nothing is counted.
    init(folder: String) {
        self.path = "\(folder)/calls-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).open"
        var keys: Set<CacheKey> = []
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix("calls-") && name.hasSuffix(".open") {
            keys.formUnion(Self.takeUp("\(folder)/\(name)"))
        }
        self.state.withLock { state in
            state.descriptor = (try? OwnFile.open(self.path, O_RDWR | O_CREAT | O_EXCL)) ?? -1
            if state.descriptor >= 0 { flock(state.descriptor, LOCK_EX | LOCK_NB) }
            state.leftOver = keys
            for key in keys { Self.note(key, Self.leftOverMark, &state) }
        }
    }

    /// The keys in a file whose process is gone; the file is removed.
    private static func takeUp(_ path: String) -> Set<CacheKey> {
        guard let descriptor = try? OwnFile.open(path, O_RDWR) else { return [] }
        defer { Foundation.close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return [] }
        let text = String(decoding: (try? OwnFile.contents(path, bytesMax: 1 << 26)) ?? [], as: UTF8.self)
        unlink(path)
        return Set(text.split(whereSeparator: \.isWhitespace).compactMap { try? CacheKey(String($0)) })
    }

    /// Notes that a call is about to be made.
    /// - Returns: whether an earlier process has made it before and not stored its answer.
    func begin(_ key: CacheKey) -> Bool {
        self.state.withLock { state in
            Self.note(key, Self.underWayMark, &state)
            return state.leftOver.remove(key) != nil
        }
    }

    /// Notes that a call's answer is stored, or that there will be none.
    func end(_ key: CacheKey) {
        self.state.withLock { state in
            guard let slot = state.slots.removeValue(forKey: key) else { return }
            Self.write(String(repeating: " ", count: Self.slotBytes), at: slot, state.descriptor)
            state.free.append(slot)
        }
    }

    /// Lets go of the file; with nothing in it, it is removed.
    func close() {
        self.state.withLock { state in
            if state.descriptor < 0 { return }
            if state.slots.isEmpty { unlink(self.path) }
            Foundation.close(state.descriptor)
            state.descriptor = -1
        }
    }

    private static func note(_ key: CacheKey, _ mark: String, _ state: inout State) {
        let slot = state.slots[key] ?? state.free.popLast() ?? state.count
        if slot == state.count { state.count += 1 }
        state.slots[key] = slot
        Self.write(key.description + mark, at: slot, state.descriptor)
    }

    private static func write(_ text: String, at slot: Int, _ descriptor: Int32) {
        guard descriptor >= 0 else { return }
        let bytes = Array(text.utf8)
        _ = pwrite(descriptor, bytes, bytes.count, off_t(slot * self.slotBytes))
    }
}
