// SPDX-License-Identifier: Apache-2.0

import VideoAnnotations

/// Decides query by query what is kept, so that what is kept comes to have a reference's templates, lengths and places.
///
/// Each quality has cells with quotas that grow with the stream (`QuotaAxis`). A query is kept where its cells taken
/// together are behind their quotas: where the product of how full they are is below 1. So one that is rare in one
/// respect passes though another of its cells is full, and the next ones of that cell make room for it. Nothing is
/// looked at twice, and nothing but the queries so far decides.
///
/// Only sums, products and quotients of counts are compared: every machine decides alike.
struct BalanceQuota: Hashable, Sendable {
    /// Templates, lengths, starts and ends, as far as the reference knows them.
    private(set) var axes: [QuotaAxis]
    /// The kept queries by template, bucket of length and quarter of the clip.
    private(set) var joint: [Int]
    /// The queries that have come.
    private(set) var seen = 0
    /// Those that were kept.
    private(set) var kept = 0

    private let reference: Cells
    private let least: Double

    /// The times that each axis counts in the product: templates, lengths, starts, ends. The joint counts once.
    private static let powers = [8, 4, 2, 2]
    private static let lengthCells = 20
    private static let placeCells = 10

    /// Starts with nothing.
    /// - Parameter least: the share of the queries to keep at least, above 0 and up to 1.
    init(_ reference: QueryReference, keepingAtLeast least: Double) {
        self.reference = Cells(reference)
        self.least = least
        self.axes = [
            QuotaAxis(self.reference.templates),
            QuotaAxis([Double](repeating: 1, count: reference.durations.isEmpty ? 1 : Self.lengthCells)),
            QuotaAxis([Double](repeating: 1, count: reference.starts.isEmpty ? 1 : Self.placeCells)),
            QuotaAxis([Double](repeating: 1, count: reference.ends.isEmpty ? 1 : Self.placeCells)),
        ]
        self.joint = [Int](repeating: 0, count: self.reference.joint.count)
    }

    /// Decides on a query and remembers it.
    /// - Parameter template: `nil` for none of the 13: its place and length decide alone.
    mutating func takes(_ template: QueryTemplate?, _ window: Interval, in clip: Interval) -> Bool {
        let cells = self.reference.cells(template, window, clip)
        self.seen += 1
        var quotas: [[Double]] = []
        var keeps = 1.0
        for index in self.axes.indices {
            if let cell = cells[index] { self.axes[index].seen[cell] += 1 }
            let quota = self.axes[index].quotas(after: self.seen, keepingAtLeast: self.least)
            keeps = min(keeps, quota.keeps)
            quotas.append(quota.shares)
        }
        let size = keeps * Double(self.seen)
        var fullness = 1.0
        for index in self.axes.indices {
            guard let cell = cells[index] else { continue }
            let ratio = Self.fullness(self.axes[index].kept[cell], quotas[index][cell] * size)
            for _ in 0..<Self.powers[index] { fullness *= ratio }
        }
        let place = self.reference.jointPlace(template, window, clip)
        if let place, let cell = cells[0] {
            fullness *= Self.fullness(self.joint[place], self.reference.joint[place] * quotas[0][cell] * size)
        }
        guard fullness < 1 else { return false }
        self.kept += 1
        for index in self.axes.indices { if let cell = cells[index] { self.axes[index].kept[cell] += 1 } }
        if let place { self.joint[place] += 1 }
        return true
    }

    /// Half a query more on both sides: nothing is infinitely empty.
    private static func fullness(_ kept: Int, _ quota: Double) -> Double { (Double(kept) + 0.5) / (quota + 0.5) }

    // MARK: State

    /// All counts in a fixed order, from which `restore` goes on.
    var counts: [Int] {
        [self.seen, self.kept] + self.axes.flatMap { $0.seen + $0.kept } + self.joint
    }

    /// Takes up counts.
    /// - Returns: false, and changes nothing, where they are not those of such a quota.
    mutating func restore(_ counts: [Int]) -> Bool {
        guard counts.count == self.counts.count, counts.allSatisfy({ $0 >= 0 }) else { return false }
        var rest = counts[...]
        func take(_ number: Int) -> [Int] {
            defer { rest = rest.dropFirst(number) }
            return Array(rest.prefix(number))
        }
        let sums = take(2)
        (self.seen, self.kept) = (sums[0], sums[1])
        for index in self.axes.indices {
            self.axes[index].seen = take(self.axes[index].seen.count)
            self.axes[index].kept = take(self.axes[index].kept.count)
        }
        self.joint = take(self.joint.count)
        return true
    }
}

extension BalanceQuota {
    /// The cells of a reference, and where in them a query belongs.
    private struct Cells: Hashable, Sendable {
        /// The share of each template, in the order of `allCases`.
        let templates: [Double]
        /// For each template the shares of its queries by bucket of length and quarter, smoothed.
        let joint: [Double]
        private let durations: Spread
        private let starts: Spread
        private let ends: Spread

        private static let buckets = QueryReference.durationEdges.count
        private static let quarters = QueryReference.placeParts
        /// The queries by which the table of a template is mixed with that of all.
        private static let smoothing = 20.0

        init(_ reference: QueryReference) {
            self.durations = reference.durations
            self.starts = reference.starts
            self.ends = reference.ends
            let shares = ComparedQueries.templates(of: reference)
            self.templates = QueryTemplate.allCases.map { shares[$0] ?? 0 }
            var tables = [[Double]](
                repeating: [Double](repeating: 0, count: Self.buckets * Self.quarters), count: shares.isEmpty ? 0 : 13)
            for (name, table) in reference.joint {
                guard let template = QueryTemplate(named: name), !tables.isEmpty else { continue }
                for (cell, count) in table.joined().enumerated() { tables[template.place][cell] += Double(count) }
            }
            var all = [Double](repeating: 1, count: Self.buckets * Self.quarters)
            for table in tables { for cell in all.indices { all[cell] += table[cell] } }
            let sum = all.reduce(0, +)
            self.joint = tables.flatMap { table in
                let own = table.reduce(0, +)
                return table.indices.map { cell in
                    (table[cell] + Self.smoothing * all[cell] / sum) / (own + Self.smoothing)
                }
            }
        }

        func cells(_ template: QueryTemplate?, _ window: Interval, _ clip: Interval) -> [Int?] {
            let (start, end) = ((window.start - clip.start) / clip.length, (window.end - clip.start) / clip.length)
            return [
                template.map(\.place), Self.cell(window.length, of: self.durations, BalanceQuota.lengthCells),
                Self.cell(start, of: self.starts, BalanceQuota.placeCells),
                Self.cell(end, of: self.ends, BalanceQuota.placeCells),
            ]
        }

        func jointPlace(_ template: QueryTemplate?, _ window: Interval, _ clip: Interval) -> Int? {
            guard let template, !self.joint.isEmpty else { return nil }
            let bucket = QueryReference.bucket(ofSeconds: window.length)
            let quarter = QueryReference.quarter(window, of: clip)
            return (template.place * Self.buckets + bucket) * Self.quarters + quarter
        }

        private static func cell(_ value: Double, of spread: Spread, _ count: Int) -> Int? {
            if spread.isEmpty { return nil }
            let shares = spread.shares(at: value)
            return max(0, min(Int((shares.below + shares.upTo) / 2 * Double(count)), count - 1))
        }
    }
}

extension QueryTemplate {
    /// The place in `allCases`.
    fileprivate var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
