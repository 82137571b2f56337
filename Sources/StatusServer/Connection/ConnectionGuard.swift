// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Keeps a connection within its bounds, at the bytes: it ends where requests come too slowly or too large, where the
/// client does not take its answers, or where there are too many connections.
///
/// It stands before everything else. `RequestGuard` tells it of requests and answers. All on the event loop.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let limits: ServerLimits
    private let board: ConnectionBoard
    private var context: ChannelHandlerContext?
    private var isCounted = false

    /// Requests that are being answered.
    private var open = 0
    /// Bytes that have come since the last whole head.
    private var unparsed = 0
    private var isStreaming = false
    private var isClosing = false
    /// A refusal of what has come behind requests that are still being answered.
    private var postponed: Refusal?

    /// The end of waiting for a request, or for the end.
    private var deadline: NIODeadline?
    /// The end of waiting for a client who does not read, and the bytes that waited then.
    private var stall: (deadline: NIODeadline, bytes: Int)?
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?

    init(limits: ServerLimits, board: ConnectionBoard) {
        self.limits = limits
        self.board = board
    }

    // MARK: The connection

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.timer?.task.cancel()
        self.timer = nil
        self.context = nil
        self.leave()
    }

    func channelActive(context: ChannelHandlerContext) {
        self.isCounted = self.board.enter(max: self.limits.connections)
        self.wait(for: self.limits.requestTime)
        context.fireChannelActive()
        if !self.isCounted { self.refuse(.crowded) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.leave()
        context.fireChannelInactive()
    }

    private func leave() {
        if self.isCounted { self.board.leave() }
        self.isCounted = false
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            // A listener says nothing more, so this is the only sign that it has gone.
            if self.isStreaming || self.isClosing { return context.close(promise: nil) }
        case is ChannelShouldQuiesceEvent:
            self.deadline = nil
            self.wait(for: self.limits.stopTime)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Nothing that comes behind a refusal is read by anyone.
        if self.isClosing || self.postponed != nil { return }
        if self.open == 0, self.unparsed == 0 { self.wait(for: self.limits.requestTime) }
        self.unparsed += self.unwrapInboundIn(data).readableBytes
        context.fireChannelRead(data)
        if self.unparsed > ServerLimits.maxHeadBytes { self.refuse(.headers) }
    }

    /// A whole head has come.
    func began() {
        self.unparsed = 0
        self.open += 1
        self.deadline = nil
    }

    /// The head of an answer is sent.
    func answers(streaming: Bool) { self.isStreaming = streaming }

    /// An answer has been sent.
    func ended() {
        self.open -= 1
        self.isStreaming = false
        guard self.open == 0, !self.isClosing else { return }
        if let postponed { return self.refuse(postponed) }
        self.wait(for: self.limits.idleTime)
    }

    /// Says why the connection ends, where an answer can be understood, and ends it.
    func refuse(_ refusal: Refusal) {
        guard !self.isClosing, let context else { return }
        if self.isStreaming { return context.close(promise: nil) }
        self.postponed = refusal
        if self.open > 0 { return }
        self.board.refused(refusal)
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: RefusalResponse.bytes(refusal))), promise: nil)
        self.finish()
    }

    /// Ends the connection behind what has been written. What still comes is read and dropped for a moment: a closed
    /// socket would answer it by a reset, which takes the last answer away from the client.
    func finish() {
        guard !self.isClosing, let context else { return }
        self.isClosing = true
        context.close(mode: .output, promise: nil)
        self.deadline = nil
        self.wait(for: .seconds(2))
    }

    // MARK: Time

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.stall = nil
        } else {
            self.stall = (.now() + TimeAmount(self.limits.stallTime), self.waiting)
            self.arm()
        }
        context.fireChannelWritabilityChanged()
    }

    /// Bytes that wait for the client.
    private var waiting: Int {
        (try? self.context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    private func wait(for time: Duration) {
        self.deadline = .now() + TimeAmount(time)
        self.arm()
    }

    private func arm() {
        guard let context, let next = [self.deadline, self.stall?.deadline].compactMap({ $0 }).min() else { return }
        if let timer, timer.deadline <= next { return }
        self.timer?.task.cancel()
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: next) { [weak self] in
            guard let self else { return }
            self.timer = nil
            self.look()
        }
        self.timer = (next, task)
    }

    private func look() {
        guard let context else { return }
        let now = NIODeadline.now()
        if let stall, stall.deadline <= now {
            let waiting = self.waiting
            guard waiting <= stall.bytes - self.limits.stallBytes else {
                self.board.stalled()
                return context.close(promise: nil)
            }
            self.stall = (now + TimeAmount(self.limits.stallTime), waiting)
        }
        if let deadline, deadline <= now {
            self.deadline = nil
            // One that has said nothing is closed as quietly.
            if self.isClosing || self.open > 0 || self.unparsed == 0 { return context.close(promise: nil) }
            self.refuse(.slow)
        }
        self.arm()
    }
}
