// SPDX-License-Identifier: Apache-2.0

/// The states of an encoder from which features of patches are taken.
public enum VisionLayer: Hashable, Sendable, CustomStringConvertible {
    /// Those after the last block and the norm behind it.
    case last
    /// Those before block `index`, without a norm: 0 are the embeddings, the number of blocks the last block's output.
    /// Below zero it is counted from the end: −1 is the last block's output, −2 that of the block before it.
    case before(Int)

    /// Reads `last` or a number.
    public init?(_ text: String) {
        if text == "last" {
            self = .last
        } else if let index = Int(text) {
            self = .before(index)
        } else {
            return nil
        }
    }

    /// The block that the states stand before, among `count` blocks; `nil` where there is none.
    func index(of count: Int) -> Int? {
        switch self {
        case .last: return count
        case .before(let index):
            let place = index < 0 ? count + 1 + index : index
            return (0...count).contains(place) ? place : nil
        }
    }

    /// `last`, or the number.
    public var description: String {
        switch self {
        case .last: "last"
        case .before(let index): "\(index)"
        }
    }
}
