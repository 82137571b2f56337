// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Codecs
public import ModelRequests
import NIOCore
import NIOHTTP1
import NIOSSL
import Records
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Speaks to one model server, one call at a time; who may call when is `ModelServer`'s business.
///
/// It holds a pool of connections as large as its in-flight bound, so there is one of it for each server and process.
/// `shutdown` closes it.
public final class ChatClient: Sendable {
    /// Settings for speaking to the server.
    let configuration: ClientConfiguration
    private let meter: CallMeter
    private let http: HTTPClient
    private let headers: HTTPHeaders
    private let isShutDown = Mutex(false)

    /// Creates a client; nothing is sent yet.
    /// - Parameter meter: is asked before each call.
    /// - Throws: `EndpointError` for a header, a proxy or an authority file that cannot be used.
    public init(_ configuration: ClientConfiguration, meter: CallMeter = CallMeter()) throws(EndpointError) {
        self.configuration = configuration
        self.meter = meter
        self.headers = try Self.headers(configuration)
        self.http = HTTPClient(
            eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: try Self.pool(configuration))
    }

    deinit {
        // HTTPClient must be told before it goes; it keeps itself alive until it is done.
        if !self.isShutDown.withLock({ $0 }) { self.http.shutdown { _ in } }
    }

    /// Closes the connections; calls under way end as cancelled. Called again, it does nothing.
    public func shutdown() async {
        let first = self.isShutDown.withLock { isShutDown in
            defer { isShutDown = true }
            return !isShutDown
        }
        if first { try? await self.http.shutdown() }
    }

    /// The server's address.
    public var endpoint: Endpoint { self.configuration.endpoint }

    /// Asks once.
    ///
    /// - Parameter form: how the request is put for a server that refuses parts of it.
    /// - Throws: `ChatFailure`, sorted by whose fault it is.
    public func complete(
        _ request: ChatRequest, form: RequestForm = RequestForm()
    ) async throws(ChatFailure) -> ChatAnswer {
        do throws(CallFailure) {
            return try await self.attempt(request, form)
        } catch {
            throw error.failure
        }
    }

    /// The reason why a call brought no answer, with the part of the request that the server refuses, if it says so.
    struct CallFailure: Error {
        var failure: ChatFailure
        var refusal: RequestRefusal?
    }

    /// Asks once.
    func attempt(_ request: ChatRequest, _ form: RequestForm) async throws(CallFailure) -> ChatAnswer {
        let body: Bytes
        do throws(ChatFailure) {
            body = try await self.body(of: request, form)
        } catch {
            throw CallFailure(failure: error)
        }
        return try await self.attempt(request, form, body)
    }

    /// Asks once.
    /// - Parameters:
    ///   - body: the request in that form, as `body(of:_:)` puts it.
    ///   - isFinished: whether a call that has been sent is waited for though the task is cancelled: it is paid for.
    ///     Shutting down ends it all the same.
    func attempt(
        _ request: ChatRequest, _ form: RequestForm, _ body: Bytes, isFinished: Bool = false
    ) async throws(CallFailure) -> ChatAnswer {
        guard let receipt = await self.meter.admit(request) else { throw CallFailure(failure: .cancelled) }
        do throws(CallFailure) {
            let answer =
                isFinished
                ? try await self.finish(request, form, body) : try await self.send(request, form, body)
            receipt(.success(answer))
            return answer
        } catch {
            receipt(.failure(error.failure))
            throw error
        }
    }

    /// Sends a call in a task of its own, which nobody cancels.
    private func finish(
        _ request: ChatRequest, _ form: RequestForm, _ body: Bytes
    ) async throws(CallFailure) -> ChatAnswer {
        try await Task {
            do throws(CallFailure) {
                return Result<ChatAnswer, CallFailure>.success(try await self.send(request, form, body))
            } catch {
                return .failure(error)
            }
        }.value.get()
    }

    /// Sends a call that has its place, and reads what comes back.
    private func send(
        _ request: ChatRequest, _ form: RequestForm, _ body: Bytes
    ) async throws(CallFailure) -> ChatAnswer {
        var call = HTTPClientRequest(url: self.endpoint.api("/chat/completions"))
        call.method = .POST
        call.headers = self.headers
        call.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
        call.body = .bytes(ByteBuffer(bytes: body))
        let reply: Reply
        do throws(ChatFailure) {
            reply = try await self.exchange(call, Limits(self.configuration))
        } catch {
            throw CallFailure(failure: error)
        }
        guard reply.status == 200 else {
            let words = self.redacted(reply.body)
            throw CallFailure(
                failure: FailureSorting.failure(
                    status: reply.status, headers: reply.headers, body: words, images: request.imageCount,
                    now: Self.secondsSince1970()),
                refusal: RequestRefusal(status: reply.status, ErrorBody(words), request, form))
        }
        do throws(BadAnswer) {
            return try Self.answer(reply.headers, reply.body)
        } catch {
            throw CallFailure(failure: self.failure(of: reply, error))
        }
    }

    /// The body decides, whatever it is called: JSON comes as `text/plain` and as `application/octet-stream` too.
    private static func answer(_ headers: HTTPHeaders, _ body: Bytes) throws(BadAnswer) -> ChatAnswer {
        do throws(BadAnswer) {
            return try ChatAnswer(parsing: body)
        } catch {
            throw FailureSorting.named(error, contentType: headers.first(name: "content-type"))
        }
    }

    /// The same fault, described without secrets: they are struck out before the body is quoted from, because a key
    /// that a quotation cuts in two would not be found any more.
    private func failure(of reply: Reply, _ found: BadAnswer) -> ChatFailure {
        var bad = BadAnswer(found.reason, found.reason.rawValue)
        do throws(BadAnswer) {
            _ = try Self.answer(reply.headers, self.redacted(reply.body))
        } catch {
            bad = error
        }
        return self.redacted(.server(kind: .badAnswer(found.reason), message: bad.message))
    }

    // MARK: Other routes

    /// The answer of a route beside the chat.
    struct Reply: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var body: Bytes
    }

    /// Reads a route, within ten seconds.
    func get(_ url: String) async throws(ChatFailure) -> Reply {
        var call = HTTPClientRequest(url: url)
        call.headers = self.headers
        var limits = Limits(self.configuration)
        limits.firstByteSeconds = min(10, limits.firstByteSeconds)
        limits.totalSeconds = min(10, limits.totalSeconds)
        return try await self.exchange(call, limits)
    }

    // MARK: One exchange

    private struct Limits: Sendable {
        var firstByteSeconds: Double
        var totalSeconds: Double
        var bytesMax: Int

        init(_ configuration: ClientConfiguration) {
            self.firstByteSeconds = configuration.firstByteTimeoutSeconds
            self.totalSeconds = configuration.totalTimeoutSeconds
            self.bytesMax = configuration.answerBytesMax
        }
    }

    private struct TotalDeadline: Error {
        let seconds: Double
    }

    /// Bytes read of an answer that is not 200; the rest is of no use.
    private static let errorBytesMax = 64 << 10
    /// Bytes of room made for an answer before it comes, at most.
    private static let reservedBytesMax = 1 << 20

    private func exchange(_ call: HTTPClientRequest, _ limits: Limits) async throws(ChatFailure) -> Reply {
        do {
            return try await withThrowingTaskGroup(of: Reply?.self) { group in
                group.addTask { try await self.perform(call, limits) }
                group.addTask {
                    try await Task.sleep(nanoseconds: UInt64(Self.amount(limits.totalSeconds).nanoseconds))
                    return nil
                }
                defer { group.cancelAll() }
                guard let first = try await group.next(), let reply = first else {
                    throw TotalDeadline(seconds: limits.totalSeconds)
                }
                return reply
            }
        } catch {
            throw self.redacted(self.sort(error, limits))
        }
    }

    private func perform(_ call: HTTPClientRequest, _ limits: Limits) async throws -> Reply {
        let response = try await self.http.execute(
            call, deadline: .now() + Self.amount(limits.firstByteSeconds))
        let status = Int(response.status.code)
        let isAnswer = status == 200
        let announced = response.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        if isAnswer, announced > limits.bytesMax { throw Self.tooLarge(limits.bytesMax, announced: announced) }
        var body: Bytes = []
        // An announced length need not come.
        body.reserveCapacity(isAnswer ? min(max(0, announced), Self.reservedBytesMax) : 0)
        for try await chunk in response.body {
            if isAnswer, body.count + chunk.readableBytes > limits.bytesMax {
                throw Self.tooLarge(limits.bytesMax, announced: nil)
            }
            body.append(contentsOf: chunk.readableBytesView)
            if !isAnswer, body.count >= Self.errorBytesMax { break }
        }
        // A cancelled reader may see the end of the body instead of an error.
        try Task.checkCancellation()
        return Reply(status: status, headers: response.headers, body: body)
    }

    private static func tooLarge(_ bytesMax: Int, announced: Int?) -> BadAnswer {
        BadAnswer(
            .tooLarge,
            announced.map { "the answer has \($0) bytes; at most \(bytesMax) are read" }
                ?? "the answer has more than \(bytesMax) bytes; reading stopped there")
    }

    // MARK: Failures of transport

    private func sort(_ error: any Error, _ limits: Limits) -> ChatFailure {
        switch error {
        case is CancellationError:
            return .cancelled
        case let bad as BadAnswer:
            return .server(kind: .badAnswer(bad.reason), message: bad.message)
        case let deadline as TotalDeadline:
            return .server(kind: .timeout, message: "no complete answer within \(deadline.seconds) s")
        case let error as HTTPClientError:
            return self.sort(error, limits)
        case HTTPParserError.invalidEOFState:
            return .server(kind: .disconnected, message: "the connection was closed before the answer was complete")
        case is HTTPParserError:
            return .server(kind: .badAnswer(.notHTTP), message: "the answer is not HTTP: \(error)")
        case let error as IOError where error.errnoCode == ECONNRESET || error.errnoCode == EPIPE:
            return .server(kind: .disconnected, message: "the connection was reset")
        case let error as IOError:
            let reason = String(cString: strerror(error.errnoCode))
            return .server(kind: .refused, message: "no connection to \(self.endpoint): \(reason)")
        case ChannelError.eof, ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, ChannelError.inputClosed:
            return .server(kind: .disconnected, message: "the connection was closed")
        default:
            let text = ErrorBody.excerpt(Bytes(String(describing: error).utf8))
            return .server(kind: .refused, message: "no connection to \(self.endpoint): \(text)")
        }
    }

    private func sort(_ error: HTTPClientError, _ limits: Limits) -> ChatFailure {
        switch error {
        case .deadlineExceeded, .readTimeout, .writeTimeout:
            return .server(kind: .timeout, message: "no answer began within \(limits.firstByteSeconds) s")
        case .cancelled, .requestStreamCancelled:
            return Task.isCancelled || self.isShutDown.withLock({ $0 })
                ? .cancelled : .server(kind: .disconnected, message: "the connection was closed")
        case .alreadyShutdown:
            return .cancelled
        case .remoteConnectionClosed, .uncleanShutdown:
            return .server(kind: .disconnected, message: "the connection was closed before the answer was complete")
        case .proxyAuthenticationRequired:
            return .server(kind: .status(407), message: "the proxy wants a user and a password in its URL")
        default:
            return .server(kind: .refused, message: "no connection to \(self.endpoint): \(error.shortDescription)")
        }
    }

    /// Servers and proxies repeat what they were sent; keys must not come to light that way.
    private func redacted(_ text: String) -> String {
        ([self.configuration.apiKey] + self.configuration.headers.map(\.value)).compactMap { $0 }
            .reduce(text) { $1.redact($0) }
    }

    private func redacted(_ body: Bytes) -> Bytes {
        Bytes(self.redacted(String(decoding: body.prefix(Self.errorBytesMax), as: UTF8.self)).utf8)
    }

    private func redacted(_ failure: ChatFailure) -> ChatFailure {
        switch failure {
        case .request(let reason, let message): return .request(reason: reason, message: self.redacted(message))
        case .server(let kind, let message): return .server(kind: kind, message: self.redacted(message))
        case .shared(let message): return .shared(message: self.redacted(message))
        case .unreadable: return failure
        case .cancelled: return .cancelled
        }
    }

    /// The wall clock, for a `Retry-After` that is a date in an answer without one.
    private static func secondsSince1970() -> Double { Double(time(nil)) }
}
