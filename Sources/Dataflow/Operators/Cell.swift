// SPDX-License-Identifier: Apache-2.0

/// A value in a place of its own that closures share: an operator, its collector, a scanner.
///
/// Swift would look at each access whether another is under way, which for a record that passes five steps costs more
/// than a filter does. Here none can be: a chain is used from one thread at a time, a step calls only those behind it,
/// and no step is behind itself. So the value lies in plain memory.
@usableFromInline
final class Cell<Value: ~Copyable> {
    @usableFromInline let place: UnsafeMutablePointer<Value>

    @usableFromInline
    init(_ value: consuming Value) {
        self.place = .allocate(capacity: 1)
        self.place.initialize(to: value)
    }

    deinit {
        self.place.deinitialize(count: 1)
        self.place.deallocate()
    }
}
