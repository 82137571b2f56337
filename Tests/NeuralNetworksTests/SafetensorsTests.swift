// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import NeuralNetworks
import Records
import Testing

@Suite struct SafetensorsTests {
    private let folder: URL

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "safetensors-\(UUID())")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    private func file(_ bytes: Bytes) throws -> String {
        let path = self.folder.appending(path: "\(UUID()).safetensors").path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func file(header: String, data: Bytes = []) throws -> String {
        let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Bytes($0) }
        return try self.file(length + Bytes(header.utf8) + data)
    }

    @Test func whatIsWrittenIsRead() throws {
        let path = try self.file(
            SafetensorsWriter.bytes(
                [
                    .init("flags", shape: [3], .uint8([1, 0, 255])),
                    .init("a \"b\"", shape: [2, 2], .float32([1, -2.5, .infinity, 0x1p-140])),
                    .init("empty", shape: [0, 7], .float32([])),
                    .init("steps", shape: [], .int64([-(1 << 60)])),
                ], metadata: ["z": "é\n", "a": ""]))
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == ["z": "é\n", "a": ""])
        #expect(try file.floats("a \"b\"", shape: [2, 2]) == [1, -2.5, .infinity, 0x1p-140])
        #expect(try file.integers("steps", shape: []) == [-(1 << 60)])
        #expect(try file.bytes("flags") == [1, 0, 255])
        #expect(try file.floats("empty") == [])
        #expect(file.entry("empty")?.shape == [0, 7])
        #expect(Set(file.names) == ["flags", "a \"b\"", "empty", "steps"])
        #expect(throws: TensorFileError.self) { try file.floats("a \"b\"", shape: [4]) }
        #expect(throws: TensorFileError.self) { try file.floats("none") }
        #expect(throws: TensorFileError.self) { try file.integers("a \"b\"") }
    }

    @Test func everyTypeOfNumberIsRead() throws {
        let header = """
            {"h":{"dtype":"F16","shape":[8],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[16,20]},\
            "i":{"dtype":"I32","shape":[1],"data_offsets":[20,24]},"t":{"dtype":"BOOL","shape":[2],"data_offsets":[24,26]},\
            "d":{"dtype":"F64","shape":[1],"data_offsets":[26,34]}}
            """
        // 1, −2, the least subnormal, the largest finite, both infinities, the least normal, −0.
        let halves: [UInt16] = [0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x0400, 0x8000]
        var data = halves.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        data += [0x80, 0x3f, 0x20, 0xc0]  // 1, −2.5
        data += [0xfe, 0xff, 0xff, 0xff, 1, 0]
        data += withUnsafeBytes(of: (0.1).bitPattern.littleEndian) { Bytes($0) }
        let file = try SafetensorsFile(path: try self.file(header: header, data: data))
        let read = try file.floats("h")
        #expect(read == [1, -2, 0x1p-24, 65504, .infinity, -.infinity, 0x1p-14, 0])
        #expect(read.last?.sign == .minus)
        #expect(try file.floats("b") == [1, -2.5])
        #expect(try file.integers("i") == [-2])
        #expect(try file.integers("t") == [1, 0])
        #expect(try file.floats("d") == [0.1])
    }

    @Test func everyHalfIsExact() throws {
        let all = (0..<UInt32(65536)).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let header = #"{"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}"#
        let floats = try SafetensorsFile(path: try self.file(header: header, data: all)).floats("h")
        for (index, value) in floats.enumerated() {
            let exponent = index >> 10 & 31
            let fraction = Float(index & 1023)
            let sign: Float = index >> 15 == 1 ? -1 : 1
            if exponent == 31 {
                #expect(fraction == 0 ? value == sign * .infinity : value.isNaN)
            } else if exponent == 0 {
                #expect(value == sign * fraction * 0x1p-24)
            } else {
                #expect(value == sign * (1024 + fraction) * Float(sign: .plus, exponent: exponent - 25, significand: 1))
            }
        }
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "lies at 0..<8 of 4 bytes"),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "does not fill"),
        (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}}"#, 8, "does not fill"),
        (#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#, 8, "does not fill"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "lies at"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, 8, "lies at"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#, 8, "lacks"),
        (#"{"a":{"shape":[2],"data_offsets":[0,8]}}"#, 8, "lacks dtype"),
        (#"{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}"#, 8, "has the type F8_E4M3"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 12, "end at byte"),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
            12, "overlaps"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            8, "one name"
        ),
        ("[1]", 0, "expected an object"),
        (#"{"a":"#, 0, "damaged"),
        (String(repeating: "[", count: 300), 0, "damaged"),
    ])
    func hostileHeadersAreRefused(header: String, dataSize: Int, reason: String) throws {
        let path = try self.file(header: header, data: Bytes(repeating: 0, count: dataSize))
        let error = #expect(throws: TensorFileError.self) { try SafetensorsFile(path: path) }
        let message = try #require(error).message
        #expect(message.contains(reason), "\(message)")
        #expect(message.contains(path))
    }

    @Test func lengthsBeyondTheFileAreRefused() throws {
        for length in [UInt64.max, 1 << 62, 100, 17] {
            let bytes = withUnsafeBytes(of: length.littleEndian) { Bytes($0) } + Bytes("{}".utf8)
            let path = try self.file(bytes)
            #expect(throws: TensorFileError.self) { try SafetensorsFile(path: path) }
        }
        for size in 0..<8 {
            let path = try self.file(Bytes(repeating: 0, count: size))
            #expect(throws: TensorFileError.self) { try SafetensorsFile(path: path) }
        }
        let missing = #expect(throws: TensorFileError.self) { try SafetensorsFile(path: "/nowhere/at/all") }
        #expect(missing?.code == .missing)
        #expect(throws: TensorFileError.self) { try SafetensorsFile(path: self.folder.path) }
    }

    @Test func everyTruncationIsRefused() throws {
        let whole = SafetensorsWriter.bytes([.init("a", shape: [4], .float32([1, 2, 3, 4]))], metadata: ["k": "v"])
        for count in 0..<whole.count {
            let path = try self.file(Bytes(whole.prefix(count)))
            #expect(throws: TensorFileError.self) { try SafetensorsFile(path: path) }
        }
    }
}
