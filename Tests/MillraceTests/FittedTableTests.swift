// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Commands

@Suite("Tables within a width")
struct FittedTableTests {
    @Test("the widest columns are cut first, and no line is longer than the width", arguments: [40, 60, 80, 200])
    func fits(width: Int) {
        var table = FittedTable(["time", "count", "a", "b"], flexible: [2, 3], numeric: [1])
        table.add(["2026-11-01 00:00", "7", "short", String(repeating: "long ", count: 60)])
        table.add(["2026-11-01 00:01", "1,234", "a name of some length", "b"])
        let lines = table.lines(width: width)
        #expect(lines.count == 3)
        #expect(lines.allSatisfy { $0.count <= width }, "\(lines)")
        #expect(lines[1].contains("     7"))
        #expect(lines[1].contains("…") == (width < 300))
        #expect(width < 80 || lines[2].contains("a name of some length"))
    }

    @Test("what acts on a terminal is written out before it is measured")
    func harmless() {
        var table = FittedTable(["a", "b"], flexible: [0, 1])
        table.add(["\u{1b}[2J\u{202e}\r\nnext", "x\ty\nz"])
        let line = table.lines(width: 80)[1]
        #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202e })
        #expect(line.contains("x y z"))
    }
}
