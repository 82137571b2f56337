// SPDX-License-Identifier: Apache-2.0

/// One micro-batch on its way through the layers: the parameters, a thread's workspace, and where gradients go.
public struct Pass {
    let trained: UnsafeMutablePointer<Float>
    let frozen: UnsafeMutablePointer<Float>
    let gradients: UnsafeMutablePointer<Float>?
    let workspace: UnsafeMutableRawPointer
    let dropout: Dropout?
    /// The number of the first sample in its batch.
    public let firstSample: Int
    /// The samples of the micro-batch.
    public let samples: Int

    /// Creates a pass. It borrows what it is given: the owners must outlive it.
    /// - Parameter gradients: as many floats as are trained; `nil` where no gradient will be asked for.
    public init(
        parameters: Parameters, gradients: FloatBuffer?, workspace: Workspace, dropout: Dropout?, firstSample: Int,
        samples: Int
    ) {
        self.trained = parameters.trained.start
        self.frozen = parameters.frozen.start
        self.gradients = gradients?.start
        self.workspace = workspace.start
        self.dropout = dropout.flatMap { $0.rate > 0 ? $0 : nil }
        self.firstSample = firstSample
        self.samples = samples
    }

    /// The floats of a slot.
    public subscript(_ slot: FloatSlot) -> UnsafeMutablePointer<Float> {
        (self.workspace + slot.offset).assumingMemoryBound(to: Float.self)
    }

    /// The bytes of a slot.
    public subscript(_ slot: ByteSlot) -> UnsafeMutablePointer<UInt8> {
        (self.workspace + slot.offset).assumingMemoryBound(to: UInt8.self)
    }

    /// A slot as a matrix.
    public func matrix(_ slot: FloatSlot, rows: Int, columns: Int) -> Matrix {
        precondition(rows * columns <= slot.count, "\(rows) × \(columns) in a slot of \(slot.count)")
        return Matrix(self[slot], rows: rows, columns: columns)
    }

    /// A parameter's values.
    public func value(_ parameter: Parameter) -> UnsafeMutablePointer<Float> {
        (parameter.isTrained ? self.trained : self.frozen) + parameter.offset
    }

    /// The place where a trained parameter's gradient is summed.
    public func gradient(_ parameter: Parameter) -> UnsafeMutablePointer<Float> {
        guard parameter.isTrained, let gradients = self.gradients else {
            preconditionFailure("no gradient is kept for \(parameter.name)")
        }
        return gradients + parameter.offset
    }

    /// The factor by which dropout multiplies the kept activations.
    public var scale: Float { self.dropout?.scale ?? 1 }

    /// Draws the masks of a site into `slot`, `count` bytes a sample, and gives them; `nil` where nothing is dropped.
    public func drawMask(_ site: DropoutSite, _ slot: ByteSlot, count: Int) -> UnsafeMutablePointer<UInt8>? {
        guard let dropout = self.dropout else { return nil }
        precondition(self.samples * count <= slot.count, "the masks of \(site.name) do not fit")
        dropout.fill(self[slot], site: site, first: self.firstSample, samples: self.samples, count: count)
        return self[slot]
    }

    /// The masks that `drawMask` left in `slot`, for the gradient.
    public func mask(_ slot: ByteSlot) -> UnsafeMutablePointer<UInt8>? { self.dropout == nil ? nil : self[slot] }
}
