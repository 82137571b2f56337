// SPDX-License-Identifier: Apache-2.0

import CKernels

extension Tape {
    /// A picture through a convolution.
    public mutating func convolve(_ layer: ImageConvolution, _ x: TapeImage) -> TapeImage {
        precondition(x.channels == layer.channels, "\(x.channels) channels where \(layer.channels) belong")
        let height = layer.places(x.height), width = layer.places(x.width)
        let y = self.record(
            rows: layer.outputs, columns: height * width, inputs: [x.value], reads: .inputs,
            hasParameters: layer.weight.isTrained,
            scratch: layer.scratchCount(height: x.height, width: x.width)
        ) { y, _ in ConvolutionStep(layer: layer, x: x, y: y) }
        return TapeImage(y, height: height, width: width)
    }

    /// A picture through a norm over groups of channels.
    public mutating func normalize(_ layer: GroupNorm, _ x: TapeImage) -> TapeImage {
        let y = self.record(
            rows: x.channels, columns: x.value.columns, inputs: [x.value], reads: .inputs,
            hasParameters: layer.weight.isTrained, rooms: [2 * layer.groups]
        ) { y, rooms in GroupNormStep(layer: layer, x: x.value, y: y, statistics: rooms[0]) }
        return TapeImage(y, height: x.height, width: x.width)
    }

    /// A picture through a function of one number.
    public mutating func activate(_ function: Activation, _ x: TapeImage) -> TapeImage {
        TapeImage(self.activate(function, x.value), height: x.height, width: x.width)
    }

    /// The sum of two pictures.
    public mutating func add(_ a: TapeImage, _ b: TapeImage) -> TapeImage {
        TapeImage(self.add(a.value, b.value), height: a.height, width: a.width)
    }

    /// A picture plus a number for each channel, the columns of `shifts` (1, channels).
    public mutating func add(_ x: TapeImage, shifts: TapeValue) -> TapeImage {
        precondition(shifts.rows == 1 && shifts.columns == x.channels, "a number a channel")
        let y = self.record(rows: x.channels, columns: x.value.columns, inputs: [x.value, shifts], reads: []) { y, _ in
            ShiftStep(x: x.value, shifts: shifts, y: y)
        }
        return TapeImage(y, height: x.height, width: x.width)
    }

    /// The channels of one picture, then those of another.
    public mutating func join(_ a: TapeImage, _ b: TapeImage) -> TapeImage {
        TapeImage(self.join([a.value, b.value]), height: a.height, width: a.width)
    }

    /// A picture of twice the height and width, each cell four times.
    public mutating func double(_ x: TapeImage) -> TapeImage {
        let y = self.record(rows: x.channels, columns: 4 * x.value.columns, inputs: [x.value], reads: []) { y, _ in
            DoublingStep(x: x, y: y)
        }
        return TapeImage(y, height: 2 * x.height, width: 2 * x.width)
    }
}

private struct ConvolutionStep: TapeStep {
    let layer: ImageConvolution
    let x: TapeImage, y: TapeValue

    func forward(_ run: TapeRun) {
        self.layer.forward(
            run.value(self.x.value), into: run.value(self.y), height: self.x.height, width: self.x.width,
            scratch: run.scratch, run.pass)
    }

    func backward(_ run: TapeRun) {
        self.layer.backward(
            x: run.value(self.x.value), dy: run.upstream(self.y), dx: run.gradient(self.x.value),
            height: self.x.height, width: self.x.width, scratch: run.scratch, run.pass)
    }
}

private struct GroupNormStep: TapeStep {
    let layer: GroupNorm
    let x: TapeValue, y: TapeValue
    let statistics: TapeRoom

    func forward(_ run: TapeRun) {
        self.layer.forward(
            run.value(self.x), into: run.value(self.y), statistics: run.room(self.statistics), run.pass)
    }

    func backward(_ run: TapeRun) {
        self.layer.backward(
            x: run.value(self.x), statistics: run.room(self.statistics), dy: run.upstream(self.y),
            dx: run.gradient(self.x), run.pass)
    }
}

private struct ShiftStep: TapeStep {
    let x: TapeValue, shifts: TapeValue, y: TapeValue

    func forward(_ run: TapeRun) {
        let x = run.value(self.x), y = run.value(self.y)
        y.start.update(from: x.start, count: x.count)
        ck_add_to_rows(y.start, y.stride, run.value(self.shifts).start, y.rows, y.columns)
    }

    func backward(_ run: TapeRun) {
        let dy = run.upstream(self.y)
        if let dx = run.gradient(self.x) { ck_add(dy.start, dx.start, dx.start, dx.count) }
        if let shifts = run.gradient(self.shifts) { ck_add_row_sums(dy.start, shifts.start, dy.rows, dy.columns) }
    }
}

private struct DoublingStep: TapeStep {
    let x: TapeImage, y: TapeValue

    func forward(_ run: TapeRun) {
        ck_double_image(
            run.value(self.x.value).start, run.value(self.y).start, self.x.channels, self.x.height, self.x.width)
    }

    func backward(_ run: TapeRun) {
        guard let dx = run.gradient(self.x.value) else { return }
        ck_double_image_gradient(
            run.upstream(self.y).start, dx.start, self.x.channels, self.x.height, self.x.width)
    }
}
