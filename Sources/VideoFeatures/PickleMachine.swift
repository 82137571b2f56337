// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// Runs the few instructions of Python's pickle machine that a tensor's description uses, protocols 2 to 5
/// (python/cpython, `Lib/pickletools.py`).
///
/// Everything is bounded: the pickle's size by the caller, the depth of tuples here, so that neither memory nor the
/// stack grows beyond what the file's size allows.
struct PickleMachine {
    private static let tupleMax = 64
    private static let numberMax = 1 << 48
    private static let stackMax = 4096

    private let bytes: Bytes
    private var position = 0
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]

    init(_ bytes: Bytes) { self.bytes = bytes }

    mutating func run() throws(PickleError) -> PickleValue {
        while true {
            let instruction = try self.byte()
            if instruction == UInt8(ascii: ".") {
                guard self.stack.count == 1, let value = self.stack.last else {
                    throw self.damaged("it ends with \(self.stack.count) values")
                }
                return value
            }
            try self.execute(instruction)
            guard max(self.stack.count, self.marks.count, self.memo.count) <= Self.stackMax else {
                throw PickleError(
                    "its pickle holds more than \(Self.stackMax) values at a time, which no tensor alone needs; save the "
                        + "tensor alone: torch.save(features, path)", isForeign: true)
            }
        }
    }

    private mutating func execute(_ instruction: UInt8) throws(PickleError) {
        switch instruction {
        case 0x80: try self.checkProtocol()
        case 0x95: try self.skip(8)  // FRAME
        case UInt8(ascii: "("): self.marks.append(self.stack.count)
        case UInt8(ascii: "N"): self.stack.append(.none)
        case 0x88: self.stack.append(.bool(true))
        case 0x89: self.stack.append(.bool(false))
        case UInt8(ascii: "}"): self.stack.append(.emptyDictionary)
        case UInt8(ascii: ")"): self.stack.append(.tuple([]))
        case 0x85, 0x86, 0x87: try self.makeTuple(count: Int(instruction) - 0x84)
        case UInt8(ascii: "t"): try self.makeTuple(count: self.stack.count - (try self.popMark()))
        case UInt8(ascii: "K"), UInt8(ascii: "M"), UInt8(ascii: "J"), 0x8a: try self.pushNumber(instruction)
        case UInt8(ascii: "X"): try self.pushText(length: try self.number(bytes: 4))
        case 0x8c: try self.pushText(length: try self.number(bytes: 1))
        case UInt8(ascii: "c"): try self.pushName(module: try self.line(), name: try self.line())
        case 0x93: try self.pushNameFromStack()
        case UInt8(ascii: "q"): try self.store(at: try self.number(bytes: 1))
        case UInt8(ascii: "r"): try self.store(at: try self.number(bytes: 4))
        case 0x94: try self.store(at: self.memo.count)
        case UInt8(ascii: "h"): try self.load(from: try self.number(bytes: 1))
        case UInt8(ascii: "j"): try self.load(from: try self.number(bytes: 4))
        case UInt8(ascii: "Q"): try self.makeStorage()
        case UInt8(ascii: "R"): try self.call()
        default:
            throw PickleError(
                "its pickle uses instruction \(instruction) at byte \(self.position - 1), which no tensor alone needs; "
                    + "save the tensor alone: torch.save(features, path)", isForeign: true)
        }
    }

    // MARK: Bytes

    private func damaged(_ problem: String) -> PickleError {
        PickleError("its pickle is damaged at byte \(self.position): \(problem)")
    }

    private mutating func byte() throws(PickleError) -> UInt8 {
        guard self.position < self.bytes.count else { throw self.damaged("it is cut short") }
        self.position += 1
        return self.bytes[self.position - 1]
    }

    private mutating func skip(_ count: Int) throws(PickleError) {
        guard count <= self.bytes.count - self.position else { throw self.damaged("it is cut short") }
        self.position += count
    }

    /// A little-endian number of one to four bytes, without sign.
    private mutating func number(bytes count: Int) throws(PickleError) -> Int {
        var number = 0
        for index in 0..<count { number |= Int(try self.byte()) << (8 * index) }
        return number
    }

    private mutating func line() throws(PickleError) -> String {
        guard let end = self.bytes[self.position...].firstIndex(of: 0x0a) else {
            throw self.damaged("a line has no end")
        }
        defer { self.position = end + 1 }
        return String(decoding: self.bytes[self.position..<end], as: UTF8.self)
    }

    private mutating func checkProtocol() throws(PickleError) {
        let version = try self.byte()
        guard (2...5).contains(version) else { throw self.damaged("its protocol is \(version); read are 2 to 5") }
    }

    // MARK: Values

    private mutating func pop() throws(PickleError) -> PickleValue {
        guard self.stack.count > self.marks.last ?? 0, let value = self.stack.popLast() else {
            throw self.damaged("a value is missing")
        }
        return value
    }

    private mutating func popMark() throws(PickleError) -> Int {
        guard let mark = self.marks.popLast(), mark <= self.stack.count else { throw self.damaged("a mark is missing") }
        return mark
    }

    private mutating func pushNumber(_ instruction: UInt8) throws(PickleError) {
        switch instruction {
        case UInt8(ascii: "K"): self.stack.append(.int(try self.number(bytes: 1)))
        case UInt8(ascii: "M"): self.stack.append(.int(try self.number(bytes: 2)))
        case UInt8(ascii: "J"):
            self.stack.append(.int(Int(Int32(truncatingIfNeeded: try self.number(bytes: 4)))))
        default:
            let count = try self.number(bytes: 1)
            guard count <= 7 else { throw self.damaged("a number of \(count) bytes") }
            let number = try self.number(bytes: count)
            guard number < Self.numberMax else { throw self.damaged("the number \(number)") }
            self.stack.append(.int(number))
        }
    }

    private mutating func pushText(length: Int) throws(PickleError) {
        let start = self.position
        try self.skip(length)
        self.stack.append(.text(String(decoding: self.bytes[start..<self.position], as: UTF8.self)))
    }

    /// Makes a tuple of the topmost values. Tuples of a tensor's description hold no tuples but those of shape and
    /// strides within its arguments: two levels, so that freeing a value never recurses deeply.
    private mutating func makeTuple(count: Int) throws(PickleError) {
        guard count >= 0, count <= Self.tupleMax, self.stack.count - count >= self.marks.last ?? 0 else {
            throw self.damaged("a tuple of \(count) values")
        }
        let values = Array(self.stack.suffix(count))
        for case .tuple(let inner) in values {
            for case .tuple in inner { throw PickleError("it holds nested tuples, not a tensor", isForeign: true) }
        }
        self.stack.removeLast(count)
        self.stack.append(.tuple(values))
    }

    private mutating func store(at index: Int) throws(PickleError) {
        guard let value = self.stack.last else { throw self.damaged("there is nothing to remember") }
        self.memo[index] = value
    }

    private mutating func load(from index: Int) throws(PickleError) {
        guard let value = self.memo[index] else { throw self.damaged("nothing was remembered under \(index)") }
        self.stack.append(value)
    }

    // MARK: Names and calls

    private mutating func pushName(module: String, name: String) throws(PickleError) {
        guard let known = PickleName(module: module, name: name) else {
            throw PickleError(
                "its pickle wants \(module.prefix(80)).\(name.prefix(80)) from Python, which is refused: only tensors of "
                    + "float, half, bfloat16 and double are read", isForeign: true)
        }
        self.stack.append(.name(known))
    }

    private mutating func pushNameFromStack() throws(PickleError) {
        guard case .text(let name) = try self.pop(), case .text(let module) = try self.pop() else {
            throw self.damaged("a name is no text")
        }
        try self.pushName(module: module, name: name)
    }

    /// A persistent id: `("storage", type, key, place, count)`.
    private mutating func makeStorage() throws(PickleError) {
        guard case .tuple(let parts) = try self.pop(), parts.count == 5, case .text("storage") = parts[0],
            case .name(.storageType(let type)) = parts[1], case .text(let key) = parts[2]
        else { throw self.damaged("a persistent id is no storage") }
        self.stack.append(.storage(key: key, type: type))
    }

    /// `OrderedDict()`, or `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`.
    private mutating func call() throws(PickleError) {
        guard case .tuple(let arguments) = try self.pop(), case .name(let function) = try self.pop() else {
            throw self.damaged("a call without a function")
        }
        switch function {
        case .orderedDictionary:
            guard arguments.isEmpty else { throw PickleError("it holds a dictionary, not a tensor", isForeign: true) }
            self.stack.append(.emptyDictionary)
        case .rebuildTensor: self.stack.append(.tensor(try self.tensor(arguments)))
        case .storageType: throw self.damaged("a storage is called")
        }
    }

    private func tensor(_ arguments: [PickleValue]) throws(PickleError) -> TensorPickle {
        guard arguments.count >= 6, case .storage(let key, let type) = arguments[0],
            case .int(let offset) = arguments[1], case .tuple(let shape) = arguments[2],
            case .tuple(let strides) = arguments[3], shape.count == strides.count
        else { throw self.damaged("a tensor's description is not as PyTorch writes it") }
        return TensorPickle(
            storageKey: key, type: type, offset: offset, shape: try self.numbers(shape),
            strides: try self.numbers(strides))
    }

    private func numbers(_ values: [PickleValue]) throws(PickleError) -> [Int] {
        var numbers: [Int] = []
        for value in values {
            guard case .int(let number) = value, number >= 0, number < Self.numberMax else {
                throw self.damaged("a dimension is no number from 0 on")
            }
            numbers.append(number)
        }
        return numbers
    }
}
