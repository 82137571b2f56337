// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentLocalization
import NeuralNetworks
import Records
import Testing
import VideoFeatures

@Suite struct FeatureTests {
    private let folder: URL
    private static let values: [Float] = [1, 2, 3, -4, 5.5, 0.25]

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appending(path: "features-\(UUID())")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    }

    private func file(_ bytes: Bytes, _ ending: String = "pt", name: String = UUID().uuidString) throws -> String {
        let path = self.folder.appending(path: "\(name).\(ending)").path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func whole(_ path: String) throws -> FeatureMatrix {
        let file = try FeatureFile(path: path)
        return try file.read(0..<file.rows)
    }

    private func message(_ bytes: Bytes, _ ending: String = "pt") throws -> String {
        let path = try self.file(bytes, ending)
        let error = #expect(throws: TensorFileError.self) { try self.whole(path) }
        let message = try #require(error).message
        #expect(message.contains(path))
        return message
    }

    // MARK: torch.save

    @Test(arguments: [false, true]) func tensorsOfPyTorchAreRead(zip64: Bool) throws {
        let expected = FeatureMatrix(rows: 2, columns: 3, values: Self.values)
        let data = TorchFixture.floats(Self.values)
        #expect(try self.whole(self.file(TorchFixture(data: data, zip64: zip64).bytes)) == expected)
        let halves = TorchFixture.words([0x3c00, 0x4000, 0x4200, 0xc400, 0x4580, 0x3400])
        #expect(
            try self.whole(self.file(TorchFixture(storage: "HalfStorage", data: halves, zip64: zip64).bytes))
                == expected)
        let brains = TorchFixture.words(Self.values.map { UInt16($0.bitPattern >> 16) })
        #expect(
            try self.whole(self.file(TorchFixture(storage: "BFloat16Storage", data: brains).bytes)) == expected)
        // A view into a larger storage, with a leftover dimension of one.
        let view = TorchFixture(shape: [2, 1, 2], strides: [2, 9, 1], offset: 1, data: data)
        #expect(
            try self.whole(self.file(view.bytes)) == FeatureMatrix(rows: 2, columns: 2, values: [2, 3, -4, 5.5]))
    }

    @Test func rowsAreReadAlone() throws {
        let file = try FeatureFile(path: try self.file(TorchFixture(data: TorchFixture.floats(Self.values)).bytes))
        #expect(try file.read(1..<2) == FeatureMatrix(rows: 1, columns: 3, values: [-4, 5.5, 0.25]))
        #expect(try file.read(1..<1).values == [])
    }

    @Test func pickleOfProtocolFourIsRead() throws {
        func short(_ text: String) -> Bytes { [0x8c, UInt8(text.utf8.count)] + Bytes(text.utf8) + [0x94] }
        var pickle: Bytes = [0x80, 4, 0x95] + Bytes(repeating: 0, count: 8)
        pickle += short("torch._utils") + short("_rebuild_tensor_v2") + [0x93, 0x94, 0x28, 0x28]
        pickle += short("storage") + short("torch") + short("FloatStorage") + [0x93, 0x94] + short("0") + short("cpu")
        pickle += [0x4b, 6, 0x74, 0x94, 0x51, 0x4b, 0, 0x4b, 2, 0x4b, 3, 0x86, 0x94, 0x4b, 3, 0x4b, 1, 0x86, 0x94]
        pickle +=
            [0x89] + short("collections") + short("OrderedDict") + [0x93, 0x94, 0x29, 0x52, 0x94, 0x74, 0x94, 0x52]
        pickle += [0x94, 0x2e]
        let bytes = TorchFixture(data: TorchFixture.floats(Self.values), pickle: pickle).bytes
        #expect(try self.whole(self.file(bytes)).values == Self.values)
    }

    @Test func picklesThatWantMoreThanTensorsAreRefused() throws {
        func message(_ pickle: String) throws -> String {
            try self.message(TorchFixture(data: TorchFixture.floats(Self.values), pickle: Bytes(pickle.utf8)).bytes)
        }
        // os.system("…"), as an attacker writes it: by GLOBAL, by INST, and by STACK_GLOBAL.
        #expect(try message("cos\nsystem\n(X\u{2}\u{0}\u{0}\u{0}lstR.").contains("os.system"))
        let bytes: Bytes = [0x80, 2] + Bytes("cposix\nsystem\n(X\u{2}\u{0}\u{0}\u{0}lstR.".utf8)
        #expect(try self.message(TorchFixture(pickle: bytes).bytes).contains("posix.system"))
        let stack: Bytes = [0x80, 4, 0x8c, 2] + Bytes("os".utf8) + [0x8c, 6] + Bytes("system".utf8) + [0x93]
        #expect(try self.message(TorchFixture(pickle: stack).bytes).contains("os.system from Python, which is refused"))
        #expect(try message("(S'ls'\nios\nsystem\n.").contains("instruction 83"))
        // A storage called like a function, a dictionary of tensors, plain values.
        let call: Bytes = [0x80, 2] + Bytes("ctorch\nFloatStorage\n)R.".utf8)
        #expect(try self.message(TorchFixture(pickle: call).bytes).contains("called"))
        #expect(
            try self.message(TorchFixture(pickle: [0x80, 2, 0x7d, 0x2e]).bytes).contains("a dictionary, not one tensor")
        )
        #expect(try self.message(TorchFixture(pickle: [0x80, 2, 0x4e, 0x2e]).bytes).contains("None"))
    }

    @Test func hostilePicklesNeitherCrashNorHang() throws {
        let nested: Bytes = [0x80, 2, 0x29] + Bytes(repeating: 0x85, count: 200_000) + [0x2e]
        _ = try self.message(TorchFixture(pickle: nested).bytes)
        let pickle = TorchFixture(data: TorchFixture.floats(Self.values)).tensorPickle
        for count in 0..<pickle.count {
            _ = try self.message(
                TorchFixture(data: TorchFixture.floats(Self.values), pickle: Bytes(pickle.prefix(count))).bytes)
        }
        for index in pickle.indices {
            for flip in [UInt8(1), 0xff] {
                var damaged = pickle
                damaged[index] ^= flip
                let path = try self.file(
                    TorchFixture(data: TorchFixture.floats(Self.values), pickle: damaged).bytes, name: "damaged")
                // Some flips change a number that does not matter, others the shape: then it is another piece of the
                // same numbers.
                guard let read = try? self.whole(path) else { continue }
                #expect(read.values.count == read.rows * read.columns)
                #expect(read.values.allSatisfy(Self.values.contains), "byte \(index)")
            }
        }
    }

    @Test func tensorsThatDoNotFitTheirStorageAreRefused() throws {
        let data = TorchFixture.floats(Self.values)
        #expect(try self.message(TorchFixture(shape: [3, 3], data: data).bytes).contains("does not fit"))
        #expect(try self.message(TorchFixture(offset: 1, data: data).bytes).contains("does not fit"))
        #expect(
            try self.message(TorchFixture(shape: [1 << 40, 1 << 40], data: data).bytes).contains(
                "does not fit"))
        #expect(try self.message(TorchFixture(strides: [1, 2], data: data).bytes).contains("contiguous()"))
        #expect(try self.message(TorchFixture(shape: [6], data: data).bytes).contains("matrix"))
        #expect(try self.message(TorchFixture(data: data, byteOrder: "big").bytes).contains("big-endian"))
        #expect(try self.message(TorchFixture(storage: "LongStorage", data: data).bytes).contains("torch.LongStorage"))
    }

    @Test(arguments: [false, true]) func everyTruncationIsRefused(zip64: Bool) throws {
        let whole = TorchFixture(data: TorchFixture.floats(Self.values), zip64: zip64).bytes
        for count in 0..<whole.count where count % 9 == 0 || count > whole.count - 120 {
            let path = try self.file(Bytes(whole.prefix(count)), name: "cut")
            #expect(throws: TensorFileError.self, "\(count) bytes") { try self.whole(path) }
        }
        for index in whole.indices where index % 3 == 0 || index > whole.count - 120 {
            var damaged = whole
            damaged[index] ^= 0xff
            let read = try? self.whole(try self.file(damaged, name: "flipped"))
            // Without checksums a number may be another one, and nothing else.
            #expect(read == nil || read?.rows == 2 && read?.columns == 3, "byte \(index)")
        }
    }

    @Test(arguments: [false, true]) func everyFlippedByteIsAnErrorOrChangesNothing(zip64: Bool) throws {
        let expected = FeatureMatrix(rows: 2, columns: 3, values: Self.values)
        let data = TorchFixture.floats(Self.values)
        let whole = TorchFixture(data: data, zip64: zip64, checksums: true).bytes
        let place = try #require(whole.firstRange(of: data)).lowerBound
        for index in whole.indices {
            for flip in [UInt8(1), 0x80, 0xff] {
                var damaged = whole
                damaged[index] ^= flip
                let read = try? self.whole(try self.file(damaged, name: "flipped"))
                #expect(read == nil || read == expected, "byte \(index)")
                if place..<place + data.count ~= index { #expect(read == nil, "a number, byte \(index)") }
            }
        }
    }

    @Test func numbersThatAreNoneAreRefused() throws {
        for bad in [Float.nan, .infinity] {
            let data = TorchFixture.floats([1, 2, 3, 4, bad, 6])
            #expect(try self.message(TorchFixture(data: data).bytes).contains("row 1: a feature is NaN or infinite"))
        }
    }

    // MARK: Other formats

    private func numPy(_ header: String, _ data: Bytes, version: UInt8 = 1) -> Bytes {
        let length = header.utf8.count
        let size = version == 1 ? 2 : 4
        return [0x93] + Bytes("NUMPY".utf8) + [version, 0] + (0..<size).map { UInt8(length >> (8 * $0) & 255) }
            + Bytes(header.utf8) + data
    }

    @Test func arraysOfNumPyAreRead() throws {
        let data = TorchFixture.floats(Self.values)
        let expected = FeatureMatrix(rows: 2, columns: 3, values: Self.values)
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n"
        #expect(try self.whole(self.file(self.numPy(header, data), "npy")) == expected)
        #expect(try self.whole(self.file(self.numPy(header, data, version: 3), "npy")) == expected)
        let wrong = [
            "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }": "|O",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }": "column by column",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 3), }": "too short",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3), }": "its shape",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }": "matrix",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }": "no plain type",
        ]
        for (header, reason) in wrong {
            #expect(try self.message(self.numPy(header, data), "npy").contains(reason), "\(header)")
        }
        for count in 0..<60 {
            let cut = try self.file(Bytes(self.numPy(header, data).prefix(count)), "npy", name: "cut")
            #expect(throws: TensorFileError.self, "\(count) bytes") { try self.whole(cut) }
        }
    }

    @Test func safetensorsAreRead() throws {
        let tensor = SafetensorsWriter.Tensor("features", shape: [2, 3], .float32(Self.values))
        let other = SafetensorsWriter.Tensor("other", shape: [1], .float32([7]))
        for tensors in [[tensor], [other, tensor]] {
            let path = try self.file(SafetensorsWriter.bytes(tensors), "safetensors")
            #expect(try self.whole(path).values == Self.values)
        }
        let two = [other, SafetensorsWriter.Tensor("more", shape: [1], .float32([7]))]
        #expect(try self.message(SafetensorsWriter.bytes(two), "safetensors").contains("none is called features"))
    }

    @Test func anythingElseIsRefused() throws {
        #expect(try self.message([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc]).contains("before 1.6"))
        #expect(try self.message([]).contains("neither"))
    }

    // MARK: The store

    private func query(clip: String = "c", start: Double, end: Double) -> MomentQuery {
        MomentQuery(
            id: "q", videoUID: "v", clipUID: clip, clipStart: start, clipEnd: end, annotationUID: "a", queryIndex: 0,
            sentence: "x?", template: nil, answer: nil)
    }

    @Test func clipsAreSlicedOutOfVideosOrReadFromTheirOwnFiles() throws {
        // 20 rows of one feature: row i holds i.
        let video = TorchFixture(shape: [20, 1], data: TorchFixture.floats((0..<20).map(Float.init)))
        _ = try self.file(video.bytes, name: "v")
        let own = SafetensorsWriter.Tensor("features", shape: [4, 1], .float32([9, 8, 7, 6]))
        _ = try self.file(SafetensorsWriter.bytes([own]), "safetensors", name: "own")
        let store = FeatureStore(folder: self.folder.path, bins: 4, columns: 1)
        // 1.6 s is row 3, 4.8 s is row 9: seven rows, six frames, in four bins of 2, 2, 1 and 1 rows; the last is
        // unused.
        let slice = try #require(try store.clip(of: self.query(start: 1.6, end: 4.81)).clip)
        #expect(slice.features.values == [3.5, 5.5, 7, 8])
        #expect(slice.grid == TargetGrid(bins: 4, duration: 3.2))
        #expect(try store.clip(of: self.query(clip: "own", start: 0, end: 2.1)).clip?.features.values == [9, 8, 7, 6])
        #expect(try store.clip(of: self.query(clip: "own", start: 0, end: 4)).gap == .short)
        let byVideo = FeatureStore(folder: self.folder.path, layout: .video, bins: 4, columns: 1)
        #expect(
            try byVideo.clip(of: self.query(clip: "own", start: 0, end: 2.1)).clip?.features.values == [0, 1, 2, 3])
        let byClip = FeatureStore(folder: self.folder.path, layout: .clip, bins: 4, columns: 1)
        #expect(try byClip.clip(of: self.query(start: 1.6, end: 4.8)).gap == .missing)
        // Two frames short is allowed for, three are not. 20 rows end at 10.67 s.
        #expect(try store.clip(of: self.query(start: 0, end: 22 / 1.875)).clip?.features.rows == 4)
        #expect(try store.clip(of: self.query(start: 0, end: 23 / 1.875)).gap == .short)
        #expect(try store.clip(of: self.query(start: 50, end: 60)).gap == .short)
    }

    @Test func otherDimensionsAndOddNamesAreRefused() throws {
        let store = FeatureStore(folder: self.folder.path, bins: 4, columns: 2)
        _ = try self.file(TorchFixture(data: TorchFixture.floats(Self.values)).bytes, name: "v")
        let error = #expect(throws: TensorFileError.self) { try store.clip(of: self.query(start: 0, end: 1)) }
        #expect(error?.message.contains("has 3 features a moment, the model wants 2") == true)
        for name in ["../v", "", ".hidden", "a/b", "a\0b", String(repeating: "long", count: 100)] {
            var query = self.query(clip: name, start: 0, end: 1)
            query.videoUID = name
            #expect(try store.clip(of: query).gap == .missing)
        }
    }

    @Test func littleMemoryChangesNothing() throws {
        for name in ["a", "b", "c"] {
            let own = SafetensorsWriter.Tensor("features", shape: [2, 1], .float32([Float(name.utf8.first ?? 0), 0]))
            _ = try self.file(SafetensorsWriter.bytes([own]), "safetensors", name: name)
        }
        let store = FeatureStore(folder: self.folder.path, bins: 4, columns: 1, bytesMax: 8)
        for name in ["a", "b", "a", "c", "b", "a"] {
            let clip = try store.clip(of: self.query(clip: name, start: 0, end: 1)).clip
            #expect(clip?.features.values.first == Float(name.utf8.first ?? 0))
        }
    }
}
