// SPDX-License-Identifier: Apache-2.0

import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// A connection of HTTP/1.1 between its guards.
struct GuardedChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    let limits: ServerLimits
    let board: ConnectionBoard
    let responder: HTTPChannelHandler.Responder

    /// Bytes that the system keeps for a client that does not read.
    private static let sendBuffer = 256 << 10

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let connection = ConnectionGuard(limits: self.limits, board: self.board)
        do {
            try channel.pipeline.syncOperations.addHandler(connection)
            try channel.syncOptions?.setOption(.socketOption(.so_sndbuf), value: SocketOptionValue(Self.sendBuffer))
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return self.http(NIOLoopBound(connection, eventLoop: channel.eventLoop))
            .setup(channel: channel, logger: logger)
    }

    func handle(value: Value, logger: Logger) async {
        await HTTP1Channel(responder: self.responder).handle(value: value, logger: logger)
    }

    private func http(_ connection: NIOLoopBound<ConnectionGuard>) -> HTTP1Channel {
        let decoder = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: ServerLimits.maxHeadBytes, maxHeaderListSize: ServerLimits.maxHeadBytes,
            maxHeaderFieldCount: 64)
        return HTTP1Channel(
            responder: self.responder,
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [RequestGuard(connection)], httpDecoderConfiguration: decoder))
    }
}
