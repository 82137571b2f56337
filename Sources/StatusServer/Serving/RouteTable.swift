// SPDX-License-Identifier: Apache-2.0

/// Finds the route of a path: its own, or the longest that stands above it.
struct RouteTable: Sendable {
    private var exact: [[String]: StatusRoute] = [:]
    private var above: [[String]: StatusRoute] = [:]

    init(_ routes: [StatusRoute]) {
        for route in routes {
            var parts = route.path.split(separator: "/").map(String.init)
            if parts.last == "*" {
                parts.removeLast()
                self.above[parts] = route
            } else {
                self.exact[parts] = route
            }
        }
    }

    func route(for path: [String]) -> StatusRoute? {
        if let route = self.exact[path] { return route }
        for count in stride(from: path.count, through: 0, by: -1) {
            if let route = self.above[Array(path.prefix(count))] { return route }
        }
        return nil
    }
}
