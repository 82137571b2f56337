// SPDX-License-Identifier: Apache-2.0

import Testing

/// Reads a `.pt` file of one tensor from its bytes: the zip directory, each entry with its checksum, and the pickle by
/// a small stack machine. Written from the formats' descriptions, not from the writer.
struct TorchFile {
    struct Entry {
        let data: ArraySlice<UInt8>
        let offset: Int
    }

    let entries: [String: Entry]
    let rows: Int
    let columns: Int
    let values: [Float]

    init(_ bytes: [UInt8]) throws {
        self.entries = try Self.readZip(bytes)
        let version = try #require(self.entries["archive/version"])
        #expect(Array(version.data) == Array("3\n".utf8))
        let pickle = try #require(self.entries["archive/data.pkl"])
        var machine = PickleMachine(Array(pickle.data))
        let tensor = try machine.run()
        guard case .call("torch._utils._rebuild_tensor_v2", let arguments) = tensor, arguments.count == 6,
            case .persistent(.tuple(let storage)) = arguments[0], case .tuple(let shape) = arguments[2],
            case .tuple(let strides) = arguments[3], case .call("collections.OrderedDict", []) = arguments[5]
        else { throw PickleMachine.Fault.shape("\(tensor)") }
        guard case .integer(let rows) = shape.first, case .integer(let columns) = shape.last, shape.count == 2 else {
            throw PickleMachine.Fault.shape("\(shape)")
        }
        self.rows = rows
        self.columns = columns
        #expect(strides == [.integer(columns), .integer(1)])
        #expect(arguments[1] == .integer(0))
        #expect(arguments[4] == .boolean(false))
        let expected: [PickleMachine.Value] = [
            .text("storage"), .global("torch.FloatStorage"), .text("0"), .text("cpu"), .integer(rows * columns),
        ]
        #expect(storage == expected)
        let data = try #require(self.entries["archive/data/0"]).data
        #expect(data.count == rows * columns * 4)
        var values: [Float] = []
        values.reserveCapacity(rows * columns)
        for place in stride(from: data.startIndex, to: data.endIndex, by: 4) {
            values.append(Float(bitPattern: UInt32(Self.number(bytes: data[place..<place + 4]))))
        }
        self.values = values
    }

    private static func number(bytes: ArraySlice<UInt8>) -> Int {
        bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private static func readZip(_ bytes: [UInt8]) throws -> [String: Entry] {
        func number(_ offset: Int, _ count: Int) -> Int { Self.number(bytes: bytes[offset..<offset + count]) }
        let end = bytes.count - 22
        try #require(end >= 0 && number(end, 4) == 0x0605_4B50)
        #expect(number(end + 8, 2) == number(end + 10, 2))
        #expect(number(end + 12, 4) + number(end + 16, 4) == end)
        var entries: [String: Entry] = [:]
        var place = number(end + 16, 4)
        for _ in 0..<number(end + 10, 2) {
            try #require(number(place, 4) == 0x0201_4B50)
            let nameLength = number(place + 28, 2)
            let name = String(decoding: bytes[place + 46..<place + 46 + nameLength], as: UTF8.self)
            let local = number(place + 42, 4)
            try #require(number(local, 4) == 0x0403_4B50)
            // Version needed up to name length stand alike in both places.
            #expect(bytes[local + 4..<local + 28].elementsEqual(bytes[place + 6..<place + 30]))
            #expect(number(local + 8, 2) == 0, "stored")
            let start = local + 30 + number(local + 26, 2) + number(local + 28, 2)
            let size = number(local + 18, 4)
            #expect(size == number(local + 22, 4))
            let data = bytes[start..<start + size]
            // Bit by bit over a small entry, so that the table-driven one is checked by something simpler.
            if size < 1_000 { #expect(number(local + 14, 4) == Int(Self.bitwiseChecksum(data))) }
            entries[name] = Entry(data: data, offset: start)
            place += 46 + nameLength + number(place + 30, 2) + number(place + 32, 2)
        }
        #expect(place == end)
        return entries
    }

    /// CRC-32 by its definition.
    static func bitwiseChecksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var value: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        return ~value
    }
}

/// The few instructions of Python's pickle protocol 2 that a tensor needs.
struct PickleMachine {
    indirect enum Value: Equatable {
        case mark
        case text(String)
        case integer(Int)
        case boolean(Bool)
        case global(String)
        case tuple([Value])
        case persistent(Value)
        case call(String, [Value])
    }

    enum Fault: Error {
        case instruction(UInt8)
        case shape(String)
    }

    private let bytes: [UInt8]
    private var place = 0
    private var stack: [Value] = []

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func run() throws -> Value {
        while true {
            let instruction = self.take(1)[0]
            switch instruction {
            case 0x80: #expect(self.take(1) == [2])
            case UInt8(ascii: "c"): self.stack.append(.global(self.line() + "." + self.line()))
            case UInt8(ascii: "q"): _ = self.take(1)
            case UInt8(ascii: "("): self.stack.append(.mark)
            case UInt8(ascii: ")"): self.stack.append(.tuple([]))
            case UInt8(ascii: "X"):
                self.stack.append(.text(String(decoding: self.take(self.integer(4)), as: UTF8.self)))
            case UInt8(ascii: "J"): self.stack.append(.integer(Int(Int32(truncatingIfNeeded: self.integer(4)))))
            case 0x89: self.stack.append(.boolean(false))
            case UInt8(ascii: "t"):
                let mark = try #require(self.stack.lastIndex(of: .mark))
                let elements = Array(self.stack[(mark + 1)...])
                self.stack.removeSubrange(mark...)
                self.stack.append(.tuple(elements))
            case 0x86:
                let elements = Array(self.stack.suffix(2))
                self.stack.removeLast(2)
                self.stack.append(.tuple(elements))
            case UInt8(ascii: "Q"):
                guard let id = self.stack.popLast() else { throw Fault.shape("a persistent id of nothing") }
                self.stack.append(.persistent(id))
            case UInt8(ascii: "R"):
                guard case .tuple(let arguments) = self.stack.popLast(), case .global(let name) = self.stack.popLast()
                else {
                    throw Fault.shape("a call of something that is no function")
                }
                self.stack.append(.call(name, arguments))
            case UInt8(ascii: "."):
                #expect(self.place == self.bytes.count)
                try #require(self.stack.count == 1)
                return self.stack[0]
            default: throw Fault.instruction(instruction)
            }
        }
    }

    private mutating func take(_ count: Int) -> [UInt8] {
        defer { self.place += count }
        return Array(self.bytes[self.place..<self.place + count])
    }

    private mutating func integer(_ count: Int) -> Int { self.take(count).reversed().reduce(0) { $0 << 8 | Int($1) } }

    private mutating func line() -> String {
        let start = self.place
        while self.bytes[self.place] != UInt8(ascii: "\n") { self.place += 1 }
        defer { self.place += 1 }
        return String(decoding: self.bytes[start..<self.place], as: UTF8.self)
    }
}
