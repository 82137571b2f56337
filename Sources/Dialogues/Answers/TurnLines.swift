// SPDX-License-Identifier: Apache-2.0

/// Turns that were read from an answer, and a count of what was dropped or replaced, by reason.
struct TurnReading: Hashable {
    /// The reason why a part of an answer is no turn, or is not as it was written.
    enum Defect: String, Hashable {
        /// A line, or an element, that is no turn.
        case notATurn = "not-a-turn"
        /// The time is no number of seconds from 0 on.
        case badTime = "bad-time"
        /// Neither the user nor the assistant speaks.
        case unknownRole = "unknown-role"
        /// It says what is done, not what is said: `(waits)`.
        case stageDirection = "stage-direction"
        /// It says nothing.
        case emptyText = "empty-text"
        /// It was said at the same moment by the same speaker.
        case duplicate
        /// A turn at the moment of the last one of the same speaker was joined to it.
        case joined
        /// A label that cannot be read: the default stands in for it.
        case badLabel = "bad-label"
        /// No label: the default stands in for it.
        case noLabel = "no-label"
        /// It is later than the clip that was asked about.
        case afterClip = "after-clip"
        /// It is earlier than the clip that was asked about.
        case beforeClip = "before-clip"
    }

    var turns: [DialogueTurn] = []
    var defects: [Defect: Int] = [:]

    mutating func count(_ defect: Defect) { self.defects[defect, default: 0] += 1 }

    /// Adds a turn, or joins it to the last one where that is of the same speaker and moment.
    mutating func add(_ turn: DialogueTurn, _ manner: Manner) {
        guard let last = self.turns.last, last.role == turn.role, last.time == turn.time else {
            self.turns.append(turn)
            return
        }
        guard turn.content != last.content else { return self.count(.duplicate) }
        self.count(.joined)
        self.turns[self.turns.count - 1].content += " \(turn.content)"
        guard manner == .mended, let labels = last.labels, let more = turn.labels else { return }
        self.turns[self.turns.count - 1].labels = labels.joined(with: more)
    }

    /// Puts the turns in order of time: they are shown to the moments of a video. Those of one moment stay as they were
    /// written.
    /// - Returns: how many were written behind a later one.
    mutating func order() -> Int {
        let late = zip(self.turns, self.turns.dropFirst()).count { $1.time < $0.time }
        guard late > 0 else { return 0 }
        let ordered = self.turns.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        self.turns = ordered.map(\.element)
        return late
    }

    /// Drops the turns outside a clip.
    /// - Parameter lower: the clip's start; `nil` keeps what is before it, as the original does.
    mutating func cut(from lower: Double?, to upper: Double) {
        let all = self.turns
        self.turns = all.filter { $0.time <= upper && $0.time >= lower ?? -.infinity }
        let late = all.count { !($0.time <= upper) }
        if late > 0 { self.defects[.afterClip, default: 0] += late }
        let early = all.count - late - self.turns.count
        if early > 0 { self.defects[.beforeClip, default: 0] += early }
    }
}

/// The line grammar of answers: `[12.3s] Assistant: text [initiative|instruction]`.
enum TurnLines {
    /// Characters of an answer that are read; what a model writes in its tokens is far below.
    static let scalarsMax = 1 << 20

    /// A label part that names neither initiative nor response, at which the original gives up.
    struct LabelFault: Error, Hashable {
        let text: String
    }

    /// Reads an answer as ProAssist does.
    /// - Parameter labelled: reads the labels, too.
    /// - Throws: `LabelFault`, of labels alone.
    static func readAsOriginal(_ text: String, labelled: Bool) throws(LabelFault) -> TurnReading {
        var reading = TurnReading()
        for line in PythonText.lines(String(text.prefix(Self.scalarsMax))) {
            guard let (time, role, content) = Self.parts(line) else {
                reading.count(.notATurn)
                continue
            }
            guard let time = PythonText.float(time) else {
                reading.count(.badTime)
                continue
            }
            guard let role = DialogueTurn.Role(rawValue: role.lowercased()) else {
                reading.count(.unknownRole)
                continue
            }
            let stripped = PythonText.stripped(content)
            guard !stripped.hasPrefix("(") else {
                reading.count(.stageDirection)
                continue
            }
            var labels: TurnLabels?
            if labelled, role == .assistant {
                labels = .unknown
                if let found = Self.firstLabels(stripped[...]) {
                    guard let initiativity = Initiativity(lenient: String(found.first)) else {
                        throw LabelFault(text: String(found.first))
                    }
                    labels = TurnLabels(initiativity, Intent.all(in: String(found.second)))
                } else {
                    reading.count(.noLabel)
                }
            }
            reading.add(
                DialogueTurn(role, time, PythonText.stripped(Self.withoutLabels(stripped)), labels: labels), .original)
        }
        return reading
    }

    /// `\[(.*?)s\] (.*?): (.*)`, from the line's start.
    private static func parts(_ line: String) -> (time: Substring, role: Substring, content: Substring)? {
        guard line.hasPrefix("["), let bracket = line.firstRange(of: "s] "),
            let colon = line[bracket.upperBound...].firstRange(of: ": ")
        else { return nil }
        let start = line.index(after: line.startIndex)
        guard start <= bracket.lowerBound else { return nil }
        return (
            line[start..<bracket.lowerBound], line[bracket.upperBound..<colon.lowerBound], line[colon.upperBound...]
        )
    }

    private typealias Labels = (range: Range<Substring.Index>, first: Substring, second: Substring)

    /// `\[(.*?)\|(.*?)\]`, the first.
    private static func firstLabels(_ text: Substring) -> Labels? {
        guard let open = text.firstIndex(of: "["), let bar = text[open...].firstIndex(of: "|"),
            let close = text[bar...].firstIndex(of: "]")
        else { return nil }
        return (open..<text.index(after: close), text[open..<bar].dropFirst(), text[bar..<close].dropFirst())
    }

    private static func withoutLabels(_ text: String) -> String {
        var rest = text[...]
        var kept = ""
        while let found = Self.firstLabels(rest) {
            kept += rest[..<found.range.lowerBound]
            rest = rest[found.range.upperBound...]
        }
        return kept + rest
    }
}
