// SPDX-License-Identifier: Apache-2.0

/// The clips of a video, asked which is the first, in their order, that contains a span.
///
/// Clips may overlap and need not be sorted, so a search by start alone would be wrong. What makes it quick is the
/// farthest end among the clips up to each one: where that lies before the end of a span, none of them contains it.
public struct ClipIndex: Sendable {
    /// The clips, in the order of the metadata file.
    public let clips: [Clip]
    /// The farthest end among the clips up to and with this one, in seconds; it never falls.
    private let reach: [Double]
    /// The answer before, and mostly the next one too: narrations come in order of time.
    private var latest = 0

    /// Indexes clips.
    public init(_ clips: [Clip]) {
        self.clips = clips
        var farthest = -Double.infinity
        self.reach = clips.map { clip in
            if clip.span.end > farthest { farthest = clip.span.end }
            return farthest
        }
    }

    /// The index of the first clip that contains a span, ends included; `nil` where none does.
    public mutating func first(containing span: Interval) -> Int? {
        if self.latest < self.clips.count, self.clips[self.latest].span.contains(span),
            self.latest == 0 || self.reach[self.latest - 1] < span.end
        {
            return self.latest
        }
        var index = self.firstReaching(span.end)
        while index < self.clips.count {
            if self.clips[index].span.contains(span) {
                self.latest = index
                return index
            }
            index += 1
        }
        return nil
    }

    private func firstReaching(_ end: Double) -> Int {
        var low = 0
        var high = self.reach.count
        while low < high {
            let middle = (low + high) / 2
            if self.reach[middle] < end { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
