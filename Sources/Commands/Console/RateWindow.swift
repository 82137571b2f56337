// SPDX-License-Identifier: Apache-2.0

/// A rate over the last ten seconds: smooth enough to be read, and soon past what was.
struct RateWindow {
    /// Seconds that a rate is taken over.
    static let seconds = 10.0
    /// Seconds between samples, at least.
    private static let spacing = 0.2

    private var samples: [(time: Double, count: Int)] = []
    /// The count that came last; one that falls (a partition went to another process) begins anew from there.
    private var last: Int?
    private var total = 0

    /// Takes a count at a time, in seconds; times do not fall.
    mutating func add(_ count: Int, at time: Double) {
        self.total += max(0, count - (self.last ?? count))
        self.last = count
        // One that tells often needs no more samples than one that tells now and then.
        if let before = self.samples.dropLast().last, time - before.time < Self.spacing { self.samples.removeLast() }
        self.samples.append((time, self.total))
        // The last sample that is as old as the window, or older, is where the rate begins.
        while self.samples.count > 2, self.samples[1].time <= time - Self.seconds { self.samples.removeFirst() }
    }

    /// Units a second; never negative.
    var rate: Double {
        guard let first = self.samples.first, let last = self.samples.last, last.time > first.time else { return 0 }
        return Double(last.count - first.count) / (last.time - first.time)
    }
}

/// The rate of something that at times waits, and the time that what is left would take: without the waiting.
struct WorkingRate {
    private var overall = RateWindow()
    private var working = RateWindow()
    private var workingSeconds = 0.0
    private var lastTime: Double?
    private(set) var isWaiting = false

    /// Takes a count at a time, in seconds.
    /// - Parameter isWaiting: whether nothing could be done since the last one.
    mutating func add(_ count: Int, at time: Double, isWaiting: Bool = false) {
        if !isWaiting { self.workingSeconds += max(0, time - (self.lastTime ?? time)) }
        self.lastTime = time
        self.isWaiting = isWaiting
        self.overall.add(count, at: time)
        self.working.add(count, at: self.workingSeconds)
    }

    /// Units a second over the last ten seconds.
    var rate: Double { self.overall.rate }

    /// Seconds that a number of units would take at the rate of the last ten seconds of work; `nil` while waiting, and
    /// where nothing was done.
    func secondsLeft(_ units: Int) -> Double? {
        guard !self.isWaiting, self.working.rate > 0 else { return nil }
        return Double(max(0, units)) / self.working.rate
    }

    /// `, 01:02 left`, where that is known.
    func left(_ units: Int) -> String {
        self.secondsLeft(units).map { ", \(ProgressReporter.duration($0)) left" } ?? ""
    }
}
