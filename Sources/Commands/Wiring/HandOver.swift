// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A bounded queue between two threads.
///
/// `@unchecked Sendable`: every stored property is touched only while `condition` is locked.
final class HandOver<Element: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private let capacity: Int
    private var elements: [Element] = []
    private var finished = false
    private var stopped = false

    init(capacity: Int) { self.capacity = capacity }

    /// Waits for room and puts an element in.
    /// - Returns: whether it is wanted; not after `stop`.
    func put(_ element: Element) -> Bool {
        self.condition.lock()
        defer { self.condition.unlock() }
        while self.elements.count >= self.capacity, !self.stopped { self.condition.wait() }
        guard !self.stopped else { return false }
        self.elements.append(element)
        self.condition.broadcast()
        return true
    }

    /// Waits for an element and takes it; `nil` when no more will come.
    func take() -> Element? {
        self.condition.lock()
        defer { self.condition.unlock() }
        while self.elements.isEmpty, !self.finished, !self.stopped { self.condition.wait() }
        guard !self.elements.isEmpty, !self.stopped else { return nil }
        let element = self.elements.removeFirst()
        self.condition.broadcast()
        return element
    }

    /// No more will be put in.
    func finish() {
        self.condition.lock()
        self.finished = true
        self.condition.broadcast()
        self.condition.unlock()
    }

    /// No more is wanted.
    func stop() {
        self.condition.lock()
        self.stopped = true
        self.condition.broadcast()
        self.condition.unlock()
    }

    /// Waits a while, or until `stop` is called.
    func waitUntilStopped(seconds: Double) {
        let end = ContinuousClock.now + .seconds(seconds)
        self.condition.lock()
        defer { self.condition.unlock() }
        while !self.stopped {
            let left = (end - ContinuousClock.now).seconds
            guard left > 0 else { return }
            // In pieces: the condition waits by the wall clock, which somebody may set.
            _ = self.condition.wait(until: Date(timeIntervalSinceNow: min(left, 1)))
        }
    }

    /// Tells whether `stop` was called.
    var isStopped: Bool {
        self.condition.lock()
        defer { self.condition.unlock() }
        return self.stopped
    }
}
