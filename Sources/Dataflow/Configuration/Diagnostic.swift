// SPDX-License-Identifier: Apache-2.0

/// A place in a topology file.
public struct SourceMark: Hashable, Sendable {
    /// The line, from 1.
    public var line: Int
    /// The column, from 1.
    public var column: Int

    /// Names a place.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// Something to say about a topology file.
public struct Diagnostic: Hashable, Sendable, CustomStringConvertible {
    /// Tells errors from warnings.
    public enum Severity: String, Sendable {
        /// The topology cannot run.
        case error
        /// It can run, and may surprise.
        case warning
    }

    /// The path of the file with the mistake.
    public var file: String
    /// The place in the file, where there is one.
    public var mark: SourceMark?
    /// Tells an error from a warning.
    public var severity: Severity
    /// The mistake, and the way to put it right.
    public var message: String

    /// Creates a diagnostic.
    public init(file: String, mark: SourceMark?, severity: Severity = .error, message: String) {
        self.file = file
        self.mark = mark
        self.severity = severity
        self.message = message
    }

    /// `file:line:column: error: message`, as compilers have it.
    public var description: String {
        let place = self.mark.map { ":\($0.line):\($0.column)" } ?? ""
        return "\(self.file)\(place): \(self.severity.rawValue): \(self.message)"
    }
}

/// A mistake that an operator finds in its own configuration.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field it is about, if one.
    public var field: String?
    /// The mistake, and the way to put it right.
    public var message: String

    /// Creates an error, about one field or the whole configuration.
    public init(_ message: String, field: String? = nil) {
        self.message = message
        self.field = field
    }

    /// `field: message`
    public var description: String { self.field.map { "\($0): \(self.message)" } ?? self.message }
}

/// The nearest of some valid words, for "did you mean".
package enum Spelling {
    /// The word nearest to what was written, if it is near enough to be meant.
    package static func nearest(to word: String, among candidates: [String]) -> String? {
        let scored = candidates.map {
            (word: $0, distance: self.distance(Array(word.lowercased()), Array($0.lowercased())))
        }
        guard let best = scored.min(by: { ($0.distance, $0.word) < ($1.distance, $1.word) }) else { return nil }
        let isNear = best.distance <= max(2, best.word.count / 3) && best.distance < max(word.count, best.word.count)
        return isNear ? best.word : nil
    }

    /// A sentence that helps whoever wrote a word that is not among the valid ones.
    package static func help(for word: String, among candidates: [String]) -> String {
        if let nearest = self.nearest(to: word, among: candidates) { return "did you mean `\(nearest)`?" }
        if candidates.isEmpty { return "nothing may stand here" }
        return "valid here: " + candidates.sorted().map { "`\($0)`" }.joined(separator: ", ")
    }

    /// Levenshtein's distance.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var previous = Array(0...right.count)
        for (row, character) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                let substitution = previous[column] + (character == other ? 0 : 1)
                current.append(min(substitution, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[right.count]
    }
}
