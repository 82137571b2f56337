// SPDX-License-Identifier: Apache-2.0

/// The rules of who may ask for what: a decision about a request's head.
///
/// A page elsewhere can make a browser on this machine ask a server on its loopback: by a name of its own that resolves
/// to 127.0.0.1, or by a request across sites. The first shows in `Host`, the second in `Origin` and `Sec-Fetch-Site`.
struct AccessRules: Sendable {
    /// Tells whether the server is bound to this machine alone.
    let isLoopback: Bool
    /// The port that it is bound to.
    let port: Int
    /// Other names that it was told it has; without a port they stand for its own port, and none.
    let names: [HostName]
    /// The secret that is asked for; nil where everyone may see.
    let token: AccessToken?
    /// The value of the cookie of those who have shown the token.
    let session: AccessToken?

    /// Paths that are answered without a token: probes have none.
    private static let open: Set<[String]> = [
        ["live"], ["ready"], ["login"], ["login", "page.js"], ["login", "page.css"],
    ]

    /// The path at which a token is exchanged for a cookie.
    static let exchange = ["login", "session"]

    /// The cookie's name: browsers keep one jar for all ports of a host.
    var cookie: String { "millrace-\(self.port)" }

    /// Refuses what is refused whoever asks.
    func check(_ head: RequestHead) throws(Refusal) {
        if head.hasBody { throw .body }
        guard head.method == "GET" || head.method == "HEAD" else { throw .method }
        guard head.hosts.count == 1 else { throw .noHost }
        guard let host = HostName(parsing: head.hosts[0]), self.isOurs(host) else {
            throw .foreignHost(loopback: self.isLoopback)
        }
        if let origins = head.fields["origin"] {
            guard origins.count == 1, self.isSame(origins[0], as: host) else { throw .foreignOrigin }
        }
        try self.checkSite(head)
    }

    /// Refuses who may not see a path.
    func checkToken(_ head: RequestHead, path: [String]) throws(Refusal) {
        if !Self.open.contains(path), !self.isTrusted(head) { throw .noToken }
    }

    /// Tells whether the request shows the token, or a cookie for it, or needs none.
    func isTrusted(_ head: RequestHead) -> Bool {
        guard let token else { return true }
        if let shown = head.single("authorization") {
            let parts = shown.split(separator: " ", maxSplits: 1)
            return parts.count == 2 && parts[0].lowercased() == "bearer" && token.equals(parts[1])
        }
        guard let session else { return false }
        return head.cookies(named: self.cookie).contains { session.equals($0) }
    }

    private func isOurs(_ host: HostName) -> Bool {
        let isTold = self.names.contains { name in
            name.host == host.host && (name.port ?? self.port == host.port ?? self.port)
        }
        if isTold { return true }
        if self.isLoopback { return HostName.isLoopback(host.host) && (host.port ?? 80) == self.port }
        // A name that resolves to us is not ours for that; in numbers nobody resolves anything.
        return host.isLiteral || host.host == "localhost"
    }

    private func isSame(_ origin: String, as host: HostName) -> Bool {
        for (scheme, port) in [("http://", 80), ("https://", 443)] where origin.hasPrefix(scheme) {
            guard let name = HostName(parsing: String(origin.dropFirst(scheme.count))) else { return false }
            return name.host == host.host && (name.port ?? port) == (host.port ?? port)
        }
        return false
    }

    /// Lets a browser come from elsewhere by a link, and not by a picture, a script, a frame or a request of a page's.
    private func checkSite(_ head: RequestHead) throws(Refusal) {
        guard let sites = head.fields["sec-fetch-site"], sites != ["same-origin"], sites != ["none"] else { return }
        let isLink = head.single("sec-fetch-mode") == "navigate" && head.single("sec-fetch-dest") == "document"
        if !isLink { throw .foreignOrigin }
    }
}
