// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
import ModelAnswerCache
public import ModelRequests
public import ModelServers
import Synchronization
public import Telemetry

/// The model servers of a process, behind one response cache: every answer is kept, no request is paid for twice, and
/// there is one bound of calls in flight for each server, however many partitions ask it.
///
/// The cache is opened, and created, when the first step asks for a source; nothing is sent before an answer is
/// missing.
public final class CompletionService: CompletionProvider {
    /// Settings and resources that a service needs from its surroundings.
    public struct Options: Sendable {
        /// The folder of the response cache.
        public var cacheFolder: String
        /// The largest size of the cache's file, in bytes; `nil` is without limit.
        public var cacheBytesMax: Int?
        /// The process's environment: keys and proxies.
        public var environment: [String: String]
        /// The folder that the images of requests lie in.
        public var media: MediaFolder?
        /// The budget of this run.
        public var budget: Budget?
        /// Time that a server which does not answer is waited for, in seconds; `nil` is for ever.
        public var waitSecondsMax: Double?
        /// Time that calls which have been sent are waited for at the end of a run, in seconds.
        public var endSecondsMax = 5.0
        /// Is told what a person should know, from any thread.
        public var notify: @Sendable (CompletionNotice) -> Void = { _ in }
        /// Is told each second which servers are waited for, and at the end that none is.
        public var onWaits: @Sendable ([ServerWait]) -> Void = { _ in }
        /// The backend that metrics go to; by default the one that swift-metrics was bootstrapped with.
        public var metrics: (any MetricsFactory)?
        /// The clock that waiting goes by.
        package var clock = ModelClock.system()

        /// Creates options.
        public init(cacheFolder: String, environment: [String: String]) {
            self.cacheFolder = cacheFolder
            self.environment = environment
        }
    }

    private let options: Options
    private let halting = RunHalt()
    private let state = Mutex(State())

    private struct State {
        var cache: ResponseCache?
        var journal: CallJournal?
        var sources: [String: ServerSource] = [:]
        var watch: Task<Void, Never>?
        /// The time at which the end began.
        var endingSince: Double?
    }

    /// The reason why no more calls are made, though records wait.
    public enum Halt: Error, Hashable, Sendable {
        /// The budget is spent.
        case budgetSpent(String)
        /// Answers cannot be kept: the disk is full, say.
        case failed(String)
    }

    /// Prepares a service; nothing is opened.
    public init(_ options: Options) { self.options = options }

    // MARK: Sources

    /// The answers of a server. Nothing is sent yet; the cache is opened.
    /// - Throws: what is wrong with the description or the cache, and what to do about it.
    public func source(for endpoint: ModelEndpoint) throws(ModelEndpointProblem) -> any CompletionSource {
        let configuration = try self.configuration(of: endpoint)
        // If two steps spell one address differently, it is the same server.
        let name = configuration.endpoint.description
        let source =
            if let known = self.state.withLock({ $0.sources[name] }) { known } else {
                try self.addSource(endpoint, configuration)
            }
        guard source.learn(endpoint.price) else {
            throw ModelEndpointProblem("two steps give `\(endpoint.price?.model ?? "")` at \(name) different prices")
        }
        guard source.description == endpoint.withoutPrice else {
            throw ModelEndpointProblem(
                "two steps speak to \(name) with different settings; a server has one bound of calls in flight and one set "
                    + "of deadlines")
        }
        return source
    }

    private func addSource(
        _ endpoint: ModelEndpoint, _ configuration: ClientConfiguration
    ) throws(ModelEndpointProblem) -> ServerSource {
        do throws(EndpointError) {
            // Faults that a client finds are to be known before the run begins.
            _ = try ChatClient(configuration)
        } catch {
            throw ModelEndpointProblem(error.message)
        }
        let (cache, journal) = try self.openCache()
        return self.state.withLock { state in
            let name = configuration.endpoint.description
            if let known = state.sources[name] { return known }
            let source = ServerSource(endpoint, configuration, cache, journal, self.options, self.halting)
            state.sources[name] = source
            if state.watch == nil { state.watch = self.watch() }
            return source
        }
    }

    private func configuration(of endpoint: ModelEndpoint) throws(ModelEndpointProblem) -> ClientConfiguration {
        do throws(EndpointError) {
            var configuration = try ClientConfiguration(
                url: endpoint.url, apiKeyVariable: endpoint.keyVariable, environment: self.options.environment)
            configuration.media = self.options.media
            configuration.inFlightMax = endpoint.inFlightMax ?? ServerSource.inFlightMax
            configuration.connectTimeoutSeconds = endpoint.connectSeconds
            configuration.firstByteTimeoutSeconds = endpoint.firstByteSeconds
            configuration.totalTimeoutSeconds = endpoint.totalSeconds
            configuration.authorityFile = endpoint.authorityFile
            return configuration
        } catch {
            throw ModelEndpointProblem(error.message)
        }
    }

    private func openCache() throws(ModelEndpointProblem) -> (ResponseCache, CallJournal) {
        let opened: Result<(ResponseCache, CallJournal), CacheError> = self.state.withLock { state in
            if let cache = state.cache, let journal = state.journal { return .success((cache, journal)) }
            do throws(CacheError) {
                var options = ResponseCache.Options()
                options.fileBytesMax = self.options.cacheBytesMax
                options.onDamage = { [notify = self.options.notify] key in
                    notify(.warning("the answer to \(key) in the response cache is damaged; it is asked for again"))
                }
                let cache = try ResponseCache(folder: self.options.cacheFolder, options: options)
                let journal = CallJournal(folder: self.options.cacheFolder)
                state.cache = cache
                state.journal = journal
                return .success((cache, journal))
            } catch {
                return .failure(error)
            }
        }
        do throws(CacheError) {
            return try opened.get()
        } catch {
            throw ModelEndpointProblem(error.message)
        }
    }

    // MARK: Waiting

    /// The servers that are waited for now.
    public var waits: [ServerWait] {
        self.state.withLock { $0.sources }.sorted { $0.key < $1.key }.compactMap { $0.value.wait }
    }

    /// Says again and again what is waited for, and ends the run when that was too long.
    private func watch() -> Task<Void, Never> {
        Task { [weak self, options] in
            var patience: [String: WaitPatience] = [:]
            while (try? await options.clock.sleep(1)) != nil, let self {
                let waits = self.waits
                options.onWaits(waits)
                for source in self.state.withLock({ Array($0.sources.values) }) { source.measure() }
                for name in self.state.withLock({ Array($0.sources.keys) }) {
                    let wait = waits.first { $0.server == name }
                    let action = patience[name, default: WaitPatience(secondsMax: options.waitSecondsMax)]
                        .look(wait?.seconds)
                    if let wait { self.act(action, on: wait) }
                }
            }
        }
    }

    private func act(_ action: WaitPatience.Action, on wait: ServerWait) {
        switch action {
        case .nothing: break
        case .say:
            self.options.notify(
                .warning(
                    "still waiting for the model server \(wait.server) for \(wait.text); nothing is lost, Ctrl-C ends"))
        case .giveUp:
            self.halting.halt(
                .failed(
                    "waited for the model server \(wait.server) for \(wait.text); that is as long as `--max-wait` allows, "
                        + "and nothing is lost: the same command goes on from here"))
        }
    }

    // MARK: Ending

    /// Has a closure called, once, when no more calls will be made though records wait: the run should end then.
    public func onHalt(_ body: @escaping @Sendable () -> Void) { self.halting.listen(body) }

    /// The reason why no more calls are made, if so.
    public var halt: Halt? { self.halting.reason }

    /// Time that calls which have been sent are waited for at the end of a run, in seconds.
    public var endSecondsMax: Double { self.options.endSecondsMax }

    /// The calls that have been sent and have no answer yet, over all servers.
    public var callsUnderWay: Int {
        self.state.withLock { Array($0.sources.values) }.reduce(0) { $0 + $1.underWay }
    }

    /// Makes no more calls; those under way go on. For the moment before their requests are cancelled, from which on
    /// `endSecondsMax` counts.
    public func beginNoMore() {
        let sources = self.state.withLock { state in
            if state.endingSince == nil { state.endingSince = self.options.clock.now() }
            return Array(state.sources.values)
        }
        for source in sources { source.beginNoMore() }
    }

    /// Ends what is under way and closes connections and cache. Calls that have been sent are waited for, within
    /// `endSecondsMax`, and what has been answered is stored first.
    public func shutdown() async {
        self.beginNoMore()
        let (sources, cache, journal, watch) = self.state.withLock { state in
            (Array(state.sources.values), state.cache, state.journal, state.watch)
        }
        watch?.cancel()
        await watch?.value
        self.options.onWaits([])
        let clock = self.options.clock
        let deadline = (self.state.withLock { $0.endingSince } ?? clock.now()) + self.options.endSecondsMax
        await cache?.endCalls { try? await clock.sleep(max(0, deadline - clock.now())) }
        for source in sources { await source.shutdown() }
        cache?.close()
        journal?.close()
    }

    /// Kept answers that were damaged, or were none, and were asked for again.
    public var unreadableAnswers: Int { self.state.withLock { $0.cache?.counters.damaged ?? 0 } }

    /// Usage so far, a server at a time, as a process tells it.
    public var figures: [ModelFigures] { self.usage.map(\.figures) }

    /// Usage so far, a server at a time.
    public var usage: [ServerUsage] {
        self.state.withLock { $0.sources }.sorted { $0.key < $1.key }.map { $0.value.usage }
    }
}

/// A notice that is worth passing on to a person.
public enum CompletionNotice: Hashable, Sendable {
    /// News that asks for nothing.
    case info(String)
    /// Trouble that the run gets over, or that somebody should look at.
    case warning(String)
}
