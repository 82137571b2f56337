// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Takes what must stay unseen out of a text before it is shown: values that are known to be secret, and what looks
/// like one.
///
/// Servers and libraries repeat in their errors what they were sent, so the values themselves are looked for, wherever
/// they came from: the environment, a file of it, the options.
struct Secrets {
    /// The mark that stands for a secret.
    static let mark = "(secret)"
    /// A shorter value is a word that stands in many a text, and is no secret.
    private static let lengthMin = 4

    private var values: Set<String> = []

    /// Knows nothing yet but the patterns.
    init() {}

    /// Learns the secrets of an environment: by the names of its variables, and those in the URLs that it holds.
    mutating func learn(environment: [String: String]) {
        for (name, value) in environment {
            if Self.isSecret(name) { self.add(value) }
            self.learn(url: value)
        }
    }

    /// Learns the secrets among arguments: those of an option that is named like one, `NAME=VALUE` with such a name,
    /// and those in URLs.
    mutating func learn(arguments: [String]) {
        for (index, argument) in arguments.enumerated() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if Self.isSecret(String(parts[0])) {
                if parts.count > 1 {
                    self.add(String(parts[1]))
                } else if argument.hasPrefix("--"), index + 1 < arguments.count {
                    self.add(arguments[index + 1])
                }
            }
            self.learn(url: argument)
        }
    }

    /// Learns the value of a property if its name says that it is secret.
    mutating func learn(_ name: String, _ value: String) { if Self.isSecret(name) { self.add(value) } }

    /// Learns a value that is secret.
    mutating func add(_ value: String) {
        let value = value.trimmingCharacters(in: .whitespacesAndNewlines)
        guard value.utf8.count >= Self.lengthMin else { return }
        self.values.insert(value)
        // As it stands in a URL, and in what comes of one.
        if let decoded = value.removingPercentEncoding, decoded.utf8.count >= Self.lengthMin {
            self.values.insert(decoded)
        }
        if let encoded = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) {
            self.values.insert(encoded)
        }
    }

    private mutating func learn(url text: String) {
        for range in Self.userInfos(in: text) {
            guard let colon = text[range].firstIndex(of: ":") else { continue }
            self.add(String(text[text.index(after: colon)..<range.upperBound]))
        }
    }

    /// The places in a text between `://` and the last `@` before the URL ends: a password may hold an `@` itself, and
    /// a slash.
    private static func userInfos(in text: String) -> [Range<String.Index>] {
        guard text.contains("@") else { return [] }
        var ranges: [Range<String.Index>] = []
        var rest = text[...]
        while let mark = rest.firstRange(of: "://") {
            let url = rest[mark.upperBound...].prefix { !$0.isWhitespace && !"\"'`<>“”".contains($0) }
            if let last = url.lastIndex(of: "@") { ranges.append(url.startIndex..<last) }
            rest = rest[url.endIndex...]
        }
        return ranges
    }

    /// Tells whether the name of a variable, a property or an option says that its value is secret. Names of files are
    /// none, and help where the file cannot be read.
    static func isSecret(_ name: String) -> Bool {
        let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }
        guard let last = words.last, !["location", "file", "path", "dir", "variable"].contains(last) else {
            return false
        }
        let telling: Set<Substring> = [
            "password", "passwd", "passphrase", "pass", "secret", "token", "apikey", "credential", "credentials", "key",
            "jaas", "username",
        ]
        return words.contains { telling.contains($0) }
    }

    /// A text without secrets.
    func redacted(_ text: String) -> String {
        var text = text
        // The longest first: one may be a part of another.
        for value in self.values.sorted(by: { ($1.utf8.count, $0) < ($0.utf8.count, $1) }) where text.contains(value) {
            text = text.replacingOccurrences(of: value, with: Self.mark)
        }
        return Self.withoutPatterns(text)
    }

    /// A text without what looks like a secret, whoever's it is.
    static func withoutPatterns(_ text: String) -> String {
        var text = text
        for range in Self.userInfos(in: text).reversed() { text.replaceSubrange(range, with: "…") }
        guard self.mayTell(text) else { return text }
        if text.contains("=") || text.contains(":") {
            text = text.replacing(
                #/(?i)((?:password|passwd|passphrase|secret|token|api[_\-]?key)["']?\s*=\s*["']?)([^\s"'&,;]+)/#
            ) { $0.1 + Self.mark }
            text = text.replacing(
                #/(?i)((?:password|passwd|passphrase|secret|token|api[_\-]?key)["']\s*:\s*["'])([^"']+)/#
            ) { $0.1 + Self.mark }
            text = text.replacing(#/(?i)(authorization["']?\s*[:=]\s*["']?\w+\s+)([^\s"']+)/#) { $0.1 + Self.mark }
        }
        return text.replacing(#/(?i)\b(bearer\s+)([A-Za-z0-9._~+\/\-]{16,}=*)/#) { $0.1 + Self.mark }
    }

    /// Tells whether a text has one of the words that the patterns look for. A pattern takes a hundred times as long as
    /// this, and the lines that librdkafka writes while it is debugged are thousands a second, of kilobytes each.
    private static func mayTell(_ text: String) -> Bool {
        // Capitals of ASCII differ from small letters by one bit; other bytes that it changes are in no word, and none
        // becomes the end of a text for C.
        let small = text.utf8.map { CChar(bitPattern: $0 | 0x20) } + [0]
        return self.tellingWords.contains { strstr(small, $0) != nil }
    }

    private static let tellingWords = [
        "passw", "passphrase", "secret", "token", "apikey", "api-key", "api\u{7f}key", "authorization", "bearer",
    ]
}

extension Secrets {
    private static let known = Mutex(Secrets())

    /// Teaches the program's own: what it must not show from here on.
    static func know(_ teach: (inout Secrets) -> Void) { self.known.withLock { teach(&$0) } }

    /// A text as the program may show it.
    static func hidden(_ text: String) -> String { self.known.withLock { $0 }.redacted(text) }
}
