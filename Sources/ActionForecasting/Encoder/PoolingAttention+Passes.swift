// SPDX-License-Identifier: Apache-2.0

import NeuralNetworks

extension PoolingAttention {
    /// out (queries, width) from y (tokens, inputs).
    func forward(
        _ y: Matrix, into out: Matrix, _ recall: Recall?, memory: ClipMemory?, cache: Cache, isTraining: Bool,
        _ pass: Pass
    ) {
        let keys = self.keys(recall)
        self.take(y, recall, memory: memory, keys: keys, cache: cache, pass)
        let q = self.matrix(cache.taken, 0, columns: self.shape.width, keys: keys, pass)
        let k = self.matrix(cache.taken, 1, columns: self.shape.width, keys: keys, pass)
        let v = self.matrix(cache.taken, 2, columns: self.shape.width, keys: keys, pass)
        let context = pass.matrix(cache.context, rows: q.rows, columns: self.shape.width)
        let entries = self.entries(recall)
        let bias = self.columns.fill(pass[cache.bias], columns: keys, entries) ? pass[cache.bias] : nil
        let patches = q.rows(1..<q.rows)
        if let positions, let cache = cache.positions { positions.prepare(patches, cache: cache, pass) }
        if !entries.isEmpty, let positions = self.recollection?.positions, let cache = cache.recollection?.positions {
            positions.prepare(patches, cache: cache, pass)
        }
        for head in 0..<self.shape.heads {
            let columns = self.headColumns(head)
            let atOnce = isTraining ? q.rows : Self.queriesAtOnce
            for first in stride(from: 0, to: q.rows, by: atOnce) {
                let range = first..<min(first + atOnce, q.rows)
                let start = pass[cache.scores] + (isTraining ? head * q.rows * keys : 0)
                let scores = Matrix(start, rows: range.count, columns: keys)
                multiply(
                    q.rows(range).columns(columns), .plain, k.columns(columns), .transposed, into: scores,
                    factor: self.scale)
                self.addPositions(scores, first: first, head: head, recall, cache: cache, pass)
                self.columns.softmax(scores, first: first, bias: bias)
                multiply(scores, .plain, v.columns(columns), .plain, into: context.rows(range).columns(columns))
            }
        }
        if self.addsQueries { Rows.add(patches, to: context.rows(1..<q.rows)) }
        self.output.forward(context, into: out, pass)
    }

    /// Pools and projects, the one before the other; remembered clips come behind the pooled keys and values.
    private func take(
        _ y: Matrix, _ recall: Recall?, memory: ClipMemory?, keys: Int, cache: Cache, _ pass: Pass
    ) {
        let width = self.shape.width, inputs = self.shape.inputs
        guard self.poolsFirst else {
            for index in 0..<3 {
                let to = self.matrix(cache.taken, index, columns: width, keys: keys, pass)
                guard let pool = self.pools[index], let pooled = cache.pools[index] else {
                    self.projections[index].forward(y, into: to, pass)
                    continue
                }
                let raw = pass.matrix(cache.between[index], rows: y.rows, columns: width)
                self.projections[index].forward(y, into: raw, pass)
                pool.forward(raw, into: to, cache: pooled, pass)
            }
            return
        }
        let between = (0..<3).map { self.matrix(cache.between, $0, columns: inputs, keys: keys, pass) }
        for index in 0..<3 {
            guard let pool = self.pools[index], let pooled = cache.pools[index] else { continue }
            pool.forward(
                y, into: between[index].rows(0..<(index == 0 ? self.shape.queries : self.shape.keys)), cache: pooled,
                pass)
        }
        if let recollection, let recall, let memory, let cache = cache.recollection {
            recollection.recollect(
                keys: between[1], values: between[2], recall, from: memory, cache: cache, pass)
        }
        for index in 0..<3 {
            self.projections[index].forward(
                between[index], into: self.matrix(cache.taken, index, columns: width, keys: keys, pass), pass)
        }
    }

    /// Adds the scores by distance of the patches among the queries from number `first` on.
    private func addPositions(
        _ scores: Matrix, first: Int, head: Int, _ recall: Recall?, cache: Cache, _ pass: Pass
    ) {
        let skipped = first == 0 ? 1 : 0
        let rows = scores.rows(skipped..<scores.rows), query = first + skipped - 1
        if let positions, let cache = cache.positions {
            positions.add(
                to: rows, keys: RelativePositions.Keys(grid: self.shape.keyGrid, column: 1), head: head, first: query,
                cache: cache, pass)
        }
        if let recollection, let positions = recollection.positions, let cache = cache.recollection?.positions {
            for keys in recollection.places(recall) {
                positions.add(to: rows, keys: keys, head: head, first: query, cache: cache, pass)
            }
        }
    }

    /// dy += the gradient at y; those of all parameters are added up.
    func backward(
        y: Matrix, dout: Matrix, dy: Matrix, _ recall: Recall?, cache: Cache, gradients: Gradients, _ pass: Pass
    ) {
        let keys = self.keys(recall), width = self.shape.width
        let taken = (0..<3).map { self.matrix(cache.taken, $0, columns: width, keys: keys, pass) }
        let dtaken = (0..<3).map { self.matrix(gradients.taken, $0, columns: width, keys: keys, pass) }
        let context = pass.matrix(cache.context, rows: self.shape.queries, columns: width)
        let dcontext = pass.matrix(gradients.context, rows: self.shape.queries, columns: width)
        self.output.addBiasGradient(dy: dout, pass)
        self.output.backward(x: context, dy: dout, dx: dcontext, pass)
        for head in 0..<self.shape.heads {
            self.backward(head, taken, dcontext, dtaken, recall, keys: keys, cache: cache, gradients: gradients, pass)
        }
        let patches = 1..<self.shape.queries
        if self.addsQueries { Rows.add(dcontext.rows(patches), to: dtaken[0].rows(patches)) }
        if let positions, let cache = cache.positions {
            positions.backward(q: taken[0].rows(patches), dq: dtaken[0].rows(patches), cache: cache, pass)
        }
        if !self.entries(recall).isEmpty, let positions = self.recollection?.positions,
            let cache = cache.recollection?.positions
        {
            positions.backward(q: taken[0].rows(patches), dq: dtaken[0].rows(patches), cache: cache, pass)
        }
        self.giveBack(y, dy, dtaken, recall, keys: keys, cache: cache, gradients: gradients, pass)
    }

    /// The gradients of one head.
    private func backward(
        _ head: Int, _ taken: [Matrix], _ dcontext: Matrix, _ dtaken: [Matrix], _ recall: Recall?, keys: Int,
        cache: Cache, gradients: Gradients, _ pass: Pass
    ) {
        let columns = self.headColumns(head), rows = self.shape.queries
        let q = taken[0].columns(columns), k = taken[1].columns(columns), v = taken[2].columns(columns)
        let probabilities = Matrix(pass[cache.scores] + head * rows * keys, rows: rows, columns: keys)
        let dscores = Matrix(pass[gradients.scores], rows: rows, columns: keys)
        let gradient = dcontext.columns(columns)
        multiply(gradient, .plain, v, .transposed, into: dscores)
        multiply(probabilities, .transposed, gradient, .plain, into: dtaken[2].columns(columns))
        MaskedSoftmax.backward(y: probabilities, dy: dscores, dscores: dscores)
        let patches = dscores.rows(1..<rows)
        if let positions, let cache = cache.positions {
            positions.collect(
                patches, keys: RelativePositions.Keys(grid: self.shape.keyGrid, column: 1), head: head, cache: cache,
                pass)
        }
        if let recollection, let positions = recollection.positions, let cache = cache.recollection?.positions {
            for keys in recollection.places(recall) {
                positions.collect(patches, keys: keys, head: head, cache: cache, pass)
            }
        }
        multiply(dscores, .plain, k, .plain, into: dtaken[0].columns(columns), factor: self.scale)
        multiply(dscores, .transposed, q, .plain, into: dtaken[1].columns(columns), factor: self.scale)
    }

    /// From the gradients at queries, keys and values back to dy.
    private func giveBack(
        _ y: Matrix, _ dy: Matrix, _ dtaken: [Matrix], _ recall: Recall?, keys: Int, cache: Cache,
        gradients: Gradients, _ pass: Pass
    ) {
        let scratch = pass[gradients.pool]
        for index in 0..<3 {
            let pool = self.pools[index], pooled = cache.pools[index]
            if self.poolsFirst {
                let between = self.matrix(cache.between, index, columns: self.shape.inputs, keys: keys, pass)
                let dbetween = self.matrix(gradients.between, index, columns: self.shape.inputs, keys: keys, pass)
                self.projections[index].backward(
                    x: between, dy: dtaken[index], dx: dbetween, accumulating: false, pass)
                guard let pool, let pooled else { continue }
                let atHand = 0..<(index == 0 ? self.shape.queries : self.shape.keys)
                pool.backward(x: y, dy: dbetween.rows(atHand), dx: dy, scratch: scratch, cache: pooled, pass)
            } else if let pool, let pooled {
                let raw = pass.matrix(cache.between[index], rows: y.rows, columns: self.shape.width)
                let draw = pass.matrix(gradients.between[index], rows: y.rows, columns: self.shape.width)
                Rows.clear(draw)
                pool.backward(x: raw, dy: dtaken[index], dx: draw, scratch: scratch, cache: pooled, pass)
                self.projections[index].backward(x: y, dy: draw, dx: dy, accumulating: true, pass)
            } else {
                self.projections[index].backward(x: y, dy: dtaken[index], dx: dy, accumulating: true, pass)
            }
        }
        if self.keysShareBias {
            self.projections[1].clearBiasGradient(pass)
        } else if let pool = self.pools[1] {
            pass.gradient(pool.bias).update(repeating: 0, count: pool.bias.count)
        }
        guard let recollection, let recall, let cache = cache.recollection else { return }
        recollection.backward(
            dkeys: self.matrix(gradients.between, 1, columns: self.shape.inputs, keys: keys, pass),
            dvalues: self.matrix(gradients.between, 2, columns: self.shape.inputs, keys: keys, pass), recall,
            scratch: scratch, cache: cache, pass)
    }
}
