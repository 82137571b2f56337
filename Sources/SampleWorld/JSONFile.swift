// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation

/// A JSON file that is written from front to back and never held in memory as a whole: what has been composed stays
/// in `json` until `flush` finds it long enough. Non-ASCII text is escaped, as Python's `json.dump` does, with which
/// the real files were written.
final class JSONFile {
    /// Bytes handed to the operating system at once.
    private static let chunk = 256 * 1_024

    /// The text that is not in the file yet.
    var json = JSONWriter()
    let path: String
    private let handle: FileHandle
    private(set) var bytesWritten = 0
    /// Tells whether nothing has been composed yet.
    var isEmpty: Bool { self.bytesWritten == 0 && self.json.count == 0 }

    /// Creates the file, or empties it.
    init(_ url: URL) throws(SampleWorldError) {
        self.path = url.path
        do {
            try Data().write(to: url)
            self.handle = try FileHandle(forWritingTo: url)
        } catch {
            throw .inputOutput("create", url.path, error)
        }
    }

    /// Writes the text out if it has grown long. Called once a video, so that a video's text is what is held.
    func flush() throws(SampleWorldError) {
        if self.json.count >= Self.chunk { try self.drain() }
    }

    /// Ends the file with a line break and closes it.
    func close() throws(SampleWorldError) {
        self.json.restart()
        self.json.raw("\n".utf8)
        try self.drain()
        do {
            try self.handle.close()
        } catch {
            throw .inputOutput("write", self.path, error)
        }
    }

    private func drain() throws(SampleWorldError) {
        let bytes = Self.ascii(self.json.takeBytes())
        do {
            try self.handle.write(contentsOf: Data(bytes))
        } catch {
            throw .inputOutput("write", self.path, error)
        }
        self.bytesWritten += bytes.count
    }

    /// The same JSON in ASCII: what is not stands in texts alone.
    private static func ascii(_ json: Bytes) -> Bytes {
        if json.allSatisfy({ $0 < 0x80 }) { return json }
        var bytes: Bytes = []
        bytes.reserveCapacity(json.count + json.count / 64)
        for unit in String(decoding: json, as: UTF8.self).utf16 {
            if unit < 0x80 {
                bytes.append(UInt8(unit))
            } else {
                let digits = String(unit, radix: 16)
                bytes += "\\u".utf8
                bytes += repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count)
                bytes += digits.utf8
            }
        }
        return bytes
    }
}

extension JSONWriter {
    /// Writes a time in seconds, exactly.
    mutating func field(_ name: StaticString, seconds value: Microseconds) {
        self.field(name, Double(value) / 1_000_000)
    }

    /// Writes a list of texts.
    mutating func field(_ name: StaticString, strings values: [String]) {
        self.key(name)
        self.beginArray()
        for value in values { self.value(value) }
        self.endArray()
    }

    /// Writes a text field, null where there is none.
    mutating func field(_ name: StaticString, textOrNull value: String?) {
        self.key(name)
        if let value { self.value(value) } else { self.null() }
    }
}

extension SampleWorldError {
    static func inputOutput(_ action: String, _ path: String, _ error: any Error) -> SampleWorldError {
        SampleWorldError(.inputOutput, FileFailure(of: error, action, path).message)
    }
}
