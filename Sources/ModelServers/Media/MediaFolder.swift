// SPDX-License-Identifier: Apache-2.0

import Codecs
public import DurableFiles
public import ModelRequests
import Records

/// The folder that the images of requests lie in. Nothing from elsewhere is sent to a server, whatever a record names,
/// and nothing but images.
public struct MediaFolder: Sendable {
    /// An image has so many bytes at most.
    public static let imageBytesMax = 20 << 20
    /// The images of a request have so many bytes at most, together: what OpenAI takes of one request.
    public static let requestBytesMax = 50 << 20

    private let folder: EnclosedFolder

    /// Opens a folder.
    /// - Throws: `FileFailure` if it is none, or may not be opened.
    public init(path: String) throws(FileFailure) { self.folder = try EnclosedFolder(path: path) }

    /// The fault for which an image would not be sent, as far as it shows without reading all of it: its digest is not
    /// looked at. `nil` for none.
    public func problem(of image: MessageImage) -> String? {
        do throws(ChatFailure) {
            _ = try self.open(image)
            return nil
        } catch {
            return error.message
        }
    }

    /// Reads an image.
    /// - Parameter room: the bytes that the request may still carry; those of the image are taken off.
    /// - Throws: `.request` if the image is not what the request says, or none that may be sent; `.unreadable` for a
    ///   failure of this machine's, which says nothing of the image.
    func content(of image: MessageImage, room: inout Int) throws(ChatFailure) -> ImageContent {
        let file = try self.open(image)
        guard file.size <= room else {
            throw .request(
                reason: .tooLarge,
                message:
                    "the images of the request have more than \(Self.requestBytesMax) bytes together, `\(image.path)` "
                    + "among them; send fewer or smaller ones")
        }
        let bytes = try Self.reading(image) { () throws(FileFailure) in
            try file.contents(bytesMax: Self.imageBytesMax)
        }
        let digest = ContentHash.sha256(bytes)
        guard digest == image.sha256, let content = ImageContent(bytes) else {
            throw .request(
                reason: .imageChanged,
                message:
                    "the image `\(image.path)` has the SHA-256 \(digest), and the record expects \(image.sha256): put "
                    + "the file back that it was made of, or make the record anew")
        }
        room -= bytes.count
        return content
    }

    /// Opens an image that may be sent.
    private func open(_ image: MessageImage) throws(ChatFailure) -> InputFile {
        let (file, start) = try Self.reading(image) { () throws(FileFailure) in
            let file = try self.folder.open(image.path)
            return (file, try file.contents(first: ImageFormat.signatureBytes))
        }
        guard ImageFormat(firstBytes: start) != nil else {
            throw Self.refused(image, "by its first bytes it is no image; PNG, JPEG, WebP and GIF are sent")
        }
        guard file.size <= Self.imageBytesMax else {
            throw Self.refused(
                image, "it has \(file.size) bytes; an image of at most \(Self.imageBytesMax) is sent: scale it down")
        }
        return file
    }

    private static func refused(_ image: MessageImage, _ reason: String) -> ChatFailure {
        .request(reason: .imageRefused, message: "the image `\(image.path)` is not sent: \(reason)")
    }

    /// Says of a failure to read whether it is the image's or the machine's.
    private static func reading<Value>(
        _ image: MessageImage, _ body: () throws(FileFailure) -> Value
    ) throws(ChatFailure) -> Value {
        do throws(FileFailure) {
            return try body()
        } catch {
            switch error.code {
            case .missing:
                let found = image.path.isEmpty ? "its record names no file" : error.message
                throw .request(
                    reason: .imageMissing,
                    message: "the image with the SHA-256 \(image.sha256) is not there: \(found)")
            case .changed: throw .request(reason: .imageChanged, message: error.message)
            case .forbidden, .notAFile, .outside, .tooLarge: throw Self.refused(image, error.message)
            case .full, .readOnly, .taken, .tooManyOpen, .failed: throw .unreadable(message: error.message)
            }
        }
    }
}
