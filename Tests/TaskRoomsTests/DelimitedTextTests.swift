// SPDX-License-Identifier: Apache-2.0

import Codecs
import TaskRooms
import Testing

@Suite struct DelimitedTextTests {
    private static func rows(_ path: String, _ delimiter: Character = ",") throws -> [[String?]] {
        var table = try DelimitedText(path: path, delimiter: delimiter.asciiValue ?? 0, requiring: ["a"])
        var rows: [[String?]] = []
        while try table.next() { rows.append((0..<table.fieldCount).map { table.text($0) }) }
        return rows
    }

    @Test func quotesDelimitersAndLineEnds() throws {
        let text = "a,b , c\r\n1,\"x, \"\"y\"\"\",\r\n\"two\r\nlines\",it\"s,\"end\"\r\n\n\"\",,\"q\"r\nlast\n"
        let file = try TemporaryFile(text)
        var table = try DelimitedText(path: file.path, delimiter: 0x2c, requiring: ["a", "b", "c"])
        #expect(table.header == ["a", "b", "c"])
        #expect(try table.next())
        #expect(table.line == 2)
        #expect(table.raw == Bytes("1,\"x, \"\"y\"\"\",".utf8))
        #expect(
            try Self.rows(file.path) == [
                ["1", "x, \"y\"", ""], ["two\r\nlines", "it\"s", "end"], ["", "", "qr"], ["last"],
            ])
    }

    @Test func linesAreCountedAcrossQuotedLineEnds() throws {
        let file = try TemporaryFile("a\n\"1\n2\n\"\n\n3\n")
        var table = try DelimitedText(path: file.path, delimiter: 0x2c, requiring: [])
        var lines: [Int] = []
        while try table.next() { lines.append(table.line) }
        #expect(lines == [2, 6])
    }

    @Test func missingColumnsAndOpenQuotesAreErrors() throws {
        let columns = try TemporaryFile("b,c\n1,2\n")
        let error = #expect(throws: SourceError.self) { try Self.rows(columns.path) }
        #expect(error?.message.contains("`a`") == true && error?.message.contains("`b`, `c`") == true)
        #expect(throws: SourceError.self) { try Self.rows(TemporaryFile("").path) }
        let open = #expect(throws: SourceError.self) { try Self.rows(TemporaryFile("a\n1\n\"2\n3\n").path) }
        #expect(open?.line == 3)
        #expect(open?.offset == 4)
    }

    @Test func blankLinesOfEitherEndArePassedOver() throws {
        let file = try TemporaryFile("a,b\r\n1,2\r\n\r\n\n3,4\r\n\r\n")
        #expect(try Self.rows(file.path) == [["1", "2"], ["3", "4"]])
    }

    /// Fields of a row that is too long are neither kept nor gone over again for each of them.
    @Test(.timeLimit(.minutes(1))) func aRowOfDelimitersIsTooLong() throws {
        let filler = String(repeating: "x", count: SourceLimits.lineBytesMax - 1000)
        let long = String(repeating: ",", count: 300_000)
        let file = try TemporaryFile("a,b\n\(filler)\(long)\n2,3\n")
        var table = try DelimitedText(path: file.path, delimiter: 0x2c, requiring: [])
        #expect(try table.next())
        #expect(table.isTooLong, "delimiters count")
        #expect(table.fieldCount <= 2)
        #expect(try table.next())
        #expect(!table.isTooLong && table.text(1) == "3")
    }

    @Test func rowsOverTheLimitAreMarked() throws {
        let long = String(repeating: "x", count: SourceLimits.lineBytesMax + 1)
        let file = try TemporaryFile("a,b\n1,\(long)\n2,3\n")
        var table = try DelimitedText(path: file.path, delimiter: 0x2c, requiring: [])
        #expect(try table.next())
        #expect(table.isTooLong)
        #expect(table.raw.count <= 66_000)
        #expect(try table.next())
        #expect(!table.isTooLong)
        #expect(table.text(1) == "3")
    }

    @Test func numbers() throws {
        let file = try TemporaryFile("a\n1.5\n-2\n1e3\nnan\nx\n\" 7 \"\n3.3445000000000014\n")
        var table = try DelimitedText(path: file.path, delimiter: 0x2c, requiring: [])
        var numbers: [Double?] = []
        while try table.next() { numbers.append(table.number(0)) }
        #expect(numbers.count == 7)
        #expect(numbers[0] == 1.5 && numbers[1] == -2 && numbers[2] == 1_000 && numbers[4] == nil && numbers[5] == 7)
        #expect(numbers[3]?.isNaN == true)
        #expect(numbers[6] == 3.344_500_000_000_001_4)
    }
}
