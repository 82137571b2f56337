// SPDX-License-Identifier: Apache-2.0

/// Something that is sent to the listeners of a feed.
public struct StatusEvent: Sendable, Equatable {
    /// The name by which a page listens to it: 1 to 32 letters, digits and `-`. Another is sent as `message`.
    public let name: String
    /// The data: UTF-8 text, most often JSON. A line break in it reaches the page as a line feed.
    public let data: [UInt8]

    /// An event by its parts.
    public init(_ name: String, data: [UInt8]) {
        let isName = 1...32 ~= name.utf8.count && name.utf8.allSatisfy(Self.isNameByte)
        self.name = isName ? name : "message"
        self.data = data
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
