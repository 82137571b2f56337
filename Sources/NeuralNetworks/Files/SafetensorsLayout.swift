// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// The places of tensors in a safetensors file that is written piece by piece.
public struct SafetensorsLayout: Sendable {
    /// A tensor that is to be written.
    public struct Tensor: Hashable, Sendable {
        /// The tensor's name.
        public var name: String
        /// The type of its elements.
        public var type: ElementType
        /// Its dimensions, the slowest first.
        public var shape: [Int]

        /// Describes a tensor.
        public init(_ name: String, _ type: ElementType, shape: [Int]) {
            self.name = name
            self.type = type
            self.shape = shape
        }

        /// The bytes of all its elements.
        public var byteCount: Int { self.shape.reduce(self.type.size, *) }
    }

    /// The beginning of the file: the length of the table, and the table, filled up with blanks to a multiple of eight.
    public let head: Bytes
    /// For each tensor the byte of the file at which it starts.
    public let starts: [Int]
    /// The bytes of the whole file.
    public let byteCount: Int

    /// Lays tensors out one behind the other.
    /// - Parameters:
    ///   - tensors: their names differ; those of wider elements come first, so that all are aligned.
    ///   - metadata: free text; written in the order of its keys.
    public init(_ tensors: [Tensor], metadata: [String: String] = [:]) {
        var json = JSONWriter()
        json.beginObject()
        if !metadata.isEmpty {
            json.key("__metadata__")
            json.beginObject()
            for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
                json.key(text: key)
                json.value(value)
            }
            json.endObject()
        }
        var offset = 0, starts: [Int] = []
        for tensor in tensors {
            json.key(text: tensor.name)
            json.beginObject()
            json.field("dtype", tensor.type.rawValue)
            json.key("shape")
            json.beginArray()
            for dimension in tensor.shape { json.value(dimension) }
            json.endArray()
            json.key("data_offsets")
            json.beginArray()
            json.value(offset)
            starts.append(offset)
            offset += tensor.byteCount
            json.value(offset)
            json.endArray()
            json.endObject()
        }
        json.endObject()
        var text = json.bytes
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        let head = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Bytes($0) } + text
        self.head = head
        self.starts = starts.map { head.count + $0 }
        self.byteCount = head.count + offset
    }
}
