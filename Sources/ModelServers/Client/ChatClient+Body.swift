// SPDX-License-Identifier: Apache-2.0

import Codecs
import ModelRequests
import NIOPosix

extension ChatClient {
    /// Puts a request into the bytes that are sent, for which its images are read.
    /// - Throws: `.request` for an image that is not what the request says; `.unreadable`; `.cancelled`.
    func body(of request: ChatRequest, _ form: RequestForm) async throws(ChatFailure) -> Bytes {
        guard request.imageCount > 0 else { return try Self.body(of: request, form, nil) }
        let media = self.configuration.media
        do {
            // A disk may keep its reader waiting.
            return try await NIOThreadPool.singleton.runIfActive {
                Result { () throws(ChatFailure) in try Self.body(of: request, form, media) }
            }.get()
        } catch let failure as ChatFailure {
            throw failure
        } catch {
            throw .cancelled
        }
    }

    private static func body(
        of request: ChatRequest, _ form: RequestForm, _ media: MediaFolder?
    ) throws(ChatFailure) -> Bytes {
        var room = MediaFolder.requestBytesMax
        return try request.body(form) { image throws(ChatFailure) in
            guard let media else {
                throw .unreadable(
                    message:
                        "a prompt shows the image `\(image.path)`, and no folder of images was named: add --media DIR, "
                        + "or set MILLRACE_MEDIA")
            }
            return try media.content(of: image, room: &room)
        }
    }
}
