// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Foundation
import Testing

/// A folder of a test's own.
final class Place: Sendable {
    let path: String

    init() throws {
        self.path = FileManager.default.temporaryDirectory.appendingPathComponent("files-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func file(_ name: String) -> String { self.path + "/" + name }
    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: self.file(name)))
    }
    func read(_ name: String) throws -> String { try String(contentsOfFile: self.file(name), encoding: .utf8) }
    func mode(_ name: String) -> mode_t {
        var status = stat()
        lstat(self.file(name), &status)
        return status.st_mode
    }
    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: self.path)) ?? []).sorted() }
}

@Suite("Output files")
struct OutputFileTests {
    @Test("A link is followed, also one to nothing, and stays a link")
    func link() throws {
        let place = try Place()
        try place.write("old", to: "target")
        chmod(place.file("target"), 0o640)
        for (link, target) in [("link", "target"), ("chain", "link"), ("dangling", "new")] {
            symlink(target, place.file(link))
            try OutputFile.write(Array("via \(link)".utf8), to: place.file(link))
            #expect(place.mode(link) & S_IFMT == S_IFLNK)
            #expect(try place.read(link) == "via \(link)")
        }
        #expect(try place.read("target") == "via chain")
        #expect(try place.read("new") == "via dangling")
        #expect(place.mode("target") & 0o777 == 0o640, "what is replaced keeps its rights")
        #expect(place.names == ["chain", "dangling", "link", "new", "target"], "nothing is left over")
        symlink("loop", place.file("loop"))
        #expect(throws: FileFailure.self) { try OutputFile.write([], to: place.file("loop")) }
    }

    @Test("A file that is not finished leaves what was there")
    func unfinished() throws {
        let place = try Place()
        try place.write("old", to: "file")
        do {
            let file = try OutputFile(path: place.file("file"))
            try file.append(Array("half".utf8))
        }
        #expect(try place.read("file") == "old")
        #expect(place.names == ["file"])
    }

    @Test("Devices and pipes are written through, and never replaced")
    func through() throws {
        let place = try Place()
        mkfifo(place.file("fifo"), 0o600)
        let none = #expect(throws: FileFailure.self) { try OutputFile(path: place.file("fifo")) }
        #expect(none?.message.contains("nobody is at the other end") == true)
        let reader = open(place.file("fifo"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        try OutputFile.write(Array("hello".utf8), to: place.file("fifo"))
        var bytes = [UInt8](repeating: 0, count: 16)
        #expect(read(reader, &bytes, 16) == 5)
        #expect(place.mode("fifo") & S_IFMT == S_IFIFO)

        try OutputFile.write([1, 2, 3], to: "/dev/null")
        let full = #expect(throws: FileFailure.self) { try OutputFile.write([1, 2, 3], to: "/dev/full") }
        #expect(full?.code == .full)
        let folder = #expect(throws: FileFailure.self) { try OutputFile.write([], to: place.path) }
        #expect(folder?.code == .notAFile)
        #expect(OutputFile.isStandardOutput("/dev/stdout") && OutputFile.isStandardOutput("/proc/self/fd/1"))
        #expect(!OutputFile.isStandardOutput("/dev/stderr"))
    }
}

@Suite("Input files")
struct InputFileTests {
    @Test("Devices, folders, sockets and FIFOs without a writer are refused at once")
    func kinds() throws {
        let place = try Place()
        mkfifo(place.file("fifo"), 0o600)
        for (path, words) in [
            ("/dev/zero", "is a device"), (place.path, "is a folder"), (place.file("fifo"), "nobody writes to"),
        ] {
            let failure = #expect(throws: FileFailure.self) { try InputFile.contents(path) }
            #expect(failure?.message.contains(words) == true)
        }
        let failure = #expect(throws: FileFailure.self) { try InputFile(path: place.file("fifo")) }
        #expect(failure?.message.contains("is a FIFO") == true)
        let missing = #expect(throws: FileFailure.self) { try InputFile.contents("/no/such") }
        #expect(missing?.code == .missing)
    }

    @Test("A pipe with a writer is read to its end")
    func pipe() throws {
        let place = try Place()
        mkfifo(place.file("fifo"), 0o600)
        // Held open for both, so that the opening below finds a writer.
        let both = open(place.file("fifo"), O_RDWR)
        let input = try InputFile(path: place.file("fifo"), .stream)
        let thread = Thread {
            let bytes = [UInt8](repeating: 7, count: 1 << 18)
            _ = bytes.withUnsafeBytes { write(both, $0.baseAddress, $0.count) }
            close(both)
        }
        thread.start()
        #expect(try input.contents().count == 1 << 18)
    }

    @Test("A file that changes while it is read is refused at its end", arguments: [true, false])
    func changed(grows: Bool) throws {
        let place = try Place()
        try place.write(String(repeating: "x", count: 1000), to: "file")
        let input = try InputFile(path: place.file("file"))
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 1)
        defer { chunk.deallocate() }
        #expect(try input.read(into: chunk) == 100)
        truncate(place.file("file"), grows ? 1010 : 500)
        let failure = #expect(throws: FileFailure.self) { _ = try input.contents() }
        #expect(failure?.code == .changed)
        #expect(failure?.message.contains("changed while it was read (1000 bytes") == true)
    }

    @Test(
        "What the system refuses keeps its reason",
        arguments: [(EACCES, FileFailure.Code.forbidden), (EMFILE, .tooManyOpen)])
    func reasons(number: Int32, code: FileFailure.Code) {
        let failure = FileFailure("open", "x", number: number)
        #expect(failure.code == code)
        #expect(failure.message.contains(String(cString: strerror(number))))
    }

    @Test("A size beyond the bound is refused before it is read")
    func bound() throws {
        let place = try Place()
        try place.write("12345", to: "file")
        #expect(try InputFile.contents(place.file("file"), bytesMax: 5).count == 5)
        let large = #expect(throws: FileFailure.self) { try InputFile.contents(place.file("file"), bytesMax: 4) }
        #expect(large?.code == .tooLarge)
    }
}

@Suite("Own files")
struct OwnFileTests {
    @Test("A link is never followed, and a new file is its owner's alone")
    func own() throws {
        let place = try Place()
        try place.write("precious", to: "precious")
        symlink("precious", place.file("link"))
        for flags in [O_RDONLY, O_RDWR | O_CREAT] {
            let failure = #expect(throws: FileFailure.self) { try OwnFile.open(place.file("link"), flags) }
            #expect(failure?.message.contains("symbolic link") == true)
        }
        mkfifo(place.file("fifo"), 0o600)
        #expect(throws: FileFailure.self) { try OwnFile.open(place.file("fifo"), O_RDWR) }
        let mask = umask(0o022)
        defer { umask(mask) }
        try OwnFile.create(place.file("new"))
        #expect(place.mode("new") & 0o777 == 0o600)
        try Folder.create(place.file("a/b"), isPrivate: true)
        #expect(place.mode("a/b") & 0o777 == 0o700)
        chmod(place.path, 0o770)
        umask(0)
        try OwnFile.create(place.file("shared"))
        #expect(place.mode("shared") & 0o777 == 0o660, "where the group may write the folder")
        #expect(try OwnFile.contents(place.file("none"), bytesMax: 10) == nil)
    }
}
