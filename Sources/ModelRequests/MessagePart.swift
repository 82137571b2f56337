// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Foundation
import Records

/// A part of a message: words, or an image between them.
public enum MessagePart: Hashable, Sendable {
    /// Words.
    case text(String)
    /// An image.
    case image(MessageImage)

    /// The same parts with neighbouring texts made one, and without empty ones; one empty text in place of nothing.
    static func joined(_ parts: [MessagePart]) -> [MessagePart] {
        var joined: [MessagePart] = []
        for part in parts {
            if case .text(let text) = part {
                if text.isEmpty { continue }
                if case .text(let before)? = joined.last {
                    joined[joined.count - 1] = .text(before + text)
                    continue
                }
            }
            joined.append(part)
        }
        return joined.isEmpty ? [.text("")] : joined
    }

    /// Reads the content of a message: a text, or a list of parts.
    static func readContent(_ json: inout JSONScanner) throws(JSONError) -> [MessagePart] {
        guard try json.kind() == .array else { return [.text(try json.string())] }
        var parts: [MessagePart] = []
        try json.beginArray()
        while try json.nextElement() { parts.append(try MessagePart(json: &json)) }
        return parts
    }

    private init(json: inout JSONScanner) throws(JSONError) {
        let place = json.offset
        var type: String?
        var text: String?
        var path: String?
        var digest: String?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "type" {
                type = try json.string()
            } else if key == "text" {
                text = try json.string()
            } else if key == "path" {
                path = try json.string()
            } else if key == "sha256" {
                digest = try json.string()
            } else {
                try json.skip()
            }
        }
        switch (type, text, digest) {
        case ("text"?, let text?, _): self = .text(text)
        case ("image"?, _, let digest?):
            guard let image = MessageImage(path: path ?? "", sha256: digest) else {
                throw JSONError("`sha256` of an image must be 64 hexadecimal digits", offset: place)
            }
            self = .image(image)
        default:
            throw JSONError(
                "a part of a message is a text, with `text`, or an image, with `path` and `sha256`", offset: place)
        }
    }
}

/// An image in a message: a file, and what it held when the message was written.
///
/// The digest decides what is asked; the path only says where the bytes are found when a model must be asked.
public struct MessageImage: Hashable, Sendable {
    /// The path, below the folder that a run takes images from; empty if it is not known, as of a kept request.
    public let path: String
    /// The SHA-256 of the file's bytes, in lower-case hexadecimal.
    public let sha256: String

    /// Describes an image; `nil` if `sha256` is not 64 hexadecimal digits.
    public init?(path: String, sha256: String) {
        let digest = sha256.lowercased()
        let isDigest =
            digest.utf8.count == 64
            && digest.utf8.allSatisfy {
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
            }
        guard isDigest else { return nil }
        self.path = path
        self.sha256 = digest
    }

    /// Tokens that an image is taken to cost before a server has counted: what OpenAI charges for four tiles of 512
    /// pixels, into which it scales a picture of 1024 × 1024 (85 and 170 for each tile,
    /// https://platform.openai.com/docs/guides/images-vision, "Calculating costs"). That is more than LLaVA 1.5's 576
    /// (24 × 24 patches) and Gemma 3's 256, which are the same whatever the size.
    public static let estimatedTokens = 765
}

/// The kinds of image that servers take; the raw values are media types.
public enum ImageFormat: String, Hashable, Sendable, CaseIterable {
    case png = "image/png"
    case jpeg = "image/jpeg"
    case webp = "image/webp"
    case gif = "image/gif"

    /// So many of the first bytes tell.
    public static let signatureBytes = 12

    /// Tells the format by a file's first bytes: `signatureBytes` of them, or all that there are; `nil` if they are no
    /// image's. Names of files say nothing.
    public init?(firstBytes bytes: some Collection<UInt8>) {
        if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
            self = .png
        } else if bytes.starts(with: [0xff, 0xd8, 0xff]) {
            self = .jpeg
        } else if bytes.starts(with: "GIF87a".utf8) || bytes.starts(with: "GIF89a".utf8) {
            self = .gif
        } else if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
            self = .webp
        } else {
            return nil
        }
    }
}

/// The bytes of an image, as a request carries them.
public struct ImageContent: Hashable, Sendable {
    /// The format, which the media type goes by.
    public let format: ImageFormat
    /// The file's bytes.
    public let bytes: Bytes

    /// Takes a file's bytes; `nil` if they do not begin as an image does.
    public init?(_ bytes: Bytes) {
        guard let format = ImageFormat(firstBytes: bytes.prefix(ImageFormat.signatureBytes)) else { return nil }
        self.format = format
        self.bytes = bytes
    }

    /// Writes the fields of a part of a message as servers take it: an `image_url` that holds the bytes themselves.
    func write(to json: inout JSONWriter) {
        json.field("type", "image_url")
        json.key("image_url")
        json.beginObject()
        json.key("url")
        var url = Data("\"data:\(self.format.rawValue);base64,".utf8)
        url.append(Data(self.bytes).base64EncodedData())
        url.append(UInt8(ascii: "\""))
        json.raw(url)
        json.endObject()
    }
}
