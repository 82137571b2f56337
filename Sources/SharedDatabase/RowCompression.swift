// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import Foundation

extension ZstdCompressor {
    /// A value of a row as one frame, or `nil` where that would not save at least an eighth of it.
    public borrowing func row(_ bytes: Bytes, against dictionary: ZstdDictionary? = nil) -> Data? {
        let capacity = bytes.count - bytes.count / 8
        // Room that nobody fills with zeros first: a frame is a sixth of it.
        return withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 1) { target -> Data? in
            // A row that could not be compressed is stored as it is, whatever the reason.
            let size = bytes.withUnsafeBytes { source in
                (try? self.compress(source, against: dictionary, into: target)) ?? nil
            }
            guard let size, let frame = target.baseAddress else { return nil }
            return Data(bytes: frame, count: size)
        }
    }
}
