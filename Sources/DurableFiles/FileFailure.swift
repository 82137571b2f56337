// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The reason why a file could not be opened, read or written, in words with the remedy.
public struct FileFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure, told apart by what the caller should do.
    public enum Code: Hashable, Sendable {
        /// No such file or folder.
        case missing
        /// This user may not.
        case forbidden
        /// The disk or the quota is full.
        case full
        /// The file system is mounted read-only.
        case readOnly
        /// The name is in use.
        case taken
        /// It is a folder, a device, a FIFO or a link where a regular file belongs.
        case notAFile
        /// It lies outside the folder that may be read.
        case outside
        /// The process, or the machine, has as many files open as it may.
        case tooManyOpen
        /// It changed while it was read.
        case changed
        /// It is larger than such a file may be.
        case tooLarge
        /// Anything else that the system reported.
        case failed
    }

    /// The kind of failure.
    public var code: Code
    /// The call that was tried: `open`, `write`.
    public var action: String
    /// The path of the file or folder.
    public var path: String
    /// The cause of the failure, and the remedy.
    public var reason: String

    /// Says what was tried and why it failed.
    public init(_ code: Code, _ action: String, _ path: String, _ reason: String) {
        self.code = code
        self.action = action
        self.path = path
        self.reason = reason
    }

    /// Puts a failed call of the system into words.
    /// - Parameters:
    ///   - action: what was tried: `open`, `write`.
    ///   - number: the system's error number.
    public init(_ action: String, _ path: String, number: Int32) {
        let (code, remedy) = Self.kind(of: number, isReading: ["open", "read", "list"].contains(action))
        self.init(code, action, path, String(cString: strerror(number)) + remedy)
    }

    /// All of it in a sentence.
    public var message: String { "cannot \(self.action) \(self.path): \(self.reason)" }

    /// Equals `message`.
    public var description: String { self.message }

    private static func kind(of number: Int32, isReading: Bool) -> (Code, remedy: String) {
        switch number {
        // A name that is too long for the system is no file's.
        case ENOENT, ENOTDIR, ENAMETOOLONG: (.missing, "; check the path")
        case EACCES, EPERM:
            (
                .forbidden,
                isReading ? "; give this user the right to read it" : "; give this user the right to write there"
            )
        case ENOSPC, EDQUOT, EFBIG: (.full, "; make room, or name a place elsewhere")
        case EROFS: (.readOnly, "; name a place elsewhere")
        case EEXIST: (.taken, "; move away what is there")
        case EISDIR: (.notAFile, "; name a file in it")
        case ELOOP: (.notAFile, "; put a file in the place of the symbolic link")
        case ENXIO: (.notAFile, "; nobody is at the other end of it")
        case EMFILE, ENFILE: (.tooManyOpen, "; raise the limit with `ulimit -n`")
        default: (.failed, "")
        }
    }
}
