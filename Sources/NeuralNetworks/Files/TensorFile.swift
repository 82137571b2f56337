// SPDX-License-Identifier: Apache-2.0

public import Codecs
import DurableFiles
import Records

#if canImport(Glibc)
    import Glibc
#endif

/// A file that is read by position, by any thread.
///
/// It reads rather than maps: a mapped file that another process cuts short kills the process with SIGBUS, a read of
/// it fails with an error.
public final class TensorFile: Sendable {
    /// The file's path, as it was given.
    public let path: String
    /// The size in bytes when the file was opened.
    public let size: Int
    private let file: InputFile

    /// Opens a file.
    /// - Throws: `TensorFileError.Code.missing`; `.failed` for what is no regular file, or where the system refuses.
    public init(path: String) throws(TensorFileError) {
        self.path = path
        do throws(FileFailure) {
            self.file = try InputFile(path: path)
        } catch {
            throw TensorFileError(error.code == .missing ? .missing : .failed, error.message)
        }
        self.size = self.file.size
    }

    /// The whole of a text file, without the mark by which some editors begin it (the bytes EF BB BF).
    /// - Throws: what `init(path:)` and `read(_:)` throw.
    public static func text(path: String) throws(TensorFileError) -> Bytes {
        let file = try TensorFile(path: path)
        let bytes = try file.read(0..<file.size)
        return bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Bytes(bytes.dropFirst(3)) : bytes
    }

    /// The bytes of a range, all of them.
    /// - Throws: `TensorFileError.Code.corrupt` where the file ends before the range does.
    public func read(_ range: Range<Int>) throws(TensorFileError) -> Bytes {
        guard range.lowerBound >= 0, range.upperBound <= self.size else { throw self.cutShort(range.upperBound) }
        var failure: Int32 = 0
        let bytes = Bytes(unsafeUninitializedCapacity: range.count) { buffer, filled in
            while filled < range.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let count = pread(
                    self.file.descriptor, rest.baseAddress, range.count - filled, off_t(range.lowerBound + filled))
                if count == 0 || (count < 0 && errno != EINTR) {
                    failure = count == 0 ? 0 : errno
                    return
                }
                filled += max(count, 0)
            }
        }
        guard bytes.count == range.count else {
            if failure == 0 { throw self.cutShort(range.upperBound) }
            throw TensorFileError(.failed, "cannot read \(self.path): \(String(cString: strerror(failure)))")
        }
        return bytes
    }

    private func cutShort(_ end: Int) -> TensorFileError {
        TensorFileError(
            .corrupt, "\(self.path) ends at byte \(self.size), before byte \(end): it was cut short; fetch it again")
    }
}
