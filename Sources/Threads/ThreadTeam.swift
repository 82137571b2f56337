// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Threads that wait for work which is done side by side, the caller's among them.
public final class ThreadTeam: Sendable {
    /// The number of threads, the caller's included.
    public let count: Int

    private let board = Board()
    private let workers: [WorkerThread]
    /// One piece of work at a time.
    private let turn = Mutex(())

    /// Starts the threads.
    /// - Throws: `ThreadError` where the system has fewer; none is left behind.
    public init(count: Int, stackSize: Int = WorkerThread.usualStackSize) throws(ThreadError) {
        self.count = max(1, count)
        var workers: [WorkerThread] = []
        for number in 1..<self.count {
            do throws(ThreadError) {
                let worker = try WorkerThread(stackSize: stackSize) { [board] in
                    board.work(number)
                }
                workers.append(worker)
            } catch {
                self.board.close()
                for worker in workers { worker.join() }
                throw error.counted(number, of: self.count)
            }
        }
        self.workers = workers
    }

    deinit {
        self.board.close()
        for worker in self.workers { worker.join() }
    }

    /// Calls `body` with 0 ..< width, at most `count` of them, each on a thread of its own; returns when all have.
    public func run(_ width: Int, _ body: @Sendable (Int) -> Void) {
        let width = min(width, self.count)
        guard width > 1 else {
            if width == 1 { body(0) }
            return
        }
        self.turn.withLock { _ in
            withoutActuallyEscaping(body) { body in
                self.board.begin(width, body)
                body(0)
                self.board.end()
            }
        }
    }
}

/// The place where a team finds its work.
///
/// `@unchecked Sendable`: everything is touched while the lock is held.
private final class Board: @unchecked Sendable {
    private let lock = ConditionLock()
    private var work: (@Sendable (Int) -> Void)?
    private var round = 0
    private var width = 0
    private var working = 0
    private var isClosed = false

    func begin(_ width: Int, _ work: @escaping @Sendable (Int) -> Void) {
        self.lock.hold()
        self.work = work
        self.width = width
        self.working = width - 1
        self.round += 1
        self.lock.wakeAll()
        self.lock.release()
    }

    func end() {
        self.lock.hold()
        while self.working > 0 { self.lock.wait() }
        self.work = nil
        self.lock.release()
    }

    func close() {
        self.lock.hold()
        self.isClosed = true
        self.lock.wakeAll()
        self.lock.release()
    }

    /// Works on the team's rounds until it is closed; each of its threads runs this.
    func work(_ number: Int) {
        var seen = 0
        while self.takePart(number, after: &seen) {
            self.lock.hold()
            self.working -= 1
            if self.working == 0 { self.lock.wakeAll() }
            self.lock.release()
        }
    }

    /// Takes part in the next round that has a place for it. The work is let go before this returns: it must not
    /// outlive the round.
    private func takePart(_ number: Int, after seen: inout Int) -> Bool {
        self.lock.hold()
        while !self.isClosed, self.round == seen || number >= self.width || self.work == nil {
            seen = self.round
            self.lock.wait()
        }
        seen = self.round
        let work = self.isClosed ? nil : self.work
        self.lock.release()
        guard let work else { return false }
        work(number)
        return true
    }
}
