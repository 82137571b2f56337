// SPDX-License-Identifier: Apache-2.0

import HummingbirdCore
import NIOCore

/// The wire form of server-sent events.
enum EventStream {
    /// The media type.
    static let type = "text/event-stream"
    /// A sign of life.
    static let heartbeat = ByteBuffer(string: ":\n\n")
    /// The first bytes: time after which a client that has lost the stream comes again, in milliseconds.
    static let beginning = ByteBuffer(string: "retry: 2000\n\n")

    /// An event: its id, its name, and its data line by line. A carriage return ends a line too, so none is let
    /// through.
    static func frame(id: String, _ event: StatusEvent) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.reserveCapacity(event.data.count + 64)
        frame.writeString("id: \(id)\nevent: \(event.name)\n")
        var data = event.data[...]
        if data.contains(UInt8(ascii: "\r")) { data = Self.withoutReturns(data)[...] }
        if String(validating: data, as: UTF8.self) == nil {
            data = Array(String(decoding: data, as: UTF8.self).utf8)[...]
        }
        for line in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            frame.writeString("data: ")
            frame.writeBytes(line)
            frame.writeString("\n")
        }
        frame.writeString("\n")
        return frame
    }

    private static func withoutReturns(_ data: ArraySlice<UInt8>) -> [UInt8] {
        var lines: [UInt8] = []
        lines.reserveCapacity(data.count)
        var previous: UInt8 = 0
        for byte in data {
            if byte == UInt8(ascii: "\r") {
                lines.append(UInt8(ascii: "\n"))
            } else if !(byte == UInt8(ascii: "\n") && previous == UInt8(ascii: "\r")) {
                lines.append(byte)
            }
            previous = byte
        }
        return lines
    }

    /// Sends a feed for as long as it goes on and the client stays. What the client does not take is waited for, and
    /// missed by it, not kept.
    @concurrent
    static func send(
        _ feed: StatusFeed, after id: String?, to writer: inout any ResponseBodyWriter, channel: any Channel
    ) async throws {
        var listener = feed.listen(after: id)
        let first = listener
        defer { feed.leave(first) }
        channel.closeFuture.whenComplete { _ in feed.wake(first) }
        try await writer.write(Self.beginning)
        while channel.isActive, let news = feed.news(for: &listener) {
            if news.isEmpty { try await writer.write(Self.heartbeat) }
            for frame in news { try await writer.write(frame) }
            await feed.wait(listener)
        }
    }
}
