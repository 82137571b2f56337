// SPDX-License-Identifier: Apache-2.0

/// The reason why frames could not be had of a video.
public struct VideoFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds, told apart by what is to be done. The raw values are reason codes.
    public enum Code: String, CaseIterable, Sendable {
        /// There is no such file.
        case absent = "video-absent"
        /// It is no video that can be read, or its frames come to harm on the way.
        case broken = "video-broken"
        /// It ends before it says it does.
        case truncated = "video-truncated"
        /// It is larger than the bounds.
        case tooLarge = "video-too-large"
        /// It took longer than the bounds.
        case tooSlow = "video-too-slow"
        /// The program that reads videos is not on this machine.
        case toolMissing = "ffmpeg-missing"
        /// We were to stop.
        case cancelled = "cancelled"
        /// The system refused something that has nothing to do with the video.
        case failed = "failed"

        /// Tells whether another video may well go through.
        public var isOfTheVideo: Bool {
            switch self {
            case .absent, .broken, .truncated, .tooLarge, .tooSlow: true
            case .toolMissing, .cancelled, .failed: false
            }
        }
    }

    /// The kind.
    public var code: Code
    /// A description, with the remedy where there is one; every character can be shown.
    public var message: String

    /// Describes a fault.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Equals `message`.
    public var description: String { self.message }

    /// The same fault with the video's name before it.
    func of(_ path: String) -> VideoFault { VideoFault(self.code, "\(path): \(self.message)") }

    /// Words of another program: their first lines, as far as they are plain characters.
    static func harmless(_ bytes: [UInt8]) -> String {
        let text = bytes.prefix(4000).map { (0x20...0x7e).contains($0) || $0 == 0x0a ? $0 : UInt8(ascii: "?") }
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").prefix(3)
        return String(lines.joined(separator: "; ").prefix(400))
    }
}
