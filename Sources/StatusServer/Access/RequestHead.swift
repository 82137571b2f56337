// SPDX-License-Identifier: Apache-2.0

/// The head of a request, as decisions need it.
struct RequestHead: Sendable {
    let method: String
    let target: String
    /// All `Host` headers.
    let hosts: [String]
    /// Values by the name of the header in lower case, in their order.
    let fields: [String: [String]]

    /// The value of a header that stands once, or nil.
    func single(_ name: String) -> String? {
        guard let values = self.fields[name], values.count == 1 else { return nil }
        return values[0]
    }

    /// The value of a cookie, wherever it stands.
    func cookies(named name: String) -> [Substring] {
        self.fields["cookie", default: []].flatMap { $0.split(separator: ";").prefix(64) }.compactMap { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].trimmingPrefix(while: { $0 == " " }) == name else { return nil }
            return parts[1]
        }
    }

    /// Tells whether a person's browser asks for a page.
    var wantsPage: Bool { self.fields["accept", default: []].contains { $0.contains("text/html") } }

    /// Tells whether the client wants the connection to end with the answer.
    var wantsClose: Bool {
        self.fields["connection", default: []].contains { value in
            value.lowercased().split(separator: ",").contains { $0.trimmingPrefix(while: { $0 == " " }) == "close" }
        }
    }

    /// Tells whether a body is announced.
    var hasBody: Bool {
        self.fields["transfer-encoding"] != nil || self.fields["content-length", default: []].contains { $0 != "0" }
    }
}
