// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

/// Writes safetensors files. The same tensors and metadata give the same bytes.
public struct SafetensorsWriter {
    /// One tensor to write.
    public struct Tensor: Sendable {
        /// Its elements, row-major.
        public enum Elements: Sendable {
            /// Written as F32.
            case float32([Float])
            /// Written as F32 from where they lie, as many as fill the shape. They must not change meanwhile.
            case buffer(FloatBuffer, at: Int)
            /// Written as I64.
            case int64([Int])
            /// Written as U8.
            case uint8(Bytes)
        }

        /// The tensor's name.
        public var name: String
        /// Its dimensions, the slowest first.
        public var shape: [Int]
        /// Its elements.
        public var elements: Elements

        /// Describes a tensor whose elements fill its shape.
        public init(_ name: String, shape: [Int], _ elements: Elements) {
            self.name = name
            self.shape = shape
            self.elements = elements
            precondition(self.fills(shape), "the elements of \(name) fill its shape")
        }

        /// The type of the elements in the file.
        public var type: ElementType {
            switch self.elements {
            case .float32, .buffer: .float32
            case .int64: .int64
            case .uint8: .uint8
            }
        }

        /// The number of elements.
        public var count: Int {
            switch self.elements {
            case .float32(let elements): elements.count
            case .buffer: self.shape.reduce(1, *)
            case .int64(let elements): elements.count
            case .uint8(let elements): elements.count
            }
        }

        /// The elements as the file's bytes, copied.
        public var bytes: Bytes {
            var bytes: Bytes = []
            self.withBytes { bytes.append(contentsOf: $0) }
            return bytes
        }

        private func fills(_ shape: [Int]) -> Bool {
            if case .buffer(let buffer, let offset) = self.elements { return offset + self.count <= buffer.count }
            return shape.reduce(1, *) == self.count
        }

        /// Hands the elements over as the file's bytes. The machines that Swift runs on here are little-endian.
        public func withBytes<Failure>(
            _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
        ) throws(Failure) {
            switch self.elements {
            case .float32(let elements): try elements.withRawBytes(body)
            case .buffer(let buffer, let offset):
                let floats = UnsafeBufferPointer(start: buffer.start + offset, count: self.count)
                try body(UnsafeRawBufferPointer(floats))
            case .int64(let elements): try elements.withRawBytes(body)
            case .uint8(let elements): try elements.withRawBytes(body)
            }
        }
    }

    /// Hands the file's bytes over, piece by piece.
    /// - Parameters:
    ///   - tensors: in the order of the file's table; names must differ.
    ///   - metadata: free text; written in the order of its keys.
    public static func write<Failure>(
        _ tensors: [Tensor], metadata: [String: String] = [:],
        to sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(Set(tensors.map(\.name)).count == tensors.count, "tensors have names of their own")
        // The widest elements first: then each tensor's data is aligned to its elements.
        let ordered = tensors.enumerated().sorted { left, right in
            (-left.element.type.size, left.offset) < (-right.element.type.size, right.offset)
        }.map(\.element)
        let layout = SafetensorsLayout(
            ordered.map { SafetensorsLayout.Tensor($0.name, $0.type, shape: $0.shape) }, metadata: metadata)
        try layout.head.withRawBytes(sink)
        for tensor in ordered { try tensor.withBytes(sink) }
    }

    /// The whole file in memory.
    public static func bytes(_ tensors: [Tensor], metadata: [String: String] = [:]) -> Bytes {
        var bytes: Bytes = []
        self.write(tensors, metadata: metadata) { bytes.append(contentsOf: $0) }
        return bytes
    }
}

extension Array {
    /// Hands the elements over as bytes, with the caller's type of error.
    fileprivate func withRawBytes<Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try self.withUnsafeBufferPointer { (elements) throws(Failure) in try body(UnsafeRawBufferPointer(elements)) }
    }
}
