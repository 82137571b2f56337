// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Foundation
import Testing

@Suite("Contested files")
struct ContestedFileTests {
    @Test("What is there is shown, and stays if it is to stay")
    func decision() throws {
        let place = try Place()
        try place.write("first", to: "new")
        let took = try ContestedFile.replace(place.file("file"), with: place.file("new")) { _, _ in
            Issue.record("there is nothing to look at")
            return false
        }
        #expect(took)
        let long = String(repeating: "x", count: 2 * ContestedFile.headBytes)
        try place.write(long, to: "new")
        for permits in [false, true] {
            let replaced = try ContestedFile.replace(place.file("file"), with: place.file("new")) { head, size in
                #expect(String(decoding: head, as: UTF8.self) == "first" && size == 5)
                return permits
            }
            #expect(replaced == permits)
            #expect(try place.read("file") == (permits ? long : "first"))
            #expect(place.names == (permits ? ["file"] : ["file", "new"]))
        }
        try place.write("second", to: "new")
        _ = try ContestedFile.replace(place.file("file"), with: place.file("new")) { head, size in
            #expect(head.count == ContestedFile.headBytes && size == long.utf8.count)
            return true
        }
        #expect(try place.read("file") == "second")
    }

    @Test("Of many who come at once the highest number stays, and none is replaced by a lower one")
    func contest() throws {
        for _ in 0..<20 {
            let place = try Place()
            let count = 16
            for number in 0..<count { try place.write("\(number)", to: "new-\(number)") }
            DispatchQueue.concurrentPerform(iterations: count) { number in
                do {
                    _ = try ContestedFile.replace(place.file("file"), with: place.file("new-\(number)")) { head, _ in
                        (Int(String(decoding: head, as: UTF8.self)) ?? .max) < number
                    }
                } catch {
                    Issue.record(error)
                }
            }
            #expect(try place.read("file") == "\(count - 1)")
        }
    }

    @Test("A link or a folder is refused, and nothing is replaced")
    func refused() throws {
        let place = try Place()
        try place.write("new", to: "new")
        symlink("target", place.file("link"))
        mkdir(place.file("folder"), 0o755)
        for name in ["link", "folder"] {
            #expect(throws: FileFailure.self) {
                try ContestedFile.replace(place.file(name), with: place.file("new")) { _, _ in true }
            }
        }
        #expect(place.names == ["folder", "link", "new"])
    }

    @Test("A descriptor knows its name until another file has it")
    func names() throws {
        let place = try Place()
        try place.write("one", to: "file")
        let descriptor = open(place.file("file"), O_RDONLY)
        defer { close(descriptor) }
        #expect(ContestedFile.isNamed(descriptor, place.file("file")))
        try place.write("two", to: "new")
        _ = try ContestedFile.replace(place.file("file"), with: place.file("new")) { _, _ in true }
        #expect(!ContestedFile.isNamed(descriptor, place.file("file")))
        #expect(!ContestedFile.isNamed(descriptor, place.file("none")))
    }
}
