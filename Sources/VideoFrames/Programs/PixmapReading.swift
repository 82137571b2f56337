// SPDX-License-Identifier: Apache-2.0

import Pictures

/// Cuts a stream of PPM pictures into pictures.
struct PixmapReading {
    private var bytes: [UInt8] = []
    private var start = 0

    /// Takes what came.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if self.start > 0 {
            self.bytes.removeFirst(self.start)
            self.start = 0
        }
        self.bytes += bytes
    }

    /// Tells whether nothing is left.
    var isEmpty: Bool { self.start == self.bytes.count }

    /// The next picture that is there whole.
    mutating func next() throws(VideoFault) -> Picture? {
        do throws(PictureFault) {
            let rest = self.bytes[self.start...]
            guard let head = try PortablePixmap.head(rest) else { return nil }
            let first = self.start + head.start, size = 3 * head.width * head.height
            guard self.bytes.count - first >= size else { return nil }
            self.start = first + size
            return Picture(width: head.width, height: head.height, bytes: Array(self.bytes[first..<first + size]))
        } catch {
            throw VideoFault(.broken, error.message)
        }
    }
}
