// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// A plan that cuts a video without clips into consecutive ones of equal length.
public struct ClipPlan: Hashable, Sendable {
    /// The length of a clip in seconds; 0 makes the whole video one clip.
    public let seconds: Double

    /// A last clip of less than this many seconds joins the one before it.
    static let tailSecondsMin = 60.0

    /// Creates a plan for clips of a length in seconds, 0 or at least 1; `nil` for any other length.
    public init?(seconds: Double) {
        guard seconds == 0 || (seconds >= 1 && seconds <= SourceLimits.secondsMax) else { return nil }
        self.seconds = seconds
    }

    private init(valid seconds: Double) { self.seconds = seconds }

    /// 480 s, the length of most clips of the Natural Language Queries benchmark.
    public static let standard = ClipPlan(valid: 480)

    /// The spans of the clips of a video of a length in seconds; none where the length is 0, `nil` where there would be
    /// more than `SourceLimits.clipsMax`.
    public func spans(duration: Double) -> [Interval]? {
        guard duration > 0 else { return [] }
        guard self.seconds > 0, duration > self.seconds else { return [Interval(0, duration)] }
        let whole = (duration / self.seconds).rounded(.down)
        guard whole <= Double(SourceLimits.clipsMax) else { return nil }
        var spans = (0..<Int(whole)).map { Interval(Double($0) * self.seconds, Double($0 + 1) * self.seconds) }
        let tail = duration - whole * self.seconds
        if tail >= Self.tailSecondsMin {
            spans.append(Interval(whole * self.seconds, duration))
        } else if !spans.isEmpty {
            spans[spans.count - 1].end = duration
        }
        return spans
    }

    /// The clips of a video; their ids are derived from the data set, the video and the span.
    func clips(source: String, videoUID: String, duration: Double) -> [Clip]? {
        self.spans(duration: duration)?.map { span in
            let name = "clip\n\(source)\n\(videoUID)\n\(span.start)\n\(span.end)"
            return Clip(clipUID: ContentHash.uuid5(name), span: span)
        }
    }
}
