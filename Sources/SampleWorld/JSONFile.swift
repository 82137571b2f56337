// SPDX-License-Identifier: Apache-2.0
import DurableFiles
import Foundation

/// A JSON file that is written from front to back and never held in memory as a whole: what has been composed stays
/// in a buffer until `flush` finds it long enough. Non-ASCII text is escaped, as Python's `json.dump` does, with
/// which the real files were written.
final class JSONFile {
    /// Bytes handed to the operating system at once.
    private static let chunk = 256 * 1_024

    let path: String
    private let handle: FileHandle
    private var buffer: [UInt8] = []
    private var needsComma = false
    private(set) var bytesWritten = 0

    /// Creates the file, or empties it.
    init(_ url: URL) throws(SampleWorldError) {
        path = url.path
        do {
            try Data().write(to: url)
            handle = try FileHandle(forWritingTo: url)
        } catch {
            throw .inputOutput("create", url.path, error)
        }
        buffer.reserveCapacity(2 * Self.chunk)
    }

    func beginObject() { open("{") }

    func endObject() { close("}") }

    func beginArray() { open("[") }

    func endArray() { close("]") }

    func key(_ name: String) {
        separate()
        quote(name)
        buffer.append(UInt8(ascii: ":"))
        needsComma = false
    }

    func string(_ value: String?) {
        guard let value else { return null() }
        separate()
        quote(value)
        needsComma = true
    }

    func integer(_ value: Int) { literal(String(value)) }

    func boolean(_ value: Bool) { literal(value ? "true" : "false") }

    func null() { literal("null") }

    /// A time in seconds, exactly, with at least one and at most six decimals.
    func seconds(_ value: Microseconds) {
        var digits = String(value.magnitude % 1_000_000)
        digits = String(repeating: "0", count: 6 - digits.count) + digits
        while digits.utf8.count > 1, digits.utf8.last == UInt8(ascii: "0") { digits.removeLast() }
        literal("\(value < 0 ? "-" : "")\(value.magnitude / 1_000_000).\(digits)")
    }

    func field(_ name: String, _ value: String?) {
        key(name)
        string(value)
    }

    func field(_ name: String, integer value: Int) {
        key(name)
        integer(value)
    }

    func field(_ name: String, seconds value: Microseconds) {
        key(name)
        seconds(value)
    }

    func field(_ name: String, boolean value: Bool) {
        key(name)
        boolean(value)
    }

    func field(_ name: String, strings values: [String]) {
        key(name)
        beginArray()
        for value in values { string(value) }
        endArray()
    }

    /// Writes the buffer out if it has grown long. Called once a video, so that a video's text is what is held.
    func flush() throws(SampleWorldError) {
        if buffer.count >= Self.chunk { try drain() }
    }

    /// Ends the file with a line break and closes it.
    func close() throws(SampleWorldError) {
        buffer.append(UInt8(ascii: "\n"))
        try drain()
        do {
            try handle.close()
        } catch {
            throw .inputOutput("write", path, error)
        }
    }

    private func drain() throws(SampleWorldError) {
        do {
            try handle.write(contentsOf: Data(buffer))
        } catch {
            throw .inputOutput("write", path, error)
        }
        bytesWritten += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    private func separate() {
        if needsComma { buffer.append(UInt8(ascii: ",")) }
    }

    private func open(_ bracket: Unicode.Scalar) {
        separate()
        buffer.append(UInt8(ascii: bracket))
        needsComma = false
    }

    private func close(_ bracket: Unicode.Scalar) {
        buffer.append(UInt8(ascii: bracket))
        needsComma = true
    }

    private func literal(_ text: String) {
        separate()
        buffer.append(contentsOf: text.utf8)
        needsComma = true
    }

    private func quote(_ text: String) {
        buffer.append(UInt8(ascii: "\""))
        for unit in text.utf16 {
            switch unit {
            case 0x22, 0x5C:
                buffer.append(UInt8(ascii: "\\"))
                buffer.append(UInt8(truncatingIfNeeded: unit))
            case 0x0A: buffer.append(contentsOf: "\\n".utf8)
            case 0x20..<0x7F: buffer.append(UInt8(truncatingIfNeeded: unit))
            default:
                let digits = String(unit, radix: 16)
                buffer.append(contentsOf: "\\u".utf8)
                buffer.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
                buffer.append(contentsOf: digits.utf8)
            }
        }
        buffer.append(UInt8(ascii: "\""))
    }
}

extension SampleWorldError {
    static func inputOutput(_ action: String, _ path: String, _ error: any Error) -> SampleWorldError {
        SampleWorldError(.inputOutput, FileFailure(of: error, action, path).message)
    }
}
