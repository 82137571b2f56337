// SPDX-License-Identifier: Apache-2.0

import Codecs
import VideoAnnotations

extension DerivedID {
    /// The annotation that the samples of a clip belong to: `["annotation", video, clip]`.
    static func annotation(videoUID: String, clipUID: String) -> String {
        var json = JSONWriter()
        json.beginArray()
        json.value("annotation")
        json.value(videoUID)
        json.value(clipUID)
        json.endArray()
        return self.uuid(json)
    }
}

/// Derives the ids of narrations that are queries themselves, of one clip and pass.
///
/// The name is `narration`, the annotation (which stands for video and clip), pass, index, the window's start and end
/// as the sixteen hexadecimal digits of their doubles, and the text, joined by line feeds. Text comes last, so that no
/// two narrations share a name whatever it holds. It is no JSON, because it is made for every sample.
struct NarrationID: Sendable {
    /// The annotation that the samples of the clip belong to.
    let annotationUID: String
    private let prefix: Bytes

    /// Prepares the part of the name that the narrations of a clip and pass share.
    init(videoUID: String, pass: Int, clipUID: String) {
        self.annotationUID = DerivedID.annotation(videoUID: videoUID, clipUID: clipUID)
        self.prefix = Bytes("narration\n\(self.annotationUID)\n\(pass)\n".utf8)
    }

    /// The id of a narration with its window.
    func id(of narration: Narration, window: Interval) -> String {
        let capacity = self.prefix.count + 56 + narration.text.utf8.count
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { name in
            var count = Self.write(self.prefix, to: name, at: 0)
            count = Self.write(narration.index, to: name, at: count)
            count = Self.write(window.start, to: name, at: count)
            count = Self.write(window.end, to: name, at: count)
            count = Self.write(narration.text.utf8, to: name, at: count)
            return ContentHash.uuid5(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(name)[..<count]))
        }
    }

    private static func write(
        _ bytes: some Collection<UInt8>, to name: UnsafeMutableBufferPointer<UInt8>, at start: Int
    ) -> Int {
        UnsafeMutableBufferPointer(rebasing: name[start...]).initialize(fromContentsOf: bytes) + start
    }

    /// At most 20 characters and a line feed.
    private static func write(_ number: Int, to name: UnsafeMutableBufferPointer<UInt8>, at start: Int) -> Int {
        var end = start
        if number < 0 {
            name[end] = UInt8(ascii: "-")
            end += 1
        }
        let first = end
        var rest = number.magnitude
        repeat {
            name[end] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            end += 1
        } while rest > 0
        name[first..<end].reverse()
        name[end] = UInt8(ascii: "\n")
        return end + 1
    }

    /// Sixteen characters and a line feed.
    private static func write(_ number: Double, to name: UnsafeMutableBufferPointer<UInt8>, at start: Int) -> Int {
        for digit in 0..<16 {
            let nibble = UInt8(truncatingIfNeeded: number.bitPattern >> UInt64(60 - 4 * digit)) & 15
            name[start + digit] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
        }
        name[start + 16] = UInt8(ascii: "\n")
        return start + 17
    }
}
