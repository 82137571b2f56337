// SPDX-License-Identifier: Apache-2.0

/// Something that the server did, for whoever counts: told from any thread, with nothing in it that a client chose.
public enum ServerEvent: Hashable, Sendable {
    /// The groups of paths.
    public enum Route: String, Hashable, Sendable, CaseIterable {
        /// `/live` and `/ready`.
        case probe
        /// `/metrics`.
        case metrics
        /// The page and its files.
        case page
        /// The login.
        case login
        /// `/api`: the page's documents and searches.
        case api
        /// A feed's events.
        case events
        /// No path of this server, or no request that could be read.
        case none
    }

    /// A request was answered, by a refusal or a redirection too.
    case answered(Route, status: Int)
    /// A request or a connection was refused, for one of `refusalReasons`.
    case refused(reason: String)
    /// A connection was taken.
    case connected
    /// A connection that was taken has ended.
    case disconnected
    /// A client begins to listen to a feed.
    case listens
    /// A client has ended to listen to a feed.
    case leaves
    /// A client was cut off because it did not take what was sent.
    case cut

    /// All reasons of refusals.
    public static let refusalReasons = Refusal.Reason.allCases.map(\.rawValue)
}

extension ServerEvent.Route {
    /// The group of a path.
    /// - Parameter isKnown: whether there is a route for it.
    init(_ path: [String], isKnown: Bool) {
        self =
            switch path.first {
            case "live" where path.count == 1, "ready" where path.count == 1: .probe
            case "metrics" where path.count == 1: .metrics
            case "login": .login
            case "api" where isKnown: .api
            case "events" where isKnown: .events
            default: isKnown ? .page : .none
            }
    }
}
