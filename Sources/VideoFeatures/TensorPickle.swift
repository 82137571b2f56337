// SPDX-License-Identifier: Apache-2.0

import Codecs
import NeuralNetworks
import Records

/// The reason why a pickle is not read.
struct PickleError: Error {
    var message: String
    /// Tells whether it is a pickle of something other than a tensor, rather than a damaged one.
    var isForeign = false

    init(_ message: String, isForeign: Bool = false) {
        self.message = message
        self.isForeign = isForeign
    }
}

/// A pickled tensor's description of itself.
struct TensorPickle {
    /// The name of the entry that holds its numbers.
    var storageKey: String
    var type: ElementType
    /// The number of elements of the storage before it.
    var offset: Int
    var shape: [Int]
    var strides: [Int]

    /// Tells whether the elements follow each other row by row. Strides of dimensions of at most one element are
    /// ignored.
    var isRowMajor: Bool {
        if self.shape.contains(0) { return true }
        var expected = 1
        for (size, stride) in zip(self.shape, self.strides).reversed() where size != 1 {
            let (product, overflow) = expected.multipliedReportingOverflow(by: size)
            guard stride == expected, !overflow else { return false }
            expected = product
        }
        return true
    }

    /// Interprets a pickle that must come to one tensor.
    ///
    /// A pickle is a program: it may name any function of Python and have it called. This interpreter knows three
    /// names, with which PyTorch describes tensors, calls nothing, and refuses the rest before it is acted upon.
    init(_ bytes: Bytes) throws(PickleError) {
        var machine = PickleMachine(bytes)
        let value = try machine.run()
        guard case .tensor(let tensor) = value else {
            throw PickleError(
                "it holds \(value.description), not one tensor; save the tensor alone: torch.save(features, path)",
                isForeign: true)
        }
        self = tensor
    }

    init(storageKey: String, type: ElementType, offset: Int, shape: [Int], strides: [Int]) {
        self.storageKey = storageKey
        self.type = type
        self.offset = offset
        self.shape = shape
        self.strides = strides
    }
}

/// A value that a pickle builds.
enum PickleValue {
    case none
    case bool(Bool)
    case int(Int)
    case text(String)
    case tuple([PickleValue])
    /// An empty `OrderedDict` or `dict`: PyTorch's place for hooks.
    case emptyDictionary
    case name(PickleName)
    case storage(key: String, type: ElementType)
    case tensor(TensorPickle)

    var description: String {
        switch self {
        case .none: "None"
        case .bool: "a boolean"
        case .int: "a number"
        case .text: "text"
        case .tuple: "a tuple"
        case .emptyDictionary: "a dictionary"
        case .name: "a name"
        case .storage: "a storage"
        case .tensor: "a tensor"
        }
    }
}

/// The names of Python that a pickled tensor needs.
enum PickleName: Equatable {
    case rebuildTensor
    case orderedDictionary
    case storageType(ElementType)

    init?(module: String, name: String) {
        switch (module, name) {
        case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch", "FloatStorage"): self = .storageType(.float32)
        case ("torch", "HalfStorage"): self = .storageType(.float16)
        case ("torch", "BFloat16Storage"): self = .storageType(.bfloat16)
        case ("torch", "DoubleStorage"): self = .storageType(.float64)
        default: return nil
        }
    }
}
