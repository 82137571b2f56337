// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Glibc
import NeuralNetworks
import Records

/// A file of features that is being written: rows of several tensors, each in its place, under a name of its own. It is
/// there under its right name once it is whole and durable, and not before.
final class FeaturePublishing {
    private let folder: String
    private let name: String
    private let temporary: String
    private let layout: SafetensorsLayout
    private let tensors: [SafetensorsLayout.Tensor]
    private var descriptor: Int32

    /// Begins a file. What processes that have died left of it is removed.
    init(
        folder: String, name: String, _ tensors: [SafetensorsLayout.Tensor], metadata: [String: String]
    ) throws(FileFailure) {
        self.folder = folder
        self.name = name
        self.tensors = tensors
        self.layout = SafetensorsLayout(tensors, metadata: metadata)
        self.temporary = "\(folder)/.\(name).\(getpid()).partial"
        self.descriptor = -1
        Self.sweep(folder, name)
        self.descriptor = try OwnFile.open(self.temporary, O_RDWR | O_CREAT | O_TRUNC)
        try self.write(self.layout.head, at: 0)
        // Room is taken now: a full disk is an error here, and not after hours.
        let size = off_t(self.layout.byteCount)
        let number = posix_fallocate(self.descriptor, 0, size)
        if number != 0, number != EOPNOTSUPP, number != EINVAL {
            throw FileFailure("make room for", self.temporary, number: number)
        }
    }

    deinit {
        guard self.descriptor >= 0 else { return }
        close(self.descriptor)
        unlink(self.temporary)
    }

    /// Writes a row of a tensor.
    func write(_ values: [Float], tensor: Int, row: Int) throws(FileFailure) {
        let shape = self.tensors[tensor].shape, type = self.tensors[tensor].type
        precondition(row < shape[0] && values.count == shape.dropFirst().reduce(1, *), "a row of the tensor")
        let bytes: Bytes
        if type == .float16 {
            let halves = values.map { ElementType.half($0).littleEndian }
            bytes = halves.withUnsafeBytes { Bytes($0) }
        } else {
            bytes = values.withUnsafeBytes { Bytes($0) }
        }
        try self.write(bytes, at: self.layout.starts[tensor] + row * bytes.count)
    }

    private func write(_ bytes: Bytes, at start: Int) throws(FileFailure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    self.descriptor, buffer.baseAddress.map { $0 + written }, bytes.count - written,
                    off_t(start + written))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileFailure("write", self.temporary, number: errno)
            }
            written += count
        }
    }

    /// Makes the file durable, and then gives it its name.
    /// - Returns: its bytes and its SHA-256.
    func finish() throws(FileFailure) -> (bytes: Int, sha256: String) {
        guard fsync(self.descriptor) == 0 else { throw FileFailure("synchronise", self.temporary, number: errno) }
        let digest = try FileDigest.sha256(try InputFile(path: self.temporary))
        let path = "\(self.folder)/\(self.name)"
        fchmod(self.descriptor, 0o644)
        guard rename(self.temporary, path) == 0 else { throw FileFailure("rename", self.temporary, number: errno) }
        close(self.descriptor)
        self.descriptor = -1
        try Folder.synchronize(self.folder)
        return (self.layout.byteCount, digest)
    }

    /// Removes what processes that are gone left of a file.
    private static func sweep(_ folder: String, _ name: String) {
        guard let list = opendir(folder) else { return }
        defer { closedir(list) }
        let prefix = ".\(name)."
        while let entry = readdir(list) {
            let found = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard found.hasPrefix(prefix), found.hasSuffix(".partial"),
                let pid = pid_t(found.dropFirst(prefix.count).dropLast(8)), kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            unlink("\(folder)/\(found)")
        }
    }
}

/// The digest of a file's content.
enum FileDigest {
    static func sha256(_ file: InputFile) throws(FileFailure) -> String {
        var hash = ContentHash.Stream()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { return hash.finish() }
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
