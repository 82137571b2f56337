// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Foundation
import Synchronization
import Testing

@Suite("An enclosed folder", .timeLimit(.minutes(1)))
struct EnclosedFolderTests {
    /// A place with a folder `media` in it, and a secret beside that.
    private static func world() throws -> (place: Place, folder: EnclosedFolder) {
        let place = try Place()
        for name in ["media/sub", "media-2"] {
            try FileManager.default.createDirectory(
                atPath: place.file(name), withIntermediateDirectories: true)
        }
        try place.write("inside", to: "media/a")
        try place.write("deeper", to: "media/sub/b")
        try place.write("secret", to: "secret")
        try place.write("neighbour", to: "media-2/c")
        return (place, try EnclosedFolder(path: place.file("media")))
    }

    private static func text(_ folder: EnclosedFolder, _ path: String) throws -> String {
        String(decoding: try folder.open(path).contents(bytesMax: 100), as: UTF8.self)
    }

    private static func code(_ folder: EnclosedFolder, _ path: String) -> FileFailure.Code? {
        do throws(FileFailure) {
            _ = try folder.open(path)
            return nil
        } catch { return error.code }
    }

    @Test("What lies in it is read, however it is named")
    func inside() throws {
        let (place, folder) = try Self.world()
        symlink("sub/b", place.file("media/link"))
        symlink(place.file("media/a"), place.file("media/absolute"))
        symlink("sub", place.file("media/folder"))
        // Its way leads outside and back.
        symlink("../media/a", place.file("media/round"))
        for (path, text) in [
            ("a", "inside"), ("sub/b", "deeper"), ("sub/../a", "inside"), ("../media/a", "inside"), ("link", "deeper"),
            ("absolute", "inside"), ("folder/b", "deeper"), ("round", "inside"), (place.file("media/a"), "inside"),
            ("./a", "inside"),
        ] {
            #expect(try Self.text(folder, path) == text, "\(path)")
        }
    }

    @Test("What lies elsewhere is not, however it is named")
    func outside() throws {
        let (place, folder) = try Self.world()
        symlink("../secret", place.file("media/relative"))
        symlink(place.file("secret"), place.file("media/absolute"))
        symlink("absolute", place.file("media/chain"))
        symlink("..", place.file("media/up"))
        symlink("/proc/self/fd/0", place.file("media/magic"))
        symlink("/dev/null", place.file("media/device"))
        for path in [
            "../secret", place.file("secret"), "/etc/passwd", "relative", "absolute", "chain", "up/secret", "magic",
            "device", "..", "/", "sub/../../secret", "/proc/self/environ", "../media-2/c", place.file("media-2/c"),
        ] {
            #expect(Self.code(folder, path) == .outside, "\(path)")
        }
    }

    @Test("Names of nothing, folders, FIFOs and sockets are told apart, and none is waited for")
    func otherKinds() throws {
        let (place, folder) = try Self.world()
        mkfifo(place.file("media/fifo"), 0o600)
        symlink("loop", place.file("media/loop"))
        symlink("nowhere", place.file("media/dangling"))
        for (path, code) in [
            ("fifo", FileFailure.Code.notAFile), ("sub", .notAFile), (".", .notAFile), ("loop", .notAFile),
            ("none", .missing), ("dangling", .missing), ("a/b", .missing), ("", .missing), ("a\0b", .missing),
            (String(repeating: "x", count: 5_000), .missing),
        ] {
            #expect(Self.code(folder, path) == code, "\(path.prefix(20))")
        }
    }

    @Test("A folder that is renamed is the same folder; one that is removed is no fault of the names")
    func renamed() throws {
        let (place, folder) = try Self.world()
        rename(place.file("media"), place.file("elsewhere"))
        #expect(try Self.text(folder, "a") == "inside")
        #expect(Self.code(folder, "../secret") == .outside)
        try FileManager.default.removeItem(atPath: place.file("elsewhere"))
        #expect(Self.code(folder, "a") == .failed)
    }

    @Test("The whole file system may be the folder")
    func root() throws {
        let (place, _) = try Self.world()
        #expect(try Self.text(EnclosedFolder(path: "/"), place.file("secret")) == "secret")
    }

    @Test("A folder that is none is refused")
    func noFolder() throws {
        let (place, _) = try Self.world()
        for path in ["secret", "none", "none/none"] {
            let error = #expect(throws: FileFailure.self) { try EnclosedFolder(path: place.file(path)) }
            #expect(error?.code == .missing)
            #expect(error?.message.contains(place.file(path)) == true)
        }
    }

    @Test("A link that is exchanged all the time leads to what is inside or nowhere, never outside")
    func exchanged() throws {
        let (place, folder) = try Self.world()
        let link = place.file("media/link")
        symlink("a", link)
        let isDone = Atomic(false)
        let thread = Thread {
            // Two links change places in one step each time, so that the name is always there.
            var number = 0
            while !isDone.load(ordering: .relaxed) {
                number += 1
                let next = place.file("next")
                symlink(number.isMultiple(of: 2) ? "a" : "../secret", next)
                rename(next, link)
            }
        }
        thread.start()
        defer { isDone.store(true, ordering: .relaxed) }
        var seen: [FileFailure.Code?: Int] = [:]
        for _ in 0..<20_000 {
            do throws(FileFailure) {
                let file = try folder.open("link")
                let text = String(decoding: try file.contents(bytesMax: 100), as: UTF8.self)
                #expect(text == "inside")
                seen[nil, default: 0] += 1
            } catch { seen[error.code, default: 0] += 1 }
            if seen.count == 2, seen.values.allSatisfy({ $0 > 200 }) { break }
        }
        #expect(Set(seen.keys) == [nil, .outside])
    }
}
