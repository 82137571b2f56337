// SPDX-License-Identifier: Apache-2.0

extension TurnLines {
    /// Reads an answer leniently: past list marks and bold, times as numbers, clocks and ranges (their beginning), with
    /// or without `s` and blanks; labels are the last `[a|b]` that holds no bracket. A label that cannot be read is a
    /// counted default. What is dropped is counted by reason.
    static func readLeniently(_ text: String, labelled: Bool) -> TurnReading {
        var reading = TurnReading()
        for line in String(text.prefix(Self.scalarsMax)).split(whereSeparator: \.isNewline) {
            let line = Self.plain(line)
            guard !line.isEmpty else { continue }
            guard line.first == "[", let close = line.firstIndex(of: "]"),
                let colon = line[close...].firstIndex(of: ":")
            else {
                reading.count(.notATurn)
                continue
            }
            let stamp = line[line.index(after: line.startIndex)..<close]
            let speaker = line[line.index(after: close)..<colon]
            Self.read(stamp, speaker, line[line.index(after: colon)...], labelled: labelled, into: &reading)
        }
        return reading
    }

    private static func read(
        _ stamp: Substring, _ speaker: Substring, _ words: Substring, labelled: Bool, into reading: inout TurnReading
    ) {
        guard let role = Self.role(speaker) else { return reading.count(.unknownRole) }
        guard let time = Self.seconds(String(stamp)) else { return reading.count(.badTime) }
        Self.add(role, time, String(words), labels: nil, labelled: labelled, into: &reading)
    }

    /// Adds a turn whose speaker and time are known, in either form of an answer.
    /// - Parameter labels: labels that stand beside the text; without them they are looked for in the text.
    static func add(
        _ role: DialogueTurn.Role, _ time: Double, _ text: String, labels: TurnLabels?, labelled: Bool,
        into reading: inout TurnReading
    ) {
        guard time.isFinite, time >= 0 else { return reading.count(.badTime) }
        let (content, found) = Self.parted(text)
        guard !content.hasPrefix("(") else { return reading.count(.stageDirection) }
        guard !content.isWordless else { return reading.count(.emptyText) }
        var turn = DialogueTurn(role, time, content)
        if labelled, role == .assistant {
            if labels == nil, found == nil { reading.count(.noLabel) }
            let read = labels ?? found.flatMap { TurnLabels($0) }
            if read == nil, found != nil { reading.count(.badLabel) }
            turn.labels = read ?? .unknown
        }
        reading.add(turn, .mended)
    }

    /// A line without list marks and bold.
    private static func plain(_ line: Substring) -> String {
        var rest = PythonText.stripped(line.replacing("**", with: ""))[...]
        while let first = rest.first, "-*•>".contains(first) { rest = rest.dropFirst().drop(while: \.isWhitespace) }
        let digits = rest.prefix(while: \.isNumber)
        if !digits.isEmpty, let mark = rest.dropFirst(digits.count).first, mark == "." || mark == ")" {
            let behind = rest.dropFirst(digits.count + 1).drop(while: \.isWhitespace)
            if behind.first == "[" { rest = behind }
        }
        return String(rest)
    }

    /// `User`, `assistant`, `User (excited)`.
    static func role(_ text: some StringProtocol) -> DialogueTurn.Role? {
        let name = text.prefix { $0 != "(" && $0 != "[" }
        return DialogueTurn.Role(rawValue: PythonText.stripped(name).lowercased())
    }

    /// Seconds from 0 on: `12.3s`, `12.3`, `1:02.5`, `0:01:02`, `1.0s-2.0s` (its beginning).
    static func seconds(_ text: String) -> Double? {
        let text = PythonText.stripped(text)
        let first = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
        let parts = first.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...3).contains(parts.count) else { return nil }
        var seconds = 0.0
        for part in parts {
            let digits = PythonText.stripped(part).prefix { $0.isNumber || $0 == "." || $0 == "_" || $0 == "e" }
            let unit = PythonText.stripped(PythonText.stripped(part).dropFirst(digits.count)).lowercased()
            guard ["", "s", "sec", "secs", "second", "seconds"].contains(unit),
                let number = PythonText.float(digits)
            else { return nil }
            seconds = seconds * 60 + number
        }
        return seconds.isFinite ? seconds : nil
    }

    /// The text without its labels, and the last of them.
    private static func parted(_ text: String) -> (content: String, labels: String?) {
        var kept = ""
        var labels: String?
        var rest = text[...]
        while let open = rest.firstIndex(of: "[") {
            let behind = rest.index(after: open)
            guard let close = rest[behind...].firstIndex(where: { $0 == "]" || $0 == "[" }) else { break }
            let inner = rest[behind..<close]
            if rest[close] == "]", inner.contains("|") {
                kept += rest[..<open]
                labels = String(inner)
                rest = rest[rest.index(after: close)...]
            } else {
                kept += rest[..<close]
                rest = rest[close...]
                if rest.first == "]" {
                    kept += "]"
                    rest = rest.dropFirst()
                }
            }
        }
        return (PythonText.stripped(kept + rest), labels)
    }
}
