// SPDX-License-Identifier: Apache-2.0

import Threads

/// The batches of steps, the next one made ahead on threads of its own while a step is computed. A batch follows from
/// its draws and the key alone, so that nothing but the time tells whether it was.
final class BatchQueue<Loader: BatchLoading> {
    /// A batch with the draws that it was made of.
    typealias Made = (draws: [Draw<Loader.Sample>], batch: Loader.Batch)

    private let source: any SampleSource<Loader.Sample>
    private let loader: Loader
    private let team: ThreadTeam
    private let bench: WorkBench<Loader.Batch>?
    /// The step that is made ahead, and its draws.
    private var ahead: (step: Int, draws: Result<[Draw<Loader.Sample>], any Error>)?

    /// Prepares to make batches.
    /// - Parameter isAhead: whether to make them ahead; where the system has no more threads, they are not.
    init(_ loader: Loader, _ source: any SampleSource<Loader.Sample>, on team: ThreadTeam, isAhead: Bool) {
        self.loader = loader
        self.source = source
        self.team = team
        self.bench = isAhead ? try? WorkBench() : nil
    }

    /// The batch of a step.
    /// - Throws: what the source and the loader throw, for this step and no other.
    func take(_ key: StepKey) throws -> Made {
        guard let ahead = self.ahead, ahead.step == key.step, let bench = self.bench else {
            self.drop()
            let draws = try self.source.draws(step: key.step)
            return (draws, try self.loader.batch(draws, key, on: self.team))
        }
        self.ahead = nil
        let draws = try ahead.draws.get()
        return (draws, try bench.take().get())
    }

    /// Begins to make the batch of a step, unless a segment begins with it: it may wait for data.
    func begin(_ key: StepKey) {
        guard let bench = self.bench, self.ahead == nil, self.source.isOpen(key.step) else { return }
        let draws = Result { try self.source.draws(step: key.step) }
        self.ahead = (key.step, draws)
        guard case .success(let draws) = draws else { return }
        bench.begin(threads: self.team.count) { [loader] team in try loader.batch(draws, key, on: team) }
    }

    /// Waits for what is under way, and lets it go.
    private func drop() {
        if let ahead, case .success = ahead.draws { _ = self.bench?.take() }
        self.ahead = nil
    }
}

/// A thread that makes one thing at a time while its owner does something else.
private final class WorkBench<Product: Sendable>: Sendable {
    private typealias Work = @Sendable (ThreadTeam) throws -> Product

    /// The place where owner and thread meet.
    ///
    /// `@unchecked Sendable`: everything is touched while the lock is held.
    private final class Desk: @unchecked Sendable {
        private let lock = ConditionLock()
        private var order: (threads: Int, work: Work)?
        private var product: Result<Product, any Error>?
        private var isClosed = false

        func put(threads: Int, _ work: @escaping Work) {
            self.lock.hold()
            self.order = (threads, work)
            self.lock.wakeAll()
            self.lock.release()
        }

        func nextOrder() -> (threads: Int, work: Work)? {
            self.lock.hold()
            defer { self.lock.release() }
            while self.order == nil, !self.isClosed { self.lock.wait() }
            defer { self.order = nil }
            return self.isClosed ? nil : self.order
        }

        func finish(_ product: Result<Product, any Error>) {
            self.lock.hold()
            self.product = product
            self.lock.wakeAll()
            self.lock.release()
        }

        func take() -> Result<Product, any Error> {
            self.lock.hold()
            defer { self.lock.release() }
            while true {
                if let product = self.product {
                    self.product = nil
                    return product
                }
                self.lock.wait()
            }
        }

        func close() {
            self.lock.hold()
            self.isClosed = true
            self.lock.wakeAll()
            self.lock.release()
        }
    }

    private let desk = Desk()
    private let thread: WorkerThread

    init() throws(ThreadError) {
        self.thread = try WorkerThread { [desk] in
            var team: ThreadTeam?
            while let order = desk.nextOrder() {
                // Fewer threads where the system has no more: they change nothing but the speed.
                let own = Result { try team ?? (try? ThreadTeam(count: order.threads)) ?? ThreadTeam(count: 1) }
                team = try? own.get()
                desk.finish(Result { try order.work(own.get()) })
            }
        }
    }

    deinit {
        self.desk.close()
        self.thread.join()
    }

    /// Begins to make something; what was begun before has been taken.
    func begin(threads: Int, _ work: @escaping @Sendable (ThreadTeam) throws -> Product) {
        self.desk.put(threads: threads, work)
    }

    /// Waits for what was begun.
    func take() -> Result<Product, any Error> { self.desk.take() }
}
