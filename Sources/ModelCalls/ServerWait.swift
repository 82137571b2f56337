// SPDX-License-Identifier: Apache-2.0

/// A model server that a run waits for.
public struct ServerWait: Hashable, Sendable {
    /// Its base URL.
    public var server: String
    /// Time it has been waited for, in seconds.
    public var seconds: Double
    /// The last news of it.
    public var message: String

    /// Describes a wait.
    public init(server: String, seconds: Double, message: String) {
        self.server = server
        self.seconds = seconds
        self.message = message
    }

    /// `9 min: HTTP 401: …`
    public var text: String { "\(Self.duration(self.seconds)): \(self.message)" }

    /// `45 s`, `9 min`, `2 h 5 min`.
    public static func duration(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 1e12).rounded(.down))
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min" }
        return "\(whole / 3600) h" + (whole / 60 % 60 == 0 ? "" : " \(whole / 60 % 60) min")
    }
}

/// Decides when to say again that a server is waited for, and when to wait no more. Pure: it is told the time.
struct WaitPatience {
    /// The action to take.
    enum Action: Equatable {
        case nothing
        /// Say so again.
        case say
        /// Wait no more.
        case giveUp
    }

    private static let firstSeconds = 60.0
    private static let longestSeconds = 3600.0

    /// Longest wait, in seconds; `nil` is for ever.
    let secondsMax: Double?
    private var next = Self.firstSeconds

    init(secondsMax: Double?) { self.secondsMax = secondsMax }

    /// Looks at a wait: after a minute, two, four and so on it is said again, at least each hour.
    /// - Parameter seconds: how long it has been; `nil` if there is none.
    mutating func look(_ seconds: Double?) -> Action {
        guard let seconds else {
            self.next = Self.firstSeconds
            return .nothing
        }
        if let secondsMax, seconds >= secondsMax { return .giveUp }
        guard seconds >= self.next else { return .nothing }
        while self.next <= seconds { self.next += min(self.next, Self.longestSeconds) }
        return .say
    }
}
