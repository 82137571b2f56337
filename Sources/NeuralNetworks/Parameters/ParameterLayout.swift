// SPDX-License-Identifier: Apache-2.0

/// One named tensor of a model.
public struct Parameter: Hashable, Sendable {
    /// Its official name, such as `video_affine.linear.conv1d.weight`.
    public let name: String
    /// Its official shape, the slowest dimension first.
    public let shape: [Int]
    /// The offset in the buffer of the trained, or of the frozen, parameters.
    public let offset: Int
    /// Tells whether the optimizer moves it. Frozen ones (word vectors) lie in their own buffer, without gradients.
    public let isTrained: Bool

    /// The number of elements.
    public var count: Int { self.shape.reduce(1, *) }

    /// Tells whether weight decay acts on it.
    public let decays: Bool
    /// Tells whether a checkpoint holds its values. For a frozen one that does not change, and is kept elsewhere, it
    /// holds the digest.
    public let isStored: Bool

    var range: Range<Int> { self.offset..<self.offset + self.count }
}

/// The initial values of a tensor.
public enum Initializer: Hashable, Sendable {
    /// The same number everywhere.
    case constant(Float)
    /// Uniform in ±√(6 / (fan in + fan out)), both taken from the shape as `torch.nn.init.xavier_uniform_` does.
    case xavierUniform
    /// Uniform in ±`bound`.
    case uniform(Float)
    /// Normal with mean 0 and deviation 1; the first `zeroRows` rows are zero.
    case normal(zeroRows: Int)
}

/// The place of each parameter. Layers add theirs when the model is put together.
public struct ParameterLayout: Sendable {
    /// All parameters, in the order in which they were added.
    public private(set) var parameters: [Parameter] = []
    /// The floats of all trained parameters.
    public private(set) var trainedCount = 0
    /// The floats of all frozen ones.
    public private(set) var frozenCount = 0
    private(set) var initializers: [Initializer] = []
    private var indices: [String: Int] = [:]
    private let decays: @Sendable (String) -> Bool
    private var isFrozen = false

    /// No parameters.
    /// - Parameter decays: whether weight decay acts on the parameter of a name; by default on all.
    public init(decays: @escaping @Sendable (String) -> Bool = { _ in true }) { self.decays = decays }

    /// Adds a parameter after the others. Ones that are added one after another lie one after another, so that a layer
    /// can take several matrices of equal width as one.
    /// - Parameters:
    ///   - isTrained: whether the optimizer moves it.
    ///   - isStored: whether a checkpoint holds it; of a frozen one it may do to name the digest.
    public mutating func add(
        _ name: String, _ shape: [Int], _ initializer: Initializer, isTrained: Bool = true, isStored: Bool = true
    ) -> Parameter {
        precondition(self.indices[name] == nil, "the parameter \(name) is there twice")
        let isTrained = isTrained && !self.isFrozen
        precondition(isStored || !isTrained, "the parameter \(name) moves, and is to be kept elsewhere")
        let parameter = Parameter(
            name: name, shape: shape, offset: isTrained ? self.trainedCount : self.frozenCount, isTrained: isTrained,
            decays: self.decays(name), isStored: isStored)
        self.indices[name] = self.parameters.count
        self.parameters.append(parameter)
        self.initializers.append(initializer)
        if isTrained { self.trainedCount += parameter.count } else { self.frozenCount += parameter.count }
        return parameter
    }

    /// Adds layers whose parameters the optimizer does not move. A checkpoint holds them all the same.
    public mutating func frozen<Layer>(_ add: (inout ParameterLayout) -> Layer) -> Layer {
        let before = self.isFrozen
        self.isFrozen = true
        defer { self.isFrozen = before }
        return add(&self)
    }

    /// The parameter of a name.
    public subscript(_ name: String) -> Parameter? { self.indices[name].map { self.parameters[$0] } }

    /// The ranges of the trained floats on which weight decay acts or does not, neighbours joined.
    var decayRanges: [(range: Range<Int>, decays: Bool)] {
        var ranges: [(range: Range<Int>, decays: Bool)] = []
        for parameter in self.parameters where parameter.isTrained {
            if let last = ranges.last, last.decays == parameter.decays {
                ranges[ranges.count - 1].range = last.range.lowerBound..<parameter.range.upperBound
            } else {
                ranges.append((parameter.range, parameter.decays))
            }
        }
        return ranges
    }
}
