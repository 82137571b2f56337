// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import Records

/// A file that TensorBoard reads: records of TensorFlow's event protocol (tensorflow/tensorflow,
/// `tensorflow/core/lib/io/record_writer.cc`, `tensorflow/core/util/event.proto`), written as they come.
public final class EventFile {
    /// The file's path.
    public let path: String
    private let handle: FileHandle

    /// Creates a file of its own in a folder.
    public init(folder: String) throws(TrainingError) {
        let time = Date().timeIntervalSince1970
        let name = "events.out.tfevents.\(Int(time)).\(ProcessInfo.processInfo.processIdentifier).millrace"
        self.path = folder + "/" + name
        let descriptor = open(self.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else {
            throw TrainingError(.failed, FileFailure("create", self.path, number: errno).message)
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        self.handle = handle
        try self.write(Self.event(time: time, step: 0) { $0.text(3, "brain.Event:2") })
    }

    /// Appends numbers of a step.
    public func add(_ values: [(tag: String, value: Double)], step: Int) throws(TrainingError) {
        let time = Date().timeIntervalSince1970
        try self.write(
            Self.event(time: time, step: step) { event in
                event.message(5) { summary in
                    for value in values {
                        summary.message(1) { one in
                            one.text(1, value.tag)
                            one.float(2, Float(value.value))
                        }
                    }
                }
            })
    }

    private func write(_ event: Bytes) throws(TrainingError) {
        do {
            try self.handle.write(contentsOf: Data(Self.record(event)))
        } catch {
            throw TrainingError(.failed, FileFailure(of: error, "write", self.path).message)
        }
    }

    private static func event(time: Double, step: Int, _ body: (inout ProtocolBuffer) -> Void) -> Bytes {
        var event = ProtocolBuffer()
        event.double(1, time)
        event.integer(2, step)
        body(&event)
        return event.bytes
    }

    /// Length, its checksum, the event, its checksum.
    static func record(_ event: Bytes) -> Bytes {
        let length = withUnsafeBytes(of: UInt64(event.count).littleEndian) { Bytes($0) }
        func masked(_ bytes: Bytes) -> Bytes {
            let checksum = CRC32C.checksum(bytes)
            return withUnsafeBytes(of: ((checksum >> 15 | checksum << 17) &+ 0xa282_ead8).littleEndian) { Bytes($0) }
        }
        return length + masked(length) + event + masked(event)
    }
}

/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected), a byte at a time: events are few and small.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
    }

    static func checksum(_ bytes: Bytes) -> UInt32 {
        ~bytes.reduce(UInt32.max) { value, byte in
            value >> 8 ^ self.table[Int(UInt8(truncatingIfNeeded: value) ^ byte)]
        }
    }
}

/// Writes messages of protocol buffers.
private struct ProtocolBuffer {
    var bytes: Bytes = []

    mutating func integer(_ field: Int, _ value: Int) {
        self.varint(UInt64(field) << 3)
        self.varint(UInt64(bitPattern: Int64(value)))
    }

    mutating func double(_ field: Int, _ value: Double) {
        self.varint(UInt64(field) << 3 | 1)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { self.bytes.append(contentsOf: $0) }
    }

    mutating func float(_ field: Int, _ value: Float) {
        self.varint(UInt64(field) << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { self.bytes.append(contentsOf: $0) }
    }

    mutating func text(_ field: Int, _ value: String) { self.delimited(field, Bytes(value.utf8)) }

    mutating func message(_ field: Int, _ body: (inout ProtocolBuffer) -> Void) {
        var message = ProtocolBuffer()
        body(&message)
        self.delimited(field, message.bytes)
    }

    private mutating func delimited(_ field: Int, _ content: Bytes) {
        self.varint(UInt64(field) << 3 | 2)
        self.varint(UInt64(content.count))
        self.bytes += content
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            self.bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.bytes.append(UInt8(rest))
    }
}
