// SPDX-License-Identifier: Apache-2.0

/// The proxy that the environment names for a host, by the conventions that curl and Go share.
///
/// An HTTP proxy is asked for a tunnel (`CONNECT`), for http:// servers too: that is what the HTTP client can do. A
/// proxy that tunnels only to port 443 will refuse such a server.
struct ProxyChoice: Hashable, Sendable {
    let host: String
    let port: Int
    let user: String?
    let password: String?
    let isSOCKS: Bool

    /// `HTTPS_PROXY` or `HTTP_PROXY`, by the endpoint's scheme, then `ALL_PROXY`; small letters first. `NO_PROXY`, and
    /// this machine itself, are spoken to directly.
    init?(for endpoint: Endpoint, environment: [String: String]) throws(EndpointError) {
        let names = [endpoint.isSecure ? "https_proxy" : "http_proxy", "all_proxy"]
        let values = names.flatMap { [($0, environment[$0]), ($0.uppercased(), environment[$0.uppercased()])] }
        guard let (name, value) = values.first(where: { !($0.1 ?? "").isEmpty }), let value else { return nil }
        let exceptions = environment["no_proxy"] ?? environment["NO_PROXY"] ?? ""
        if Self.isDirect(host: endpoint.host, port: endpoint.port, exceptions: exceptions) { return nil }
        let parts = try URLParts(value.contains("://") ? value : "http://" + value, what: "the proxy in `\(name)`")
        switch parts.scheme {
        case "http": self.isSOCKS = false
        case "socks5", "socks5h", "socks": self.isSOCKS = true
        default:
            throw EndpointError(
                "the proxy in `\(name)` is a \(parts.scheme) proxy: http:// and socks5:// proxies can be used")
        }
        if self.isSOCKS, parts.user != nil {
            throw EndpointError("the proxy in `\(name)` wants a password, which cannot be given to a SOCKS proxy")
        }
        self.host = parts.host
        self.port = parts.port ?? (self.isSOCKS ? 1080 : 80)
        self.user = parts.user
        self.password = parts.password
    }

    /// Tells whether a host is in a `NO_PROXY` list: `*`, a name, which stands for all names under it too, an address,
    /// each with a port or without.
    static func isDirect(host: String, port: Int, exceptions: String) -> Bool {
        let host = host.lowercased()
        if host == "localhost" || host.hasSuffix(".localhost") || host == "::1" || host.hasPrefix("127.") {
            return true
        }
        for item in exceptions.lowercased().split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            if item == "*" { return true }
            var name = item
            // One colon parts a port off; more of them are an address of version 6.
            if name.filter({ $0 == ":" }).count == 1, let colon = name.lastIndex(of: ":") {
                guard Int(name[name.index(after: colon)...]) == port else { continue }
                name = name[..<colon]
            }
            if name.hasPrefix("*.") { name = name.dropFirst(2) }
            if name.hasPrefix(".") { name = name.dropFirst() }
            if !name.isEmpty, host == name || host.hasSuffix("." + name) { return true }
        }
        return false
    }
}
