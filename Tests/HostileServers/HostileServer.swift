// SPDX-License-Identifier: Apache-2.0

package import Codecs
import NIOCore
import NIOPosix
package import NIOSSL
import Records
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A hostile server's treatment of one call.
package indirect enum Reply: Sendable {
    /// A whole answer.
    case answer(status: Int, headers: [(String, String)], body: Bytes)
    /// Something after some seconds.
    case after(Double, Reply)
    /// Something once a condition holds, which is looked at every other millisecond.
    case when(@Sendable () -> Bool, Reply)
    /// Nothing, for as long as the client stays.
    case hang
    /// These bytes as they are; then the connection is reset.
    case reset(after: Bytes)
    /// These bytes as they are; then the connection is closed.
    case close(after: Bytes)
    /// These bytes as they are; then nothing.
    case stall(after: Bytes)
    /// A 200 in chunks of 64 KiB, so many bytes in all, as fast as the client reads.
    case flood(bytes: Int)

    package static func json(_ body: String, status: Int = 200, headers: [(String, String)] = []) -> Reply {
        .answer(
            status: status, headers: headers + [("Content-Type", "application/json; charset=utf-8")],
            body: Bytes(body.utf8))
    }

    /// A chat answer with a text.
    package static func chat(_ text: String, finish: String = "stop") -> Reply {
        var json = JSONWriter()
        json.value(text)
        let content = String(decoding: json.bytes, as: UTF8.self)
        return .json(
            """
            {"id":"x","object":"chat.completion","model":"m-1","choices":[{"index":0,"message":{"role":"assistant",\
            "content":\(content)},"finish_reason":"\(finish)"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}
            """)
    }

    package static func fail(_ status: Int, _ message: String = "no", headers: [(String, String)] = []) -> Reply {
        .json(#"{"error":{"message":"\#(message)"}}"#, status: status, headers: headers)
    }
}

/// One call that a server has received.
package struct Call: Sendable {
    /// Calls to the chat route are numbered from zero; those to other routes have -1.
    package var number: Int
    package var method: String
    package var path: String
    package var headers: [String: String]
    package var body: String

    /// The text of the last message, its images left out.
    package var prompt: String {
        self.content?.string ?? self.parts.compactMap { $0["text"]?.string }.joined()
    }

    /// The addresses of the images in the last message.
    package var imageURLs: [String] { self.parts.compactMap { $0["image_url"]?["url"]?.string } }

    private var content: JSONValue? {
        (try? JSONValue(parsing: self.body.utf8))?["messages"]?.array?.last?["content"]
    }

    private var parts: [JSONValue] { self.content?.array ?? [] }

    /// Tells whether it is the probe at the start of a run.
    package var isProbe: Bool { self.prompt.hasSuffix("about the sea.") }

    /// Tells whether it is the client's own tiny request.
    package var isWitness: Bool { self.prompt == "Say OK." }
}

/// A server on the loopback that answers by a script.
package final class HostileServer: Sendable {
    package typealias Script = @Sendable (Call) -> Reply

    package struct Counts: Sendable {
        package var calls: [Call] = []
        package var chats = 0
        package var busy = 0
        package var busyMax = 0
        /// Seconds of slots: the sum of all calls' time at the server.
        package var busySeconds = 0.0
        var lastChange = ContinuousClock.now
        package var bytesFlooded = 0

        mutating func change(_ by: Int) {
            let now = ContinuousClock.now
            self.busySeconds += Double(self.busy) * (self.lastChange.duration(to: now) / .seconds(1))
            self.lastChange = now
            self.busy += by
            self.busyMax = max(self.busyMax, self.busy)
        }
    }

    private let channel: any Channel
    private let counts: CountsBox
    package let port: Int

    final class CountsBox: Sendable {
        let value = Mutex(Counts())
        let children = Mutex<[ObjectIdentifier: any Channel]>([:])
    }

    package init(port: Int = 0, tls: NIOSSLContext? = nil, _ script: @escaping Script) async throws {
        let counts = CountsBox()
        self.counts = counts
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { child in
                counts.children.withLock { $0[ObjectIdentifier(child)] = child }
                child.closeFuture.whenComplete { _ in
                    counts.children.withLock { $0[ObjectIdentifier(child)] = nil }
                }
                return child.eventLoop.makeCompletedFuture {
                    if let tls { try child.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try child.pipeline.syncOperations.addHandler(HostileHandler(script, counts))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        self.port = self.channel.localAddress?.port ?? 0
    }

    package var url: String { "http://127.0.0.1:\(self.port)" }
    package var seen: Counts { self.counts.value.withLock { $0 } }

    /// Stops listening and drops all connections.
    package func stop() async {
        try? await self.channel.close()
        let children = self.counts.children.withLock { Array($0.values) }
        for child in children { try? await child.close() }
    }
}

private final class HostileHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let script: HostileServer.Script
    private let counts: HostileServer.CountsBox
    private var received = ByteBuffer()
    private var busy = 0

    init(_ script: @escaping HostileServer.Script, _ counts: HostileServer.CountsBox) {
        self.script = script
        self.counts = counts
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        self.received.writeBuffer(&buffer)
        while let call = self.nextCall() {
            let call = self.begin(call)
            self.perform(self.script(call), context.channel)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let busy = self.busy
        self.busy = 0
        self.counts.value.withLock { $0.change(-busy) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func begin(_ call: Call) -> Call {
        var call = call
        self.busy += 1
        self.counts.value.withLock { counts in
            if call.path.hasSuffix("/chat/completions") {
                call.number = counts.chats
                counts.chats += 1
            }
            counts.calls.append(call)
            counts.change(1)
        }
        return call
    }

    private func end() {
        guard self.busy > 0 else { return }
        self.busy -= 1
        self.counts.value.withLock { $0.change(-1) }
    }

    private func nextCall() -> Call? {
        let bytes = Bytes(self.received.readableBytesView)
        guard let split = bytes.firstRange(of: Bytes("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<split.lowerBound], as: UTF8.self).split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " }) }
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        guard bytes.count >= split.upperBound + length else { return nil }
        self.received.moveReaderIndex(forwardBy: split.upperBound + length)
        let words = (lines.first ?? "").split(separator: " ").map(String.init)
        return Call(
            number: -1, method: words.first ?? "", path: words.dropFirst().first ?? "", headers: headers,
            body: String(decoding: bytes[split.upperBound..<split.upperBound + length], as: UTF8.self))
    }

    private func perform(_ reply: Reply, _ channel: any Channel) {
        switch reply {
        case .answer(let status, let headers, let body):
            var head = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.count)\r\n"
            for (name, value) in headers { head += "\(name): \(value)\r\n" }
            var buffer = channel.allocator.buffer(string: head + "\r\n")
            buffer.writeBytes(body)
            self.end()
            channel.writeAndFlush(buffer, promise: nil)
        case .after(let seconds, let reply):
            let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
            channel.eventLoop.scheduleTask(in: .nanoseconds(Int64(seconds * 1e9))) {
                if channel.isActive { bound.value.perform(reply, channel) }
            }
        case .when(let holds, let reply):
            self.perform(holds() ? reply : .after(0.002, .when(holds, reply)), channel)
        case .hang: break
        case .stall(let bytes):
            channel.writeAndFlush(channel.allocator.buffer(bytes: bytes), promise: nil)
        case .close(let bytes):
            channel.writeAndFlush(channel.allocator.buffer(bytes: bytes)).whenComplete { _ in
                channel.close(promise: nil)
            }
        case .reset(let bytes):
            channel.writeAndFlush(channel.allocator.buffer(bytes: bytes)).whenComplete { _ in
                // Lingering for no time, a socket is closed by a reset.
                let option = ChannelOptions.Types.SocketOption(level: .socket, name: .so_linger)
                channel.setOption(option, value: 1).whenComplete { _ in channel.close(promise: nil) }
            }
        case .flood(let bytes):
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            channel.writeAndFlush(channel.allocator.buffer(string: head), promise: nil)
            self.flood(bytes, channel)
        }
    }

    private func flood(_ bytes: Int, _ channel: any Channel) {
        guard bytes > 0 else {
            self.end()
            channel.writeAndFlush(channel.allocator.buffer(string: "0\r\n\r\n"), promise: nil)
            return
        }
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        var buffer = channel.allocator.buffer(string: "10000\r\n")
        buffer.writeRepeatingByte(UInt8(ascii: " "), count: 65536)
        buffer.writeString("\r\n")
        channel.writeAndFlush(buffer).whenSuccess {
            bound.value.counts.value.withLock { $0.bytesFlooded += 65536 }
            bound.value.flood(bytes - 65536, channel)
        }
    }
}
