// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// The time since 1970 as it was when the process first asked, counted on by a clock that nobody sets.
///
/// Durations and deadlines are taken from it: a step of the system's clock must neither stall a run nor hurry it. Times
/// that others read, such as those of appended records, are the system's.
public enum SteadyClock {
    private static let offset = Self.milliseconds(of: CLOCK_REALTIME) - Self.milliseconds(of: CLOCK_MONOTONIC)

    /// Milliseconds since 1970.
    public static var now: Timestamp { Self.offset + Self.milliseconds(of: CLOCK_MONOTONIC) }

    private static func milliseconds(of clock: clockid_t) -> Timestamp {
        var now = timespec()
        clock_gettime(clock, &now)
        return Timestamp(now.tv_sec) * 1000 + Timestamp(now.tv_nsec) / 1_000_000
    }

    /// A time of this clock as the monotonic clock has it.
    static func monotonic(_ time: Timestamp) -> timespec {
        let milliseconds = max(0, time - self.offset)
        return timespec(tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
    }
}

/// A lock with a condition, whose waits end by `SteadyClock`.
///
/// Foundation's condition waits until a time of the system's clock: set back by an hour, a wait of a second is one of
/// an hour. `@unchecked Sendable`: it holds nothing but the system's two objects, which are made for many threads.
public final class SteadyCondition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// Creates a condition that is not locked.
    public init() {
        pthread_mutex_init(self.mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(self.condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(self.condition)
        pthread_mutex_destroy(self.mutex)
        self.condition.deallocate()
        self.mutex.deallocate()
    }

    /// Runs a body with the lock held.
    public func withLock<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        return body()
    }

    /// Gives the lock up until somebody broadcasts or the time has come, and takes it again. Only inside `withLock`.
    /// - Parameter deadline: milliseconds of `SteadyClock`; `.max` is without end.
    /// - Returns: whether it was before the time.
    public func wait(until deadline: Timestamp) -> Bool {
        if deadline == .max { return pthread_cond_wait(self.condition, self.mutex) == 0 }
        var time = SteadyClock.monotonic(deadline)
        return pthread_cond_timedwait(self.condition, self.mutex, &time) != ETIMEDOUT
    }

    /// Wakes all who wait.
    public func broadcast() { pthread_cond_broadcast(self.condition) }
}
