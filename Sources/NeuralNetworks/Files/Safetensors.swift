// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// The table of contents of a safetensors file.
///
/// The format: eight bytes with the length of the header, the header as a JSON object (name → type, shape, and start
/// and end of the data), then the data (huggingface/safetensors, README.md). As that project's own reader does, this
/// one wants the tensors to follow each other without holes to the end of the file.
public struct SafetensorsHeader: Hashable, Sendable {
    /// One tensor.
    public struct Entry: Hashable, Sendable {
        /// The tensor's name.
        public var name: String
        /// The type of its elements.
        public var type: ElementType
        /// Its dimensions, the slowest first; none for a single number.
        public var shape: [Int]
        /// The range of its data in the file, row-major and little-endian.
        public var range: Range<Int>

        /// The number of elements.
        public var count: Int { self.range.count / self.type.size }
    }

    /// The tensors, in the order of their data.
    public var entries: [Entry]
    /// Free text that travels with the file.
    public var metadata: [String: String]

    /// The longest header that is read, in bytes; the limit of the format's own reader.
    public static let sizeMax = 100_000_000

    /// Reads the header of a file and checks that every tensor lies within the file.
    /// - Throws: `TensorFileError.Code.corrupt`, `.unsupported` for a type of number that is not read.
    public init(_ file: TensorFile) throws(TensorFileError) {
        guard file.size >= 8 else { throw Self.corrupt(file, "it has \(file.size) bytes, too few for a header") }
        let length = try file.read(0..<8).withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(Self.sizeMax), Int(length) <= file.size - 8 else {
            throw Self.corrupt(file, "its header claims \(length) bytes, the file has \(file.size)")
        }
        let start = 8 + Int(length)
        self.entries = []
        self.metadata = [:]
        let header = try file.read(8..<start)
        var problem: TensorFileError?
        do {
            try JSONScanner.scan(header) { json throws(JSONError) in
                try json.beginObject()
                while problem == nil, let key = try json.nextKey() {
                    if key == "__metadata__" {
                        self.metadata = try Self.readMetadata(&json)
                    } else {
                        let fields = try Fields(&json)
                        do throws(TensorFileError) {
                            self.entries.append(try fields.entry(key.text, dataStart: start, file: file))
                        } catch {
                            problem = error
                        }
                    }
                }
                // The rest after a problem is of no interest.
                if problem != nil { while try Self.skipRest(&json) {} }
            }
        } catch {
            throw problem ?? Self.corrupt(file, "its header is damaged: \(error)")
        }
        if let problem { throw problem }
        try self.checkLayout(file, dataStart: start)
    }

    private static func skipRest(_ json: inout JSONScanner) throws(JSONError) -> Bool {
        guard try json.nextKey() != nil else { return false }
        try json.skip()
        return true
    }

    private static func readMetadata(_ json: inout JSONScanner) throws(JSONError) -> [String: String] {
        // Some writers say null where they have nothing to say.
        if try json.isNull() { return [:] }
        var metadata: [String: String] = [:]
        try json.beginObject()
        while let key = try json.nextKey() { metadata[key.text] = try json.stringOrNull() }
        return metadata
    }

    private mutating func checkLayout(_ file: TensorFile, dataStart: Int) throws(TensorFileError) {
        self.entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        var end = dataStart
        for entry in self.entries {
            guard entry.range.lowerBound == end else {
                throw Self.corrupt(file, "tensor \(entry.name) overlaps another, or leaves a hole before it")
            }
            end = entry.range.upperBound
        }
        guard end == file.size else {
            throw Self.corrupt(file, "its tensors end at byte \(end), the file at byte \(file.size)")
        }
        guard Set(self.entries.map(\.name)).count == self.entries.count else {
            throw Self.corrupt(file, "two tensors have one name")
        }
    }

    fileprivate static func corrupt(_ file: TensorFile, _ problem: String) -> TensorFileError {
        TensorFileError(.corrupt, "\(file.path) is no sound safetensors file: \(problem)")
    }

    /// The header's fields for one tensor, before they are checked.
    private struct Fields {
        var type: String?
        var shape: [Int]?
        var offsets: [Int]?

        init(_ json: inout JSONScanner) throws(JSONError) {
            try json.beginObject()
            while let key = try json.nextKey() {
                if key == "dtype" {
                    self.type = try json.string()
                } else if key == "shape" {
                    self.shape = try Self.integers(&json)
                } else if key == "data_offsets" {
                    self.offsets = try Self.integers(&json)
                } else {
                    try json.skip()
                }
            }
        }

        private static func integers(_ json: inout JSONScanner) throws(JSONError) -> [Int] {
            var numbers: [Int] = []
            try json.beginArray()
            while try json.nextElement() { numbers.append(try json.int()) }
            return numbers
        }

        func entry(_ name: String, dataStart: Int, file: TensorFile) throws(TensorFileError) -> Entry {
            guard let typeName = self.type, let shape = self.shape, let offsets = self.offsets, offsets.count == 2
            else {
                throw SafetensorsHeader.corrupt(file, "tensor \(name) lacks dtype, shape or data_offsets")
            }
            guard let type = ElementType(rawValue: typeName) else {
                throw TensorFileError(
                    .unsupported,
                    "\(file.path): tensor \(name) has the type \(typeName); read are "
                        + ElementType.allCases.map(\.rawValue).joined(separator: ", "))
            }
            let room = file.size - dataStart
            guard 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= room else {
                throw SafetensorsHeader.corrupt(
                    file, "tensor \(name) lies at \(offsets[0])..<\(offsets[1]) of \(room) bytes of data")
            }
            guard let count = type.count(of: shape), count * type.size == offsets[1] - offsets[0] else {
                throw SafetensorsHeader.corrupt(
                    file,
                    "tensor \(name) of shape \(shape) and type \(typeName) does not fill its "
                        + "\(offsets[1] - offsets[0]) bytes")
            }
            return Entry(
                name: name, type: type, shape: shape, range: dataStart + offsets[0]..<dataStart + offsets[1])
        }
    }
}

/// A safetensors file that is open for reading; tensors are read when they are asked for, by any thread.
public final class SafetensorsFile: Sendable {
    /// The table of contents.
    public let header: SafetensorsHeader
    private let file: TensorFile
    private let indices: [String: Int]

    /// Opens a file and reads its header.
    public init(path: String) throws(TensorFileError) {
        self.file = try TensorFile(path: path)
        self.header = try SafetensorsHeader(self.file)
        self.indices = Dictionary(
            uniqueKeysWithValues: self.header.entries.indices.map { [header] in
                (header.entries[$0].name, $0)
            })
    }

    /// The file's path.
    public var path: String { self.file.path }

    /// Free text that travels with the file.
    public var metadata: [String: String] { self.header.metadata }

    /// The tensors' names, in the order of their data.
    public var names: [String] { self.header.entries.map(\.name) }

    /// The header's entry for a tensor; `nil` where there is none of that name.
    public func entry(_ name: String) -> SafetensorsHeader.Entry? { self.indices[name].map { self.header.entries[$0] } }

    /// A tensor's elements as Float32, row-major, whatever their type in the file.
    /// - Parameter shape: the shape that the caller relies on, if it does.
    /// - Throws: `TensorFileError.Code.mismatch` where there is no such tensor, or its shape is another.
    public func floats(_ name: String, shape: [Int]? = nil) throws(TensorFileError) -> [Float] {
        let entry = try self.require(name, shape: shape)
        let bytes = try self.file.read(entry.range)
        return bytes.withUnsafeBytes { entry.type.floats($0) }
    }

    /// A tensor's elements as whole numbers, row-major.
    /// - Throws: `TensorFileError.Code.mismatch` where there is no such tensor, its shape is another, or it holds
    ///   floating-point numbers.
    public func integers(_ name: String, shape: [Int]? = nil) throws(TensorFileError) -> [Int] {
        let entry = try self.require(name, shape: shape)
        let bytes = try self.file.read(entry.range)
        guard let integers = bytes.withUnsafeBytes({ entry.type.integers($0) }) else {
            throw TensorFileError(
                .mismatch, "\(self.path): tensor \(name) holds \(entry.type.rawValue), not whole numbers")
        }
        return integers
    }

    /// A tensor's bytes as they are in the file.
    public func bytes(_ name: String) throws(TensorFileError) -> Bytes {
        try self.file.read(try self.require(name, shape: nil).range)
    }

    /// The bytes of one of a tensor's parts along its first dimension.
    /// - Throws: `TensorFileError.Code.mismatch` where there is no such tensor or part.
    public func bytes(_ name: String, slice: Int) throws(TensorFileError) -> Bytes {
        let entry = try self.require(name, shape: nil)
        guard let count = entry.shape.first, slice >= 0, slice < count else {
            throw TensorFileError(.mismatch, "\(self.path): tensor \(name) of \(entry.shape) has no part \(slice)")
        }
        let size = entry.range.count / count, first = entry.range.lowerBound + slice * size
        return try self.file.read(first..<first + size)
    }

    private func require(_ name: String, shape: [Int]?) throws(TensorFileError) -> SafetensorsHeader.Entry {
        guard let entry = self.entry(name) else {
            throw TensorFileError(.mismatch, "\(self.path) has no tensor \(name)")
        }
        if let shape, entry.shape != shape {
            throw TensorFileError(
                .mismatch, "\(self.path): tensor \(name) has the shape \(entry.shape) where \(shape) belongs")
        }
        return entry
    }
}
