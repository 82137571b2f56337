// SPDX-License-Identifier: Apache-2.0

import Foundation

extension FileFailure {
    /// Puts an error of Foundation's into words: the system's number lies beneath its own texts, which name neither
    /// cause nor remedy.
    public init(of error: any Error, _ action: String, _ path: String) {
        if let failure = error as? FileFailure {
            self = failure
            return
        }
        var next: NSError? = error as NSError
        while let current = next {
            if current.domain == NSPOSIXErrorDomain {
                self.init(action, path, number: Int32(current.code))
                return
            }
            next = current.userInfo[NSUnderlyingErrorKey] as? NSError
        }
        self.init(.failed, action, path, "check the path, its rights and the disk")
    }
}
