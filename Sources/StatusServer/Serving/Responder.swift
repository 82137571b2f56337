// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import NIOCore
import Synchronization

/// Answers requests: checks them, finds the route, and sends what it says.
final class Responder: Sendable {
    private let content: ServerContent
    private let limits: ServerLimits
    private let board: ConnectionBoard
    private let report: @Sendable (String) -> Void
    /// Set once the port is known.
    private let rules: Mutex<AccessRules?>
    private let routes: RouteTable
    private let session: (token: AccessToken, text: String)?
    private let desk: AnswerDesk
    private let figures: FiguresDesk

    init(
        _ content: ServerContent, limits: ServerLimits, board: ConnectionBoard,
        session: (token: AccessToken, text: String)?, report: @escaping @Sendable (String) -> Void
    ) {
        self.content = content
        self.limits = limits
        self.board = board
        self.report = report
        self.rules = Mutex(nil)
        self.routes = RouteTable(content.routes)
        self.session = session
        self.desk = AnswerDesk(limits: limits)
        self.figures = FiguresDesk(age: limits.figuresAge, make: content.metrics)
    }

    /// Begins to let requests pass.
    func open(_ rules: AccessRules) { self.rules.withLock { $0 = rules } }

    /// Ends the events.
    func close() { self.desk.close() }

    /// Bytes of answers that are being sent.
    var bytesInFlight: Int { self.desk.bytesInFlight }

    /// Answers one request.
    @concurrent
    func respond(to request: Request, _ writer: consuming ResponseWriter, channel: any Channel) async throws {
        let head = RequestHead(request.head)
        let isHead = head.method == "HEAD"
        let route = self.group(of: head)
        let outcome: Outcome
        do throws(Refusal) {
            outcome = try await self.outcome(of: head)
        } catch {
            if error.wantsLogin, head.wantsPage {
                self.board.answered(route, status: 303)
                var response = RefusalResponse.head(303, type: "text/plain; charset=utf-8", length: 0)
                response.headerFields[.location] = "/login"
                return try await writer.writeResponse(response)
            }
            self.board.refused(error, route)
            var response = RefusalResponse.head(error)
            if head.wantsClose { response.headerFields[.connection] = "close" }
            if isHead { return try await writer.writeResponse(response) }
            let body = ByteBuffer(bytes: RefusalResponse.body(error))
            return try await writer.write(response: response, body: ResponseBody(byteBuffer: body))
        }
        self.board.answered(route, status: 200)
        switch outcome {
        case .bytes(let type, let bytes, let cookie):
            defer { self.desk.sent(bytes.count) }
            var response = RefusalResponse.head(200, type: type, length: bytes.count)
            if let cookie { response.headerFields[.setCookie] = cookie }
            if head.wantsClose { response.headerFields[.connection] = "close" }
            if isHead { return try await writer.writeResponse(response) }
            try await Self.send(bytes, after: response, writer)
        case .events(let feed):
            self.board.listens()
            defer {
                self.board.leaves()
                self.desk.unlisten()
            }
            var response = RefusalResponse.head(200, type: EventStream.type, length: isHead ? 0 : nil)
            response.headerFields[.connection] = "close"
            if isHead { return try await writer.writeResponse(response) }
            var body: any ResponseBodyWriter = try await writer.writeHead(response)
            try await EventStream.send(feed, after: head.single("last-event-id"), to: &body, channel: channel)
            try await body.finish(nil)
        }
    }

    /// The group of a request's path, for those who count.
    private func group(of head: RequestHead) -> ServerEvent.Route {
        guard let path = try? RequestTarget(parsing: head.target).path else { return .none }
        return ServerEvent.Route(path, isKnown: self.routes.route(for: path) != nil)
    }

    private enum Outcome {
        case bytes(type: String, [UInt8], cookie: String?)
        case events(StatusFeed)
    }

    /// Sends bytes piece by piece, each when the client has taken the one before.
    @concurrent
    private static func send(
        _ bytes: [UInt8], after head: HTTPResponse, _ writer: consuming ResponseWriter
    ) async throws {
        let all = ByteBuffer(bytes: bytes)
        let piece = 64 << 10
        if all.readableBytes <= piece {
            return try await writer.write(response: head, body: ResponseBody(byteBuffer: all))
        }
        var rest = all
        var body: any ResponseBodyWriter = try await writer.writeHead(head)
        while let next = rest.readSlice(length: min(piece, rest.readableBytes)), next.readableBytes > 0 {
            try await body.write(next)
        }
        try await body.finish(nil)
    }

    private func outcome(of head: RequestHead) async throws(Refusal) -> Outcome {
        guard let rules = self.rules.withLock({ $0 }) else { throw .busy }
        try rules.check(head)
        let target = try RequestTarget(parsing: head.target)
        try rules.checkToken(head, path: target.path)
        if let answer = self.ownAnswer(head, target.path, rules) { return try self.taken(answer, of: head) }
        if target.path == AccessRules.exchange { return self.exchange(rules) }
        if target.path == ["metrics"] {
            let figures = try await self.figures.text(report: self.report)
            return try self.taken(.bytes(type: figures.type, figures.bytes), of: head)
        }
        guard let route = self.routes.route(for: target.path) else { throw .unknown }
        let answer = try await self.desk.answer(
            route, StatusRequest(path: target.path, query: target.query), report: self.report)
        return try self.taken(answer, of: head)
    }

    private func ownAnswer(_ head: RequestHead, _ path: [String], _ rules: AccessRules) -> StatusAnswer? {
        let probe: ProbeAnswer
        switch path {
        case ["live"]: probe = self.content.live()
        case ["ready"]: probe = self.content.ready()
        default: return rules.token == nil ? nil : Login.answer(path)
        }
        let text = rules.isTrusted(head) ? probe.text : probe.isWell ? "yes" : "no"
        if !probe.isWell { return .refused(status: 503, text: text) }
        return .bytes(type: "text/plain; charset=utf-8", Array((RefusalResponse.harmless(text) + "\n").utf8))
    }

    /// A cookie for one who has shown the token.
    private func exchange(_ rules: AccessRules) -> Outcome {
        let cookie = self.session.map { "\(rules.cookie)=\($0.text); Path=/; HttpOnly; SameSite=Strict" }
        return .bytes(type: "text/plain; charset=utf-8", Array("welcome\n".utf8), cookie: cookie)
    }

    /// Takes the room for an answer: of bytes in flight, or among the listeners.
    private func taken(_ answer: StatusAnswer, of head: RequestHead) throws(Refusal) -> Outcome {
        switch answer {
        case .bytes(let type, let bytes):
            try self.desk.take(bytes.count)
            return .bytes(type: type, bytes, cookie: nil)
        case .events(let feed):
            try self.desk.listen(to: feed)
            return .events(feed)
        case .refused(let status, let text):
            throw Refusal(400...599 ~= status ? status : 500, .answer, text)
        }
    }
}

extension RequestHead {
    init(_ request: HTTPRequest) {
        var fields: [String: [String]] = [:]
        var hosts = request.authority.map { [$0] } ?? []
        for field in request.headerFields {
            let name = field.name.canonicalName
            if name == "host" { hosts.append(field.value) }
            fields[name, default: []].append(field.value)
        }
        self.init(method: request.method.rawValue, target: request.path ?? "", hosts: hosts, fields: fields)
    }
}
