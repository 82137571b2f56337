// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Shards

/// Says which samples are wanted: by a text that is in them, and by members that are as given.
public struct SampleFilter: Sendable {
    private let text: FoldedText?
    /// Values, each with the members of which one has it.
    private let members: [(names: [String], value: String)]

    /// Describes a filter; without text and members it takes all.
    /// - Parameters:
    ///   - text: stands in one of the sample's texts, capitals of the Latin alphabet taken for small letters.
    ///   - members: the values that members of the sample have; of a number or a truth its JSON.
    ///   - video: the video's id, by whatever name a schema has it.
    public init(text: String? = nil, members: [String: String] = [:], video: String? = nil) {
        self.text = text.flatMap { $0.isEmpty ? nil : FoldedText($0) }
        self.members = members.map { ([$0.key], $0.value) } + (video.map { [(Self.videoMembers, $0)] } ?? [])
    }

    /// The names that schemas have for the id of a sample's video, the commonest first.
    public static let videoMembers = ["video_uid", "video_id", "video"]

    /// Tells whether a sample is wanted.
    public func takes(_ line: some Sequence<UInt8>) -> Bool {
        if self.text == nil, self.members.isEmpty { return true }
        guard let value = try? JSONValue(parsing: line) else { return false }
        return self.takes(value)
    }

    /// Tells whether a sample is wanted.
    public func takes(_ value: JSONValue) -> Bool {
        for (names, wanted) in self.members where !names.contains(where: { Self.reads(value[$0], as: wanted) }) {
            return false
        }
        return self.text.map { Self.has($0, in: value, depth: 0) } ?? true
    }

    private static func reads(_ value: JSONValue?, as wanted: String) -> Bool {
        switch value {
        case .string(let text)?: text == wanted
        case .int?, .double?, .bool?: value.map { String(decoding: $0.bytes, as: UTF8.self) } == wanted
        default: false
        }
    }

    private static func has(_ text: FoldedText, in value: JSONValue, depth: Int) -> Bool {
        switch value {
        case .string(let string): text.stands(in: string)
        case .array(let elements): elements.contains { self.has(text, in: $0, depth: depth + 1) }
        case .object(let members): members.contains { self.has(text, in: $0.value, depth: depth + 1) }
        default: false
        }
    }

    /// The lines of a frame that are wanted, from the last of those before a number to the first.
    func lines(of frame: ShardFrame, before end: Int) -> some Sequence<Int> {
        let candidates = (0..<end).reversed().lazy
        // A line without the text's bytes needs no reading, where JSON writes these in one way alone.
        let plain = self.text.flatMap { $0.isPlain ? $0 : nil }
        return candidates.filter { index in
            let line = frame.content[frame.range(ofSample: index)]
            if let plain, !line.withUnsafeBufferPointer(plain.stands(in:)) { return false }
            return self.takes(line)
        }
    }
}

/// A text whose capitals of the Latin alphabet are taken for small letters.
struct FoldedText: Sendable {
    private let bytes: Bytes
    /// Distances that a search may move on if a byte stands under the last of `bytes` (Horspool 1980).
    private let skips: [Int]
    /// Tells whether JSON writes it as it is, whoever has written it.
    let isPlain: Bool

    private static let small: [UInt8] = (0...255).map { 0x41...0x5a ~= $0 ? $0 | 0x20 : $0 }

    init(_ text: String) {
        let bytes = text.utf8.map { Self.small[Int($0)] }
        self.bytes = bytes
        self.isPlain = bytes.allSatisfy { byte in
            0x20...0x7e ~= byte && ![UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/")].contains(byte)
        }
        var skips = Array(repeating: bytes.count, count: 256)
        for (index, byte) in bytes.dropLast().enumerated() { skips[Int(byte)] = bytes.count - 1 - index }
        self.skips = skips
    }

    func stands(in text: String) -> Bool {
        var text = text
        return text.withUTF8(self.stands(in:))
    }

    func stands(in content: UnsafeBufferPointer<UInt8>) -> Bool {
        let last = self.bytes.count - 1
        return self.bytes.withUnsafeBufferPointer { bytes in
            Self.small.withUnsafeBufferPointer { small in
                self.skips.withUnsafeBufferPointer { skips in
                    var position = 0
                    while position + last < content.count {
                        let byte = small[Int(content[position + last])]
                        if byte == bytes[last],
                            (0..<last).allSatisfy({ small[Int(content[position + $0])] == bytes[$0] })
                        {
                            return true
                        }
                        position += skips[Int(byte)]
                    }
                    return false
                }
            }
        }
    }
}
