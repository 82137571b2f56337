// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
public import Codecs
public import DurableFiles

/// Files that the command line names, and what is wrong with them.
public enum UserFile {
    /// Reads a file of text whole, without the byte-order mark that some editors put in front.
    /// - Parameter option: the option that names it, for the message.
    /// - Throws: `TaskFailure`.
    public static func contents(_ path: String, of option: String? = nil) throws -> Bytes {
        let bytes = try self.reporting(option) { () throws(FileFailure) in try InputFile.contents(path) }
        return bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Bytes(bytes.dropFirst(3)) : bytes
    }

    /// Turns a failure into the command's: what is not there, or is no file, is the command line's fault.
    public static func reporting<Result>(
        _ option: String? = nil, _ body: () throws(FileFailure) -> Result
    ) throws -> Result {
        do throws(FileFailure) {
            return try body()
        } catch {
            let isUsage = [.missing, .notAFile, .forbidden].contains(error.code)
            throw TaskFailure(isUsage ? .usage : .failed, (option.map { "\($0): " } ?? "") + error.message)
        }
    }
}

/// Ranges of options, which help and errors tell.
public enum OptionRange {
    /// Refuses a value that is out of its range.
    /// - Throws: `ValidationError`.
    public static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            throw ValidationError(
                "\(name) must be at least \(range.lowerBound), and \(range.upperBound) at most, not \(value).")
        }
    }
}
