// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Tells the connection's guard of requests and answers, drops bodies, and says why what is no request is refused.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let connection: NIOLoopBound<ConnectionGuard>
    private var closes = false

    init(_ connection: NIOLoopBound<ConnectionGuard>) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head: self.connection.value.began()
        // The answer refuses it; nobody reads it.
        case .body: return
        case .end: break
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow: self.connection.value.refuse(.headers)
        case is HTTPParserError: self.connection.value.refuse(.malformed)
        case is HTTP1TypeConversionError: self.connection.value.refuse(.method)
        default: context.fireErrorCaught(error)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch self.unwrapOutboundIn(data) {
        case .head(let head):
            self.closes = head.headerFields[.connection] == "close"
            self.connection.value.answers(streaming: head.headerFields[.contentType] == EventStream.type)
            context.write(data, promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            if self.closes {
                context.writeAndFlush(data, promise: promise)
                self.connection.value.finish()
            } else {
                context.write(data, promise: promise)
            }
            self.connection.value.ended()
        }
    }
}
