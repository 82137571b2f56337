// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Records

/// The name of an answer: the SHA-256 of the canonical request that it answers.
public struct CacheKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    // Eight bytes each, the first of them the most significant: no allocation, and the order of the text.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Reads a key.
    ///
    /// - Parameter text: 64 hexadecimal digits, of either case.
    /// - Throws: `CacheError.Code.invalidArgument` for anything else.
    public init(_ text: String) throws(CacheError) {
        var bytes: Bytes = []
        bytes.reserveCapacity(32)
        var high: UInt8?
        for digit in text.utf8 {
            guard let nibble = Self.nibble(digit) else { throw Self.malformed(text) }
            if let first = high {
                bytes.append(first << 4 | nibble)
                high = nil
            } else {
                high = nibble
            }
        }
        guard high == nil, let key = bytes.withUnsafeBytes({ CacheKey(bytes: $0) }) else { throw Self.malformed(text) }
        self = key
    }

    /// The key of a canonical request.
    public init(ofRequest request: Bytes) throws(CacheError) { try self.init(ContentHash.sha256(request)) }

    /// Reads the 32 bytes of a key; `nil` for any other number of them.
    init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 32 else { return nil }
        func word(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        self.words = (word(0), word(8), word(16), word(24))
    }

    private static func malformed(_ text: String) -> CacheError {
        let shown = text.count > 80 ? text.prefix(80) + "…" : text[...]
        return CacheError(.invalidArgument, "“\(shown)” is no key: a key is a SHA-256 in 64 hexadecimal digits")
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The 32 bytes.
    var bytes: Bytes {
        var bytes: Bytes = []
        bytes.reserveCapacity(32)
        for word in [self.words.0, self.words.1, self.words.2, self.words.3] {
            withUnsafeBytes(of: word.bigEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// 64 lower-case hexadecimal digits.
    public var description: String {
        let digits = Bytes("0123456789abcdef".utf8)
        var text: Bytes = []
        text.reserveCapacity(64)
        for byte in self.bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Tells whether two keys are the same.
    public static func == (left: CacheKey, right: CacheKey) -> Bool { left.words == right.words }

    /// In the order of their text.
    public static func < (left: CacheKey, right: CacheKey) -> Bool { left.words < right.words }

    /// Feeds the key to a hasher.
    public func hash(into hasher: inout Hasher) {
        // Already as good as random; one word of it decides.
        hasher.combine(self.words.0)
    }
}

/// An answer of a model, as it came.
public struct CacheEntry: Hashable, Sendable {
    /// The SHA-256 of the canonical request.
    public var key: CacheKey
    /// The model that the request named.
    public var model: String
    /// Time at which the answer was stored, in milliseconds since 1970.
    public var storedAt: Timestamp
    /// The body of the 200 answer, unchanged.
    public var answer: Bytes
    /// The canonical request, whose SHA-256 is the key; `nil` if it was not kept or not asked for.
    public var request: Bytes?
    /// The parts of the request that the server refused, so that it was asked without them, of those that
    /// `Omissions.names` has. They stay in the key: the question is the same.
    public var omitted: [String]

    /// Creates an entry.
    public init(
        key: CacheKey, model: String, storedAt: Timestamp, answer: Bytes, request: Bytes? = nil, omitted: [String] = []
    ) {
        self.key = key
        self.model = model
        self.storedAt = storedAt
        self.answer = answer
        self.request = request
        self.omitted = omitted
    }
}

/// The parts of a request that an answer was asked for without, in bits of the column `codec` that were free before:
/// older programs pass over them, and rows that those have written have none.
enum Omissions {
    /// The parts by their names in the protocol. The order is the file's: new ones come at the end.
    static let names = ["temperature", "top_p", "seed", "stop", "response_format", "schema_bounds", "max_tokens"]

    private static let mask = 1 << Self.names.count - 1
    /// The bits stand twice, in bytes of their own, since the row's checksum leaves them out: older programs compare
    /// it.
    private static let shifts = [2, 16]

    /// The bits of some parts.
    static func bits(of omitted: [String]) -> Int {
        let bits = Self.names.indices.reduce(0) { $0 | (omitted.contains(Self.names[$1]) ? 1 << $1 : 0) }
        return Self.shifts.reduce(0) { $0 | bits << $1 }
    }

    /// The parts that a row's bits name; `nil` if they are damaged.
    static func named(in codec: Int) -> [String]? {
        let copies = Self.shifts.map { codec >> $0 & Self.mask }
        guard copies[0] == copies[1] else { return nil }
        return Self.names.indices.filter { copies[0] & 1 << $0 != 0 }.map { Self.names[$0] }
    }
}

/// The outcome of handing an answer to the cache.
public struct CacheInsertion: Hashable, Sendable {
    /// The entry that the cache holds: the first one that was stored under its key, which is the one to use. It has no
    /// request if it is not the one that was handed over.
    public var entry: CacheEntry
    /// Tells whether it is the one that was handed over; `false` if another was first.
    public var wasStored: Bool

    /// Creates an outcome.
    public init(entry: CacheEntry, wasStored: Bool) {
        self.entry = entry
        self.wasStored = wasStored
    }
}
