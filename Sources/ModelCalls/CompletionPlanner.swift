// SPDX-License-Identifier: Apache-2.0

import Codecs
import ModelAnswerCache
public import ModelRequests
public import ModelServers
import Records
import Synchronization

/// Stands in for the model servers when one only wants to know what a run would ask: looks answers up, notes what is
/// missing, and opens no connection. The cache is only read; if there is none, everything is missing.
public final class CompletionPlanner: CompletionProvider {
    /// A count of what a run would ask.
    public struct Plan: Hashable, Sendable {
        /// Tells whether a model would be asked at all.
        public var asksModel = false
        /// Answers that are kept.
        public var hits = 0
        /// Requests that have no answer, each counted once: the calls there would be if no conversation went on.
        public var calls = 0
        /// The fewest and the most calls that may follow those, as the conversations say; those that wait for the same
        /// requests count once.
        public var callsToCome = 0...0
        /// Bytes of those requests' messages, an image counted as a text of as many tokens.
        public var promptBytes = 0
        /// Images in those requests.
        public var images = 0
        /// Images among them that would not be sent. Their digests are not looked at.
        public var imagesRefused = 0
        /// The fault of the first of these.
        public var imageProblem: String?
        /// Tells whether there are images and no folder is named that they lie in: a run would end at the first.
        public var needsMedia = false
        /// The tokens that their answers may have at most.
        public var answerTokensMax = 0
        /// Items that the missing answers have room for, each request's as often as it was met; `nil` if a
        /// request does not bound them.
        public var itemsMax: Int? = 0
        /// Calls in flight at a time, if the topology says so.
        public var inFlightMax: Int?
    }

    private let cache: ResponseCache?
    private let media: MediaFolder?
    private let state = Mutex<(plan: Plan, missing: Set<String>)>((Plan(), []))

    /// Opens the cache, if there is one.
    /// - Parameter media: the folder that the images of requests lie in.
    /// - Throws: `ModelEndpointProblem` if it cannot be read.
    public init(cacheFolder: String, media: MediaFolder? = nil) throws(ModelEndpointProblem) {
        self.media = media
        var options = ResponseCache.Options()
        options.readOnly = true
        options.mustExist = true
        do throws(CacheError) {
            self.cache = try ResponseCache(folder: cacheFolder, options: options)
        } catch {
            guard error.code == .missing else { throw ModelEndpointProblem(error.message) }
            self.cache = nil
        }
    }

    /// The plan as found so far.
    public var plan: Plan { self.state.withLock { $0.plan } }

    /// Looks answers up and notes what is missing.
    public func source(for endpoint: ModelEndpoint) -> any CompletionSource {
        self.state.withLock { state in
            state.plan.asksModel = true
            state.plan.inFlightMax = endpoint.inFlightMax
        }
        return Source(planner: self)
    }

    /// Closes the cache.
    public func close() { self.cache?.close() }

    private struct Source: CompletionSource {
        let planner: CompletionPlanner

        func kept(_ request: ChatRequest) -> Completion? { self.planner.look(for: request) }

        func foresee(_ missing: [ChatRequest], further: ClosedRange<Int>) {
            self.planner.note(missing, further: further)
        }

        /// Nobody is asked.
        func complete(_ request: ChatRequest, record: Int) async throws(CompletionFailure) -> Completion {
            throw .cancelled
        }
    }

    private func look(for request: ChatRequest) -> Completion? {
        guard let key = try? CacheKey(request.key), let entry = try? self.cache?.lookup(key),
            let answer = try? entry.read()
        else { return nil }
        self.state.withLock { $0.plan.hits += 1 }
        return Completion(answer)
    }

    /// Notes what a conversation waits for: its first request has no answer, of those beside it some may have one.
    private func note(_ open: [ChatRequest], further: ClosedRange<Int>) {
        let missing = open.prefix(1) + open.dropFirst().filter { self.look(for: $0) == nil }
        let new: [ChatRequest] = self.state.withLock { state in
            var new: [ChatRequest] = []
            for request in missing {
                state.plan.itemsMax = state.plan.itemsMax.flatMap { all in Self.itemsMax(of: request).map { all + $0 } }
                guard state.missing.insert(request.key).inserted else { continue }
                new.append(request)
                state.plan.calls += 1
                state.plan.promptBytes += request.promptBytes
                state.plan.answerTokensMax += request.maxTokens ?? 0
            }
            guard !new.isEmpty else { return [] }
            let known = state.plan.callsToCome
            state.plan.callsToCome = known.lowerBound + further.lowerBound...known.upperBound + further.upperBound
            return new
        }
        self.look(at: new.flatMap(\.messages).flatMap(\.images))
    }

    /// Notes the images of a request that has no answer.
    private func look(at images: [MessageImage]) {
        if images.isEmpty { return }
        let problems = images.compactMap { self.media?.problem(of: $0) }
        self.state.withLock { state in
            state.plan.images += images.count
            state.plan.imagesRefused += problems.count
            state.plan.imageProblem = state.plan.imageProblem ?? problems.first
            state.plan.needsMedia = self.media == nil
        }
    }

    /// Returns the number of items that the list in an answer may have, as the request's schema bounds it.
    private static func itemsMax(of request: ChatRequest) -> Int? {
        guard let schema = request.schema, let json = try? JSONValue(parsing: schema.utf8),
            case .object(let members)? = json["properties"]
        else { return nil }
        return members.lazy.compactMap { $0.value["maxItems"]?.int }.first
    }
}
