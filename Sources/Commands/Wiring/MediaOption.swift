// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import DurableFiles
import Foundation
import ModelServers

/// The option of commands whose topology may show images to a model.
struct MediaOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The folder of the images that prompts show (or MILLRACE_MEDIA): PNG, JPEG, WebP or GIF files, which records name "
                + "by their place in it. No file outside it is sent to a model server.", valueName: "dir"))
    var media: String?

    func validate() throws {
        do throws(FileFailure) {
            _ = try self.folder()
        } catch {
            throw ValidationError("--media (or MILLRACE_MEDIA) wants a folder: \(error.message).")
        }
    }

    /// The folder, opened; `nil` if none is named.
    func folder() throws(FileFailure) -> MediaFolder? {
        let named = self.media ?? ProcessInfo.processInfo.environment["MILLRACE_MEDIA"]
        guard let path = named, !path.isEmpty else { return nil }
        return try MediaFolder(path: path)
    }
}
