// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Commands

/// A run's progress as rows, whatever it has to say and however narrow the terminal is.
@Suite("Progress rows") struct ProgressRowsTests {
    private func stage(
        _ name: String, calls: ClosedRange<Int> = 0...0, left: Double? = 29, wait: String? = nil
    ) -> ProgressRows.Stage {
        ProgressRows.Stage(
            name: name, records: 12, rate: 3, waiting: 88, inFlight: 5, callsToCome: calls, secondsLeft: left,
            wait: wait)
    }

    @Test(
        "A row a stage: done in this run, rate, waiting, in flight, calls to come, time left; names stand in a column")
    func rows() {
        let rows = ProgressRows(stages: [self.stage("curate"), self.stage("generate", calls: 5...17)]).fitting(100)
        #expect(
            rows == [
                "curate    12 done, 3.0/s, 88 waiting, 5 in flight, 00:29 left",
                "generate  12 done, 3.0/s, 88 waiting, 5 in flight, 5–17 calls to come, 00:29 left",
            ])
        let one = ProgressRows(stages: [self.stage("generate", calls: 1...1, left: nil)]).fitting(100)
        #expect(one == ["generate  12 done, 3.0/s, 88 waiting, 5 in flight, 1 call to come"])
    }

    @Test("A stage that waits says for what, and no time left", arguments: [79, 59, 39, 19, 5, 1, 0])
    func waits(columns: Int) {
        let waits = ["waits for the model server", "waits for partitions: other processes have all", nil]
        let stages = waits.map { self.stage("annotate-all-moments", calls: 0...1_234_567, wait: $0) }
        let rows = ProgressRows(stages: stages, serverWait: "9 min: HTTP 503: \u{1b}[2J 漢字漢字").fitting(columns)
        #expect(rows.count == 4)
        for row in rows { #expect(TextColumns.count(row) <= columns, "\(row)") }
        if columns >= 39 {
            #expect(rows[0].contains("waits for the") && !rows[0].contains("left"))
            #expect(rows[3].hasPrefix("waiting for the model server for 9 min"))
        }
        #expect(rows.allSatisfy { !$0.contains("\u{1b}") })
    }

    @Test("With less room the least telling goes first, and the row still fits")
    func detail() {
        var last = Int.max
        for columns in stride(from: 120, through: 4, by: -1) {
            let row = ProgressRows(stages: [self.stage("generate", calls: 5...17)]).fitting(columns)[0]
            #expect(TextColumns.count(row) <= columns)
            #expect(TextColumns.count(row) <= last)
            last = TextColumns.count(row)
        }
        #expect(ProgressRows(stages: [self.stage("generate", calls: 5...17)]).fitting(70)[0].hasSuffix("00:29 left"))
        #expect(ProgressRows(stages: [self.stage("generate")]).fitting(24)[0] == "generate  88 waiting")
        #expect(ProgressRows(stages: [self.stage("generate")]).fitting(16)[0] == "generate  12+88")
    }

    @Test("Nothing is negative: a log that was cut, a clock that was set back")
    func neverNegative() {
        let stage = ProgressRows.Stage(name: "land", records: 0, rate: -4, waiting: -7, secondsLeft: -3)
        #expect(ProgressRows(stages: [stage]).fitting(80) == ["land  0 done, 0/s, 0 waiting"])
        #expect(ProgressReporter.duration(-5) == "00:00")
    }

    @Test("The reason to wait is the nearest one")
    func stageWait() {
        var wait = StageWait(
            hasPartitions: true, waiting: 3, inFlight: 0, isServerAway: false, openShards: 2, secondsToShard: 42,
            topic: "queries")
        #expect(wait.text == nil && !wait.isIdle)
        wait.isServerAway = true
        #expect(wait.text == "waits for the model server" && wait.isIdle)
        wait.isServerAway = false
        wait.waiting = 0
        #expect(wait.text == "2 shards open, the oldest closes in 00:42" && wait.isIdle)
        wait.secondsToShard = nil
        #expect(wait.text?.hasPrefix("2 shards open, closed by") == true)
        wait.openShards = 0
        #expect(wait.text == "waits for records in `queries`")
        wait.inFlight = 1
        #expect(wait.text == nil)
        wait.hasPartitions = false
        #expect(wait.text?.hasPrefix("waits for partitions") == true)
    }
}

@Suite("Rates") struct RateWindowTests {
    @Test("A rate is that of the last ten seconds")
    func smooth() {
        var window = RateWindow()
        #expect(window.rate == 0)
        // A burst, and then a steady ten a second.
        window.add(0, at: 0)
        window.add(1000, at: 0.5)
        for half in 2...60 { window.add(1000 + half * 5, at: Double(half) / 2) }
        #expect(abs(window.rate - 10) < 0.01)
        // One slow moment changes it by its share alone.
        window.add(1300, at: 31)
        #expect(window.rate > 8.9 && window.rate < 10)
    }

    @Test("A count that falls, since a partition went away, makes no rate negative and no spike when it is back")
    func falls() {
        var window = RateWindow()
        window.add(500, at: 0)
        window.add(100, at: 1)
        #expect(window.rate == 0)
        window.add(110, at: 2)
        #expect(window.rate == 5)
    }

    @Test("Times left are without the time that was spent waiting")
    func waiting() {
        var rate = WorkingRate()
        for second in 0...10 { rate.add(second * 4, at: Double(second)) }
        #expect(rate.secondsLeft(40) == 10)
        for second in 11...70 { rate.add(40, at: Double(second), isWaiting: true) }
        #expect(rate.secondsLeft(40) == nil && rate.rate == 0, "nothing is done, and the end is not known")
        rate.add(44, at: 71)
        #expect(abs((rate.secondsLeft(40) ?? 0) - 10) < 0.1)
        #expect(rate.secondsLeft(-3) == 0)
    }
}

@Suite("Progress screen") struct ProgressScreenTests {
    private let size = TerminalSize(columns: 20, rows: 5)

    @Test("Rows are erased before they are written anew, and messages come above them")
    func sequence() {
        var screen = ProgressScreen()
        #expect(screen.show(["one", "two"], on: self.size) == "one\r\ntwo")
        #expect(screen.show(["three"], on: self.size) == "\r\u{1b}[1A\u{1b}[Jthree")
        #expect(screen.write("note\n", on: self.size) == "\r\u{1b}[Jnote\nthree")
        #expect(screen.show([], on: self.size) == "\r\u{1b}[J")
        #expect(screen.show([], on: self.size).isEmpty)
        #expect(screen.write("note\n", on: self.size) == "note\n")
    }

    @Test("A terminal that became narrower has broken rows, and they are counted as it shows them")
    func resize() {
        var screen = ProgressScreen()
        _ = screen.show([String(repeating: "x", count: 19), "short"], on: self.size)
        let narrow = TerminalSize(columns: 10, rows: 5)
        #expect(screen.redraw(narrow) == "\r\u{1b}[2A\u{1b}[Jxxxxxxxx…\r\nshort")
        #expect(screen.shown.allSatisfy { TextColumns.count($0) < 10 })
    }

    @Test("More rows than the terminal has are told by their number")
    func height() {
        var screen = ProgressScreen()
        _ = screen.show((1...9).map { "row \($0)" }, on: self.size)
        #expect(screen.shown == ["row 1", "row 2", "row 3", "… and 6 more"])
    }

    @Test("Wide characters and marks take the columns that they take")
    func columns() {
        #expect(TextColumns.count("漢字") == 4)
        #expect(TextColumns.count("e\u{301}") == 1)
        #expect(TextColumns.cut("漢字漢字", to: 5) == "漢字…")
        #expect(TextColumns.cut("plain", to: 5) == "plain")
    }
}
