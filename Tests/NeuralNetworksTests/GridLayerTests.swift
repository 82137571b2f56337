// SPDX-License-Identifier: Apache-2.0

import Foundation
import NeuralNetworks
import Testing

/// Layers over time, height and width, each against a plain version of itself.
@Suite struct GridLayerTests {
    private static let grid = GridSize(3, 5, 4)

    private static func random() -> PhiloxGenerator { PhiloxGenerator(seed: 5, stream: "grids") }

    private static let windows = [
        GridWindow(over: grid, kernel: GridSize(all: 3), step: GridSize(1, 2, 2)),
        GridWindow(over: grid, kernel: GridSize(3, 2, 1), step: GridSize(2, 1, 1)),
        GridWindow(over: grid, kernel: GridSize(7, 3, 3), step: GridSize(4, 2, 2)),
        GridWindow(over: grid, kernel: GridSize(all: 3), step: GridSize(1, 2, 1), causal: true),
    ]

    /// The cells under each place: the tap and the cell, those beyond the edge left out.
    private static func cells(_ window: GridWindow) -> [[(tap: Int, cell: Int)]] {
        let (from, to, kernel) = (window.from.axes, window.to.axes, window.kernel.axes)
        return (0..<window.to.count).map { place in
            let at = [place / (to[1] * to[2]), place / to[2] % to[1], place % to[2]]
            return (0..<window.kernel.count).compactMap { tap in
                let offset = [tap / (kernel[1] * kernel[2]), tap / kernel[2] % kernel[1], tap % kernel[2]]
                let cell = (0..<3).map { at[$0] * window.step.axes[$0] + offset[$0] - window.before.axes[$0] }
                guard (0..<3).allSatisfy({ cell[$0] >= 0 && cell[$0] < from[$0] }) else { return nil }
                return (tap, (cell[0] * from[1] + cell[1]) * from[2] + cell[2])
            }
        }
    }

    @Test func placesAreThoseOfPyTorch() {
        #expect(Self.windows.map(\.to) == [GridSize(3, 3, 2), GridSize(2, 6, 4), GridSize(1, 3, 2), GridSize(3, 3, 4)])
    }

    @Test(arguments: windows) func patchConvolution(_ window: GridWindow) {
        var layout = ParameterLayout(), plan = WorkspacePlan(), random = Self.random()
        let layer = PatchConvolution("p", channels: 2, outputs: 5, window: window, in: &layout)
        let scratch = plan.floats(layer.scratchCount), cells = Self.cells(window), taps = window.kernel.count
        let harness = LayerHarness(
            layout, plan: plan, input: .random(2, Self.grid.count, &random), outputColumns: 5,
            outputRows: window.to.count
        ) { x, p in
            Plain(rows: window.to.count, columns: 5) { place, output in
                (0..<2).reduce(p["p.bias"]!.values[output]) { sum, channel in
                    cells[place].reduce(sum) {
                        $0 + p["p.weight"]![output, channel * taps + $1.tap] * x[channel, $1.cell]
                    }
                }
            }
        }
        let pass = harness.pass
        layer.forward(harness.x.start, into: harness.y, scratch: pass[scratch], pass)
        layer.backward(
            x: harness.x.start, dy: harness.dy, dx: harness.dx.start, scratch: pass[scratch], pass)
        harness.compare()
    }

    @Test(arguments: windows, [(4, 2), (12, 3), (37, 1), (32, 2)])
    func depthwiseConvolution(_ window: GridWindow, _ size: (channels: Int, heads: Int)) {
        var layout = ParameterLayout(), plan = WorkspacePlan(), random = Self.random()
        let layer = GridDepthwiseConvolution(
            "d", channels: size.channels, heads: size.heads, window: window, in: &layout)
        let scratch = plan.floats(layer.scratchCount), cells = Self.cells(window)
        let width = size.channels / size.heads
        let harness = LayerHarness(
            layout, plan: plan, input: .random(Self.grid.count, size.channels, &random), outputColumns: size.channels,
            outputRows: window.to.count
        ) { x, p in
            Plain(rows: window.to.count, columns: size.channels) { place, channel in
                cells[place].reduce(0) { $0 + p["d.weight"]![channel % width, $1.tap] * x[$1.cell, channel] }
            }
        }
        let pass = harness.pass
        layer.forward(harness.x, into: harness.y, scratch: pass[scratch], pass)
        layer.backward(x: harness.x, dy: harness.dy, dx: harness.dx, scratch: pass[scratch], pass)
        harness.compare()
    }

    @Test(arguments: windows) func maxPooling(_ window: GridWindow) {
        var plan = WorkspacePlan(), random = Self.random()
        let layer = GridMaxPooling(window: window), taps = layer.plan(&plan, channels: 19)
        let cells = Self.cells(window)
        let harness = LayerHarness(
            ParameterLayout(), plan: plan, input: .random(Self.grid.count, 19, &random), outputColumns: 19,
            outputRows: window.to.count
        ) { x, _ in
            Plain(rows: window.to.count, columns: 19) { place, channel in
                cells[place].map { x[$0.cell, channel] }.max()!
            }
        }
        layer.forward(harness.x, into: harness.y, taps: taps, harness.pass)
        layer.backward(dy: harness.dy, dx: harness.dx, taps: taps, harness.pass)
        harness.compare()
    }

    @Test func ofEqualCellsTheFirstIsTheLargest() {
        var plan = WorkspacePlan()
        let window = GridWindow(over: GridSize(1, 1, 3), kernel: GridSize(1, 1, 3), step: GridSize(1, 1, 3))
        let layer = GridMaxPooling(window: window), taps = layer.plan(&plan, channels: 1)
        let harness = LayerHarness(
            ParameterLayout(), plan: plan, input: Plain(rows: 3, columns: 1, values: [2, 2, 1]), outputColumns: 1,
            outputRows: 1
        ) { x, _ in x }
        layer.forward(harness.x, into: harness.y, taps: taps, harness.pass)
        layer.backward(dy: harness.dy, dx: harness.dx, taps: taps, harness.pass)
        #expect(harness.y.start[0] == 2)
        #expect((0..<3).map { harness.dx.start[$0] != 0 } == [true, false, false])
    }

    @Test(arguments: [(3, 5), (4, 32), (2, 37)]) func exactGELU(_ rows: Int, _ columns: Int) {
        var layout = ParameterLayout(), random = Self.random()
        let layer = Linear(["a"], inputs: 1, outputs: columns, in: &layout)
        let input = Plain(rows: rows, columns: columns) { _, _ in 3 * Double(random.normal()) }
        let harness = LayerHarness(layout, plan: WorkspacePlan(), input: input, outputColumns: columns) { x, p in
            Plain(rows: rows, columns: columns) { row, column in
                let value = x[row, column] + p["a.bias"]!.values[column]
                return value * 0.5 * (1 + erf(value / 2.0.squareRoot()))
            }
        }
        GELU.forward(harness.x, biasOf: layer, into: harness.y, harness.pass)
        GELU.backward(x: harness.x, biasOf: layer, dy: harness.dy, dx: harness.dx, harness.pass)
        harness.compare()
    }

    @Test func farFromZeroGELUIsTheLineOrNothing() {
        var layout = ParameterLayout()
        let layer = Linear(["a"], inputs: 1, outputs: 3, in: &layout)
        let input = Plain(rows: 1, columns: 3, values: [-40, 40, 0])
        let harness = LayerHarness(
            layout, plan: WorkspacePlan(), input: input, outputColumns: 3, shift: 0
        ) { x, _ in x }
        GELU.forward(harness.x, biasOf: layer, into: harness.y, harness.pass)
        #expect(abs(harness.y.start[0]) < 1e-4 && harness.y.start[1] == 40 && harness.y.start[2] == 0)
    }

    @Test(arguments: [(5, 9), (9, 5), (7, 7), (1, 4), (15, 27)]) func tableInterpolation(_ from: Int, _ to: Int) {
        var random = Self.random()
        let layer = TableInterpolation(from: from, to: to)
        let harness = LayerHarness(
            ParameterLayout(), plan: WorkspacePlan(), input: .random(from, 6, &random), outputColumns: 6, outputRows: to
        ) { x, _ in
            Plain(rows: to, columns: 6) { row, column in
                let place = max(0, (Double(row) + 0.5) * Double(from) / Double(to) - 0.5)
                let low = min(Int(place), from - 1), high = min(low + 1, from - 1), share = place - Double(low)
                return (1 - share) * x[low, column] + share * x[high, column]
            }
        }
        layer.forward(harness.x, into: harness.y)
        layer.backward(dy: harness.dy, dtable: harness.dx)
        harness.compare()
    }

    @Test(arguments: [4, 16, 23]) func softmaxWithClosedColumns(_ columns: Int) {
        var random = Self.random()
        let bias = (0..<columns).map { $0 % 3 == 1 ? MaskedSoftmax.closed : 0 }
        let harness = LayerHarness(
            ParameterLayout(), plan: WorkspacePlan(), input: .random(5, columns, &random), outputColumns: columns
        ) { x, _ in
            Plain(rows: 5, columns: columns) { row, column in
                let open = (0..<columns).filter { bias[$0] == 0 }
                let sum = open.reduce(0) { $0 + exp(x[row, $1]) }
                return bias[column] == 0 ? exp(x[row, column]) / sum : 0
            }
        }
        for index in 0..<5 * columns { harness.y.start[index] = harness.x.start[index] }
        MaskedSoftmax.forward(harness.y, bias: bias)
        MaskedSoftmax.backward(y: harness.y, dy: harness.dy, dscores: harness.dx)
        harness.compare()
        for row in 0..<5 {
            for column in 0..<columns where bias[column] != 0 {
                #expect(harness.y.row(row)[column] == 0 && harness.dx.row(row)[column] == 0)
            }
        }
    }

    @Test func pathsAreDroppedAtTheirRate() {
        let rate = 0.3, paths = DropPath(key: 4, step: 2)
        let factors = (0..<20_000).map { paths.factor(rate: rate, site: 1, sample: UInt32($0)) }
        #expect(Set(factors) == [0, Float(1 / 0.7)])
        // Five standard deviations of 20 000 draws are 0.016.
        #expect(abs(Double(factors.count { $0 == 0 }) / 20_000 - rate) < 0.017)
        #expect(paths.factor(rate: 0, site: 1, sample: 0) == 1)
        #expect((0..<5).map { DropPath.rate(0.5, of: $0, in: 5) } == [0, 0.125, 0.25, 0.375, 0.5])
        let other = (0..<64).map { DropPath(key: 4, step: 3).factor(rate: rate, site: 1, sample: $0) }
        #expect(other != Array(factors.prefix(64)))
    }

    /// Two heads on a grid of queries that is finer than the keys', the tables of one axis with fewer rows than
    /// distances.
    @Test(arguments: [nil, 4]) func relativePositions(_ stored: Int?) {
        let queries = GridSize(2, 4, 3), keys = GridSize(2, 2, 3), width = 5, heads = 2
        var layout = ParameterLayout(), plan = WorkspacePlan(), random = Self.random()
        func axis(_ name: String, _ queries: Int, _ keys: Int, _ stored: Int? = nil) -> RelativePositions.Axis {
            RelativePositions.Axis(name, queries: queries, keys: keys, width: width, stored: stored, in: &layout)
        }
        let layer = RelativePositions(
            time: axis("t", 2, 2), height: axis("h", 4, 2, stored), width: axis("w", 3, 3), queries: queries,
            frames: 2, width: width, heads: heads)
        let cache = layer.plan(&plan, training: true), place = RelativePositions.Keys(grid: keys, column: 1)
        func vector(_ table: Plain, _ rows: Int, _ row: Int, _ column: Int) -> Double {
            let place = max(0, (Double(row) + 0.5) * Double(table.rows) / Double(rows) - 0.5)
            let low = min(Int(place), table.rows - 1), high = min(low + 1, table.rows - 1)
            return (1 - place + Double(low)) * table[low, column] + (place - Double(low)) * table[high, column]
        }
        // The output has both heads' scores side by side; the first column of each is left alone.
        let columns = 2 * (keys.count + 1)
        let harness = LayerHarness(
            layout, plan: plan, input: .random(queries.count, heads * width, &random), outputColumns: columns
        ) { x, p in
            Plain(rows: queries.count, columns: columns) { query, column in
                let head = column / (keys.count + 1), key = column % (keys.count + 1) - 1
                guard key >= 0 else { return 0 }
                let (qt, qh, qw) = (query / 12, query / 3 % 4, query % 3),
                    (kt, kh, kw) = (key / 6, key / 3 % 2, key % 3)
                return (0..<width).reduce(0) { sum, column in
                    let tables =
                        vector(p["t"]!, 3, qt - kt + 1, column) + vector(p["h"]!, 7, qh - 2 * kh + 2, column)
                        + vector(p["w"]!, 5, qw - kw + 2, column)
                    return sum + x[query, head * width + column] * tables
                }
            }
        }
        let pass = harness.pass
        layer.prepare(harness.x, cache: cache, pass)
        for head in 0..<heads {
            let range = head * (keys.count + 1)..<(head + 1) * (keys.count + 1)
            layer.add(to: harness.y.columns(range), keys: place, head: head, first: 0, cache: cache, pass)
            layer.collect(harness.dy.columns(range), keys: place, head: head, cache: cache, pass)
        }
        layer.backward(q: harness.x, dq: harness.dx, cache: cache, pass)
        harness.compare()
    }
}
