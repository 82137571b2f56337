// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A failure to start a thread: the system has none to give.
public struct ThreadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The number of threads wanted, the number there are, the cause, and the remedy.
    public var message: String
    private let number: Int32

    /// Equals `message`.
    public var description: String { self.message }

    init(started: Int, of wanted: Int, _ number: Int32) {
        self.number = number
        self.message =
            "the system starts \(started) of the \(wanted) threads that are wanted (\(String(cString: strerror(number)))); "
            + "give a lower --threads, or raise the limit of processes (`ulimit -u`, a container's pids) or of memory "
            + "(`ulimit -v`)"
    }

    /// The same error for one thread of several.
    func counted(_ started: Int, of wanted: Int) -> ThreadError {
        ThreadError(started: started, of: wanted, self.number)
    }
}

/// A thread whose start can fail. Those of Foundation and Dispatch wait for ever, or never run, where the system
/// refuses.
///
/// `@unchecked Sendable`: what changes is touched by `join` and `deinit` alone, and `join` is called by the owner.
public final class WorkerThread: @unchecked Sendable {
    private let thread: pthread_t
    private var isJoined = false

    /// The default stack of a thread in bytes: as much as the main thread's usual one.
    public static let usualStackSize = 8 << 20

    /// Starts a thread.
    /// - Parameters:
    ///   - stackSize: its stack in bytes.
    ///   - body: what it does; it ends with it.
    /// - Throws: `ThreadError` where the system refuses.
    public init(
        stackSize: Int = WorkerThread.usualStackSize, _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackSize)
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let number = pthread_create(
            &thread, &attributes,
            { context in
                if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        guard number == 0 else {
            work.release()
            throw ThreadError(started: 0, of: 1, number)
        }
        self.thread = thread
    }

    deinit { if !self.isJoined { pthread_detach(self.thread) } }

    /// Waits until the thread has ended.
    public func join() {
        guard !self.isJoined else { return }
        self.isJoined = true
        pthread_join(self.thread, nil)
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

/// Finds out before work starts whether there are threads for it.
///
/// Dispatch and Swift's tasks, which signals, progress, the response cache and model servers use, start theirs when
/// they need them, and wait in silence for ever where the system refuses.
public enum ThreadProbe {
    /// The number of threads a process should still be able to start, for what Dispatch and tasks do beside its work:
    /// those of a task pool and of a model client, one a core, and some for signals, progress and the response cache.
    public static var headroom: Int { min(2 * sysconf(Int32(_SC_NPROCESSORS_ONLN)), 24) + 4 }

    /// Starts so many threads at once, and ends them.
    /// - Throws: `ThreadError` where the system starts fewer.
    public static func require(
        _ count: Int, stackSize: Int = WorkerThread.usualStackSize
    ) throws(ThreadError) {
        let gate = Gate()
        var threads: [WorkerThread] = []
        defer {
            gate.open()
            for thread in threads { thread.join() }
        }
        for _ in 0..<count {
            do throws(ThreadError) {
                threads.append(try WorkerThread(stackSize: stackSize) { gate.pass() })
            } catch {
                throw error.counted(threads.count, of: count)
            }
        }
    }
}

/// Holds threads back until it is opened.
///
/// `@unchecked Sendable`: the flag is touched while the lock is held.
final class Gate: @unchecked Sendable {
    private let lock = ConditionLock()
    private var isOpen = false

    func pass() {
        self.lock.hold()
        while !self.isOpen { self.lock.wait() }
        self.lock.release()
    }

    func open() {
        self.lock.hold()
        self.isOpen = true
        self.lock.wakeAll()
        self.lock.release()
    }
}

/// A mutex with a condition, at fixed addresses.
///
/// `@unchecked Sendable`: made for use by several threads; the addresses never change.
public final class ConditionLock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// Creates a lock that nobody holds.
    public init() {
        self.mutex.initialize(to: pthread_mutex_t())
        self.condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(self.mutex, nil)
        pthread_cond_init(self.condition, nil)
    }

    deinit {
        pthread_cond_destroy(self.condition)
        pthread_mutex_destroy(self.mutex)
        self.condition.deallocate()
        self.mutex.deallocate()
    }

    /// Waits until nobody holds the lock, and holds it.
    public func hold() { pthread_mutex_lock(self.mutex) }
    /// Lets the lock go.
    public func release() { pthread_mutex_unlock(self.mutex) }
    /// Lets the lock go, waits to be woken, and holds it again. It may wake for no reason: look again at what is waited
    /// for.
    public func wait() { pthread_cond_wait(self.condition, self.mutex) }
    /// Wakes all that wait.
    public func wakeAll() { pthread_cond_broadcast(self.condition) }
}
