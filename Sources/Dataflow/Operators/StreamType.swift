// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Records

/// Takes elements of one type: the next step, or the end of the stage.
///
/// The closure is made where the types are known, so the loop inside it is compiled for them.
public final class Receiver<Value: StreamValue> {
    @usableFromInline let receive: (Element<Value>) -> Void

    /// Creates a receiver.
    @inlinable
    public init(_ receive: @escaping (Element<Value>) -> Void) { self.receive = receive }

    /// Takes an element.
    @inlinable
    public func callAsFunction(_ element: Element<Value>) { self.receive(element) }
}

/// A value type with its name and its JSON codec, for code that does not know the type itself.
public struct StreamType: Sendable {
    /// The type's name.
    public let name: String
    /// The `schema` header of its records.
    public let headers: [Header]
    /// Counts the incompatible changes of the JSON form.
    public let schemaVersion: Int
    /// The Swift type.
    let identity: ObjectIdentifier
    let decoder: @Sendable (AnyObject) -> Decoder
    let encoder: @Sendable (@escaping (Bytes?, [Header], (inout Bytes) -> Void) -> Void) -> AnyObject

    /// Reads a record's value and hands it on.
    typealias Decoder = (UnsafeBufferPointer<UInt8>, Bytes?, Offset) throws(JSONError) -> Void

    /// Describes a type.
    @inlinable
    public init<Value: StreamValue>(_ type: Value.Type) {
        let headers = Value.headers
        self.init(
            name: Value.typeName, headers: headers, schemaVersion: Value.schemaVersion,
            identity: ObjectIdentifier(Value.self),
            decoder: { next in
                guard let next = next as? Receiver<Value> else {
                    preconditionFailure("types were checked before wiring")
                }
                let json = Cell(JSONScanner(UnsafeBufferPointer(start: nil, count: 0)))
                return { (bytes, key, offset) throws(JSONError) in
                    json.place.pointee.restart(bytes)
                    let value = try Value(json: &json.place.pointee)
                    try json.place.pointee.finish()
                    next(Element(key: key, value: value, origin: offset))
                }
            },
            encoder: { write in
                let json = Cell(JSONWriter())
                return Receiver<Value> { element in
                    json.place.pointee.removeAll()
                    element.value.write(to: &json.place.pointee)
                    write(element.key, headers) { bytes in json.place.pointee.append(to: &bytes) }
                }
            })
    }

    /// The header that names a record's type and the version of its form: `narration/1`.
    public static let schemaHeader = "schema"

    /// The type that passes through a stage without steps: values that nobody reads.
    package static let untouched = StreamType(Untouched.self)

    private struct Untouched: StreamValue {
        static let typeName = "any"
        static let schemaVersion = 1

        init(json: inout JSONScanner) throws(JSONError) {
            throw JSONError("a stage without steps reads no values", offset: 0)
        }

        func write(to json: inout JSONWriter) { json.null() }
    }

    @usableFromInline
    init(
        name: String, headers: [Header], schemaVersion: Int, identity: ObjectIdentifier,
        decoder:
            @escaping @Sendable (AnyObject) -> (
                (UnsafeBufferPointer<UInt8>, Bytes?, Offset) throws(JSONError) -> Void
            ),
        encoder: @escaping @Sendable (@escaping (Bytes?, [Header], (inout Bytes) -> Void) -> Void) -> AnyObject
    ) {
        self.name = name
        self.headers = headers
        self.schemaVersion = schemaVersion
        self.identity = identity
        self.decoder = decoder
        self.encoder = encoder
    }
}

extension StreamType {
    /// Reads a value, and writes it again as a stage would.
    package func rewritten(_ value: Bytes) throws(JSONError) -> Bytes {
        let written = Cell(Bytes())
        let read = self.decoder(self.encoder { _, _, write in write(&written.place.pointee) })
        try value.withUnsafeBufferPointer { bytes throws(JSONError) in try read(bytes, nil, 0) }
        return written.place.pointee
    }
}
