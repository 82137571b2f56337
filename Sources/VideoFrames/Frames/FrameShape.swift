// SPDX-License-Identifier: Apache-2.0

public import Pictures

/// The form that frames are brought into: the short side scaled, the middle cut out, then turned.
public struct FrameShape: Hashable, Sendable {
    /// The pixels along each side of the square.
    public var side: Int
    /// Quarters of a circle, counter-clockwise, by which the square is turned after that.
    public var quarters: Int

    /// Describes a form.
    public init(side: Int, quarters: Int = 0) {
        self.side = side
        self.quarters = quarters
    }

    /// A frame in this form: bicubic, as Pillow does it.
    public func applied(to frame: Picture) -> Picture {
        let size = frame.size(shortSide: self.side)
        return frame.resized(width: size.width, height: size.height, .bicubic).centralSquare.turned(
            quarters: self.quarters)
    }
}
