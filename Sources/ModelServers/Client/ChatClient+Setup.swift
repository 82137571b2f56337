// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL

#if canImport(Glibc)
    import Glibc
#endif

/// The HTTP client and the headers of every call, as the configuration wants them.
extension ChatClient {
    /// Seconds as the HTTP client takes them: from nothing to thirty years.
    static func amount(_ seconds: Double) -> TimeAmount {
        .nanoseconds(seconds > 0 ? Int64(min(seconds, 1e9) * 1e9) : 0)
    }

    static func headers(_ configuration: ClientConfiguration) throws(EndpointError) -> HTTPHeaders {
        var headers: HTTPHeaders = ["Accept": "application/json", "User-Agent": "millrace"]
        if let key = configuration.apiKey { headers.add(name: "Authorization", value: "Bearer \(key.value)") }
        for header in configuration.headers {
            // RFC 9110, section 5.1: a name is a token.
            let isToken = header.name.utf8.allSatisfy {
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
                    || "!#$%&'*+-.^_`|~".utf8.contains($0)
            }
            if header.name.isEmpty || !isToken {
                throw EndpointError("`\(header.name)` is no name of an HTTP header")
            }
            if header.value.value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }) {
                throw EndpointError("the value of the header `\(header.name)` has a control character in it")
            }
            headers.replaceOrAdd(name: header.name, value: header.value.value)
        }
        return headers
    }

    static func pool(_ configuration: ClientConfiguration) throws(EndpointError) -> HTTPClient.Configuration {
        var pool = HTTPClient.Configuration()
        pool.timeout.connect = Self.amount(configuration.connectTimeoutSeconds)
        // Redirects would carry the key to another place, and turn a question into a page.
        pool.redirectConfiguration = .disallow
        // One more for each route that is read beside the calls.
        pool.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(1, configuration.inFlightMax) + 4
        // Retries are ours, with one backoff for all.
        pool.connectionPool.retryConnectionEstablishment = false
        // A call occupies a connection for as long as the model writes: one call, one connection, one slot.
        pool.httpVersion = .http1Only
        if let proxy = try ProxyChoice(for: configuration.endpoint, environment: configuration.environment) {
            if proxy.isSOCKS {
                pool.proxy = .socksServer(host: proxy.host, port: proxy.port)
            } else {
                pool.proxy = .server(
                    host: proxy.host, port: proxy.port,
                    authorization: proxy.user.map { .basic(username: $0, password: proxy.password ?? "") })
            }
        }
        if let file = configuration.authorityFile {
            guard access(file, R_OK) == 0 else {
                throw EndpointError("the file of authorities `\(file)` cannot be read")
            }
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.file(file)]
            pool.tlsConfiguration = tls
        }
        return pool
    }
}
