// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Values that can be made again, by key, up to a number of bytes; the oldest go first. Used from any thread.
///
/// Two threads that make a value at once both get the one that was stored first: what a caller gets is always what
/// another would read back.
public final class BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Held {
        var values: [Key: Value] = [:]
        /// The keys in the order in which they came; those before `oldest` have gone.
        var order: [Key] = []
        var oldest = 0
        var bytes = 0
    }

    private let held = Mutex(Held())
    private let bytesMax: Int
    private let size: @Sendable (Value) -> Int

    /// Creates an empty cache.
    /// - Parameters:
    ///   - bytesMax: how much it holds; the newest value stays even where it is larger.
    ///   - size: what a value counts, in bytes.
    public init(bytesMax: Int, size: @escaping @Sendable (Value) -> Int) {
        self.bytesMax = bytesMax
        self.size = size
    }

    /// The value of a key; it is made where it is not there. Others go on meanwhile.
    public func value<Failure>(_ key: Key, make: () throws(Failure) -> Value) throws(Failure) -> Value {
        if let known = self.held.withLock({ $0.values[key] }) { return known }
        let made = try make()
        return self.held.withLock { held in
            if let first = held.values[key] { return first }
            held.values[key] = made
            held.order.append(key)
            held.bytes += self.size(made)
            while held.bytes > self.bytesMax, held.oldest < held.order.count - 1 {
                if let old = held.values.removeValue(forKey: held.order[held.oldest]) { held.bytes -= self.size(old) }
                held.oldest += 1
            }
            if held.oldest > held.order.count / 2 {
                held.order.removeFirst(held.oldest)
                held.oldest = 0
            }
            return made
        }
    }
}
