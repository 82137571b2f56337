// SPDX-License-Identifier: Apache-2.0

public import Codecs
import DurableFiles
import Records

#if canImport(Glibc)
    import Glibc
#endif

/// Shards in a folder of a POSIX file system.
public final class FileShardStorage: ShardStorage {
    /// The folder's path.
    public let location: String

    /// Names a folder; it need not be there yet.
    public init(folder: String) { self.location = folder }

    /// Creates the folder, with those above it, if it is not there.
    public func createFolder() throws(ShardError) {
        var path = self.location.hasPrefix("/") ? "/" : ""
        for part in self.location.split(separator: "/") {
            path += path.isEmpty || path.hasSuffix("/") ? part : "/\(part)"
            if mkdir(path, 0o777) != 0, errno != EEXIST { throw SystemFailure("create the folder", path).error }
        }
        var status = stat()
        guard stat(self.location, &status) == 0 else { throw SystemFailure("open the folder", self.location).error }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw ShardError(
                .nameTaken,
                "\(self.location) is a file where a folder for shards should be; name another home with --home")
        }
    }

    private func path(_ name: String) -> String { "\(self.location)/\(name)" }

    /// See `ShardStorage`.
    public func create(_ name: String) throws(ShardError) -> any ShardFile {
        try PosixShardFile(path: self.path(name), flags: O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC)
    }

    /// See `ShardStorage`. Between the look at the new name and the renaming another process could take the name;
    /// the names of shards hold their writer's epoch, so that none but the writer itself has a use for one.
    public func rename(_ name: String, to newName: String, replacing: Bool) throws(ShardError) {
        let target = self.path(newName)
        if !replacing, access(target, F_OK) == 0 {
            throw ShardError(.nameTaken, "\(target) is already there, and is not overwritten")
        }
        if Glibc.rename(self.path(name), target) != 0 {
            throw SystemFailure("rename", "\(self.path(name)) to \(newName)").error
        }
    }

    /// See `ShardStorage`.
    public func replace(
        _ name: String, with temporary: String, if permits: (Bytes, Int) -> Bool
    ) throws(ShardError) -> Bool {
        do throws(FileFailure) {
            return try ContestedFile.replace(self.path(name), with: self.path(temporary), if: permits)
        } catch {
            throw ShardError(error)
        }
    }

    /// See `ShardStorage`.
    public func isNamed(_ file: any ShardFile, _ name: String) -> Bool {
        (file as? PosixShardFile)?.isNamed(self.path(name)) ?? false
    }

    /// See `ShardStorage`.
    public func synchronizeFolder() throws(ShardError) {
        let descriptor = Glibc.open(self.location, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemFailure("open the folder", self.location).error }
        defer { _ = Glibc.close(descriptor) }
        if fsync(descriptor) != 0 { throw SystemFailure("synchronise the folder", self.location).error }
    }

    /// See `ShardStorage`.
    public func list() throws(ShardError) -> [String] {
        guard let folder = opendir(self.location) else { throw SystemFailure("list", self.location).error }
        defer { closedir(folder) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        if errno != 0 { throw SystemFailure("list", self.location).error }
        return names
    }

    /// See `ShardStorage`.
    public func remove(_ name: String) throws(ShardError) {
        if unlink(self.path(name)) != 0, errno != ENOENT { throw SystemFailure("remove", self.path(name)).error }
    }

    /// See `ShardStorage`.
    public func open(_ name: String) throws(ShardError) -> any ShardContent {
        try PosixShardContent(path: self.path(name))
    }
}

/// A failed call of the system, put into words while `errno` still holds.
struct SystemFailure {
    let error: ShardError

    init(_ action: String, _ path: String, number: Int32 = errno) {
        let reason = String(cString: strerror(number))
        let isReading = ["open", "open the folder", "read", "list"].contains(action)
        let (code, remedy): (ShardError.Code, String) =
            switch number {
            case ENOSPC, EDQUOT: (.storageFull, "make room and start again, nothing is lost")
            case EROFS: (.readOnly, "the file system is read-only; choose another folder")
            case EACCES where isReading, EPERM where isReading:
                (.forbidden, "give this user the right to read it")
            case EACCES, EPERM: (.readOnly, "give this user the right to write there, or choose another folder")
            case ENOENT: (.missing, "check the path; it may have been moved or removed")
            case ENOTDIR: (.missing, "a part of the path is a file; choose another folder")
            case EEXIST: (.nameTaken, "it is not overwritten; name another home with --home")
            case EMFILE, ENFILE: (.tooManyOpen, "too many files are open; raise the limit with `ulimit -n`")
            default: (.failed, "check the disk and try again")
            }
        self.error = ShardError(code, "cannot \(action) \(path): \(reason); \(remedy)")
    }
}

/// A descriptor open for writing.
final class PosixShardFile: ShardFile {
    private let path: String
    private var descriptor: Int32

    init(path: String, flags: Int32) throws(ShardError) {
        self.path = path
        self.descriptor = Glibc.open(path, flags, 0o666)
        if self.descriptor < 0 { throw SystemFailure("create", path).error }
    }

    deinit { if self.descriptor >= 0 { _ = Glibc.close(self.descriptor) } }

    func isNamed(_ path: String) -> Bool { ContestedFile.isNamed(self.descriptor, path) }

    func append(_ bytes: UnsafeRawBufferPointer) throws(ShardError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(self.descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemFailure("write", self.path).error
            }
            rest = rest.dropFirst(count)
        }
    }

    func synchronize() throws(ShardError) {
        if fsync(self.descriptor) != 0 { throw SystemFailure("synchronise", self.path).error }
    }

    func close() throws(ShardError) {
        guard self.descriptor >= 0 else { return }
        let result = Glibc.close(self.descriptor)
        self.descriptor = -1
        // After EINTR the descriptor is closed on Linux.
        if result != 0, errno != EINTR { throw SystemFailure("close", self.path).error }
    }
}

/// A descriptor open for reading by position, which any thread may do.
final class PosixShardContent: ShardContent {
    private let path: String
    private let file: InputFile

    /// The size in bytes when it was opened.
    var size: Int { self.file.size }

    init(path: String) throws(ShardError) {
        self.path = path
        do throws(FileFailure) {
            self.file = try InputFile(path: path)
        } catch {
            throw ShardError(error)
        }
    }

    func read(_ range: Range<Int>) throws(ShardError) -> Bytes {
        guard range.lowerBound >= 0, range.upperBound <= self.size else {
            throw ShardError(
                .corrupt, "\(self.path) ends at byte \(self.size), before byte \(range.upperBound): it was cut short")
        }
        var failure: SystemFailure?
        let descriptor = self.file.descriptor
        let path = self.path
        let bytes = Bytes(unsafeUninitializedCapacity: range.count) { buffer, filled in
            while filled < range.count {
                let rest = UnsafeMutableBufferPointer(rebasing: buffer[filled..<range.count])
                let count = pread(descriptor, rest.baseAddress, rest.count, off_t(range.lowerBound + filled))
                if count > 0 {
                    filled += count
                } else if count == 0 {
                    return
                } else if errno != EINTR {
                    failure = SystemFailure("read", path)
                    return
                }
            }
        }
        if let failure { throw failure.error }
        guard bytes.count == range.count else {
            throw ShardError(.corrupt, "\(self.path) was cut short while it was read")
        }
        return bytes
    }
}
