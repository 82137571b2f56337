// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import Records

/// A lock in the home's folder `ingests` by which others see that a topic is being filled: an ingest is in no group.
///
/// The kernel gives it back when the process ends, however it ends.
final class IngestLock {
    private let descriptor: Int32

    /// Takes a share of a topic's lock, for as long as this lives; `nil` in a home that may not be written.
    init?(_ topic: String, in home: Home) {
        guard (try? Folder.create(home.ingestsFolder, isPrivate: true)) != nil,
            let descriptor = try? OwnFile.open(Self.path(topic, home), O_RDWR | O_CREAT)
        else { return nil }
        // Whoever looks has it for a moment only.
        flock(descriptor, LOCK_SH)
        self.descriptor = descriptor
    }

    deinit { close(self.descriptor) }

    /// Tells whether a process of this machine fills a topic now.
    static func isHeld(_ topic: String, in home: Home) -> Bool {
        guard let descriptor = try? OwnFile.open(Self.path(topic, home), O_RDONLY) else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }

    private static func path(_ topic: String, _ home: Home) -> String {
        "\(home.ingestsFolder)/\(ContentHash.sha256(topic).prefix(32)).lock"
    }
}

extension Home {
    /// The folder of the locks of topics that are being filled.
    var ingestsFolder: String { self.path + "/ingests" }
}
