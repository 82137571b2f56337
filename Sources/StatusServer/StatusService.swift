// SPDX-License-Identifier: Apache-2.0

import Foundation
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// A small HTTP server that shows a process: its health, its figures and a page.
///
/// It has threads of its own and takes none of the program's: whatever happens to it, the work goes on.
public final class StatusService: Sendable {
    /// The place where the server listens, and those whom it answers.
    public struct Options: Sendable {
        /// The place where it listens.
        public var address: ListenAddress
        /// The secret that is asked for. Anywhere but on the loopback there has to be one.
        public var token: AccessToken?
        /// Other names by which it is reached, `NAME` or `NAME:PORT`.
        public var names: [String] = []
        /// Its bounds.
        public var limits = ServerLimits()

        /// Options by their parts.
        public init(address: ListenAddress, token: AccessToken? = nil, names: [String] = []) {
            self.address = address
            self.token = token
            self.names = names
        }
    }

    /// The address that it listens at, with the port that it got.
    public let address: String
    /// The port that it got.
    public let port: Int

    private let desk: Responder
    private let board: ConnectionBoard
    private let loop: MultiThreadedEventLoopGroup
    private let server: Server<GuardedChannel>
    private let end: EndSignal

    /// Counts since the start.
    public var counts: ServerCounts { self.board.counts }

    /// Bytes of answers that wait for their clients.
    var bytesInFlight: Int { self.desk.bytesInFlight }

    /// Starts to listen; returns when the port is bound.
    /// - Parameters:
    ///   - observe: is told of what happens, to count it, from any thread; must not wait.
    ///   - report: is told of answers that failed, from any thread.
    public init(
        _ content: ServerContent, _ options: Options, observe: @escaping @Sendable (ServerEvent) -> Void = { _ in },
        report: @escaping @Sendable (String) -> Void
    ) throws(StatusServiceError) {
        let names = try Self.names(options)
        let board = ConnectionBoard(observe: observe)
        let session = options.token == nil ? nil : AccessToken.random()
        let desk = Responder(content, limits: options.limits, board: board, session: session, report: report)
        let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let bound = Signal<Int>()
        let end = EndSignal()
        let server = Server(
            childChannelSetup: GuardedChannel(limits: options.limits, board: board) { request, writer, channel in
                try await desk.respond(to: request, writer, channel: channel)
            },
            configuration: ServerConfiguration(address: .hostname(options.address.host, port: options.address.port)),
            onServerRunning: { channel in bound.send(.success(channel.localAddress?.port ?? 0)) },
            eventLoopGroup: loop,
            logger: Logger(label: "millrace.http") { _ in SwiftLogNoOpLogHandler() })
        Task(executorPreference: LoopExecutor(loop.next())) {
            do {
                try await server.run()
            } catch {
                bound.send(.failure(error))
            }
            end.send()
        }
        let port: Int
        do {
            port = try bound.wait().get()
        } catch {
            loop.shutdownGracefully { _ in }
            throw StatusServiceError(binding: options.address, error)
        }
        desk.open(
            AccessRules(
                isLoopback: options.address.isLoopback, port: port, names: names, token: options.token,
                session: session?.token))
        self.port = port
        self.address = HostName(host: options.address.host, port: port).description
        self.desk = desk
        self.board = board
        self.loop = loop
        self.server = server
        self.end = end
    }

    /// Ends: no new connections, a moment for answers that are being sent, the end of the events.
    /// - Parameter time: the longest that it takes.
    /// - Returns: whether all has ended; an answer that waits for a log may not have.
    @discardableResult
    public func stop(within time: Duration = .seconds(3)) -> Bool {
        self.desk.close()
        let server = self.server
        Task(executorPreference: LoopExecutor(self.loop.next())) { try? await server.shutdownGracefully() }
        guard self.end.wait(for: time) else { return false }
        self.loop.shutdownGracefully { _ in }
        return true
    }

    private static func names(_ options: Options) throws(StatusServiceError) -> [HostName] {
        if options.token == nil, !options.address.isLoopback {
            throw StatusServiceError(
                .usage,
                "\(options.address) can be reached from other machines, so a token is needed: give a file that holds it, "
                    + "or listen at 127.0.0.1:\(options.address.port)")
        }
        var names: [HostName] = []
        for text in options.names {
            guard let name = HostName(parsing: text) else {
                throw StatusServiceError(.usage, "“\(text)” is no name of a host: write NAME or NAME:PORT")
            }
            names.append(name)
        }
        return names
    }
}

/// A server that does not start.
public struct StatusServiceError: Error, Sendable, CustomStringConvertible {
    /// Kinds of causes: the options, or the system.
    public enum Code: Sendable { case usage, failed }

    /// The kind of cause.
    public let code: Code
    /// The address, the cause and the remedy.
    public let message: String
    /// Equals `message`.
    public var description: String { self.message }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    init(binding address: ListenAddress, _ error: any Error) {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            self.init(
                .failed,
                "\(address) is in use by another process: give another port, or port 0, which takes a free one and says "
                    + "which")
        case EACCES:
            self.init(.failed, "\(address): this user may not listen there; take a port from 1024 on")
        case EADDRNOTAVAIL:
            self.init(.failed, "\(address): this machine has no such address; 127.0.0.1 and 0.0.0.0 it has")
        default:
            self.init(.failed, "cannot listen at \(address): \(error)")
        }
    }
}
