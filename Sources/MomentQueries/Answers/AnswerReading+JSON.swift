// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Records

extension AnswerReading {
    /// Reads the items of the JSON values in a text; of several answers among them, those of the last.
    /// - Returns: whether the text is JSON as far as answers go: free text need not be looked for.
    mutating func readJSON(_ text: Bytes) -> Bool {
        let (values, hasEmptyBrackets) = self.values(in: text)
        let (first, superseded) = self.lastAnswer(of: values)
        for _ in 0..<superseded { self.note(.supersededAnswer) }
        var found = false
        var emptyList = hasEmptyBrackets
        for (index, value) in values.enumerated() {
            if index < first {
                // Nothing of a draft is taken; that the schema was repeated is worth telling.
                if value.finds.hasSchema { self.note(.schemaEcho) }
                continue
            }
            if value.finds.isEmptyList, value.isRead || !self.isCut { emptyList = true }
            guard value.isRead else { continue }
            self.form = value.isWhole ? .json : .jsonInText
            if value.isWhole || value.finds.hasItem { found = true }
            self.collect(value.root.value)
            if value.root.ending == .cut, !self.isCut { self.note(.unfinishedJSON) }
        }
        let goesOn = values.last.map { AnswerValue.hasWords(text[$0.root.range.upperBound...]) } ?? true
        self.isAllAnswer = self.form == .json || !goesOn && !self.isCut
        if !found, !emptyList { return self.has(.schemaEcho) }
        if self.items.isEmpty, emptyList, !self.hasDropped {
            // Free text may have empty brackets too; then its lines come first.
            if !found {
                var lines = self
                lines.readLines(text)
                if !lines.items.isEmpty { return false }
                self.form = .jsonInText
            }
            self.isEmptyList = true
        }
        return true
    }

    /// The values that may be of an answer, and whether there are empty brackets that may be one. Brackets in prose are
    /// none: only a value that holds something like an item counts, or the only one that there is.
    private func values(in text: Bytes) -> (values: [AnswerValue], hasEmptyBrackets: Bool) {
        let end = (text.lastIndex { !AnswerText.isSpace($0) } ?? -1) + 1
        var json = LenientJSON(text)
        var values: [AnswerValue] = []
        var hasEmptyBrackets = false
        var isFirst = true
        while let root = json.next() {
            // One value from the first byte on, perhaps cut off.
            let isAll = root.range.lowerBound == 0 && root.range.upperBound >= end
            let isWhole = isFirst && isAll && root.ending != .broken
            isFirst = false
            let finds = Self.finds(in: root.value)
            if isWhole || finds.hasItem || finds.hasSchema || finds.isEmptyAnswer {
                let gap = (values.last?.root.range.upperBound ?? 0)..<root.range.lowerBound
                values.append(
                    AnswerValue(
                        root: root, finds: finds, isWhole: isWhole, isAfterWords: AnswerValue.hasWords(text[gap]),
                        isAfterBroken: values.last?.root.ending == .broken))
            } else if finds.isEmptyList, !self.isCut {
                hasEmptyBrackets = true
            }
        }
        return (values, hasEmptyBrackets)
    }

    /// Finds where the last of several answers begins, and how many come before it.
    ///
    /// A list of items is an answer. It replaces what stands before it where words lead to it, or where it names one of
    /// the same ids; else it continues it. Items without a list are one answer; they replace what stands before them
    /// where words lead to them and they name all of its ids. The end of a list that breaks off is no other answer.
    private func lastAnswer(of values: [AnswerValue]) -> (first: Int, superseded: Int) {
        guard values.count > 1 else { return (0, 0) }
        var first = 0
        var superseded = 0
        var known: Set<Int> = []
        var hasAnswer = false
        var index = 0
        while index < values.count {
            let begin = index
            let value = values[begin]
            index += 1
            guard value.finds.hasItem || value.finds.isEmptyAnswer else { continue }
            var named = self.ids(namedIn: value)
            if value.isItem {
                while index < values.count, values[index].isItem, !values[index].isAfterWords {
                    named.formUnion(self.ids(namedIn: values[index]))
                    index += 1
                }
            }
            let replaces: Bool
            if value.isItem {
                replaces = value.isAfterWords && !value.isAfterBroken && !known.isEmpty && named.isSuperset(of: known)
            } else if named.isEmpty {
                // Of no known id: nothing at all, the beginning of a list, or something of another shape.
                let ends = value.finds.isEmptyAnswer || value.root.ending == .cut && value.isAfterWords
                replaces = ends && !known.isEmpty
            } else {
                replaces = value.isAfterWords || !named.isDisjoint(with: known)
            }
            if hasAnswer, replaces {
                first = begin
                superseded += 1
                known = named
            } else {
                known.formUnion(named)
            }
            hasAnswer = true
        }
        return (first, superseded)
    }

    private func ids(namedIn value: AnswerValue) -> Set<Int> {
        var trial = AnswerReading(ids: self.ids, examples: self.examples)
        trial.collect(value.root.value)
        return trial.named
    }

    /// Tells whether something was there that may have been an item.
    private var hasDropped: Bool {
        self.problems.keys.contains { ![.truncated, .tooLarge, .extraField, .supersededAnswer].contains($0) }
    }

    // MARK: Looking before leaping

    private static func finds(in value: LenientJSON.Value, depth: Int = 0) -> AnswerValue.Finds {
        var finds = AnswerValue.Finds()
        var inner: [LenientJSON.Value] = []
        switch value {
        case .array(let elements, let isComplete):
            finds.isEmptyList = elements.isEmpty && isComplete && depth == 0
            inner = elements
        case .object(let members, _):
            if Self.isSchema(members) {
                finds.hasSchema = true
            } else if Self.isItem(members) {
                finds.hasItem = true
                finds.isItem = depth == 0
            } else {
                inner = members.map(\.value)
                finds.isEmptyAnswer = depth == 0 && members.contains(where: Self.isEmptyList)
                finds.isEmptyList = finds.isEmptyAnswer
            }
        default: break
        }
        for value in inner where value.isContainer {
            let found = Self.finds(in: value, depth: depth + 1)
            finds.hasItem = finds.hasItem || found.hasItem
            finds.hasSchema = finds.hasSchema || found.hasSchema
            finds.isEmptyList = finds.isEmptyList || found.isEmptyList
        }
        return finds
    }

    /// Small models repeat the schema that they are shown; its properties have the names of an item's fields.
    private static func isSchema(_ members: [LenientJSON.Member]) -> Bool {
        let keys = Set(members.map(\.key))
        return keys.contains("$schema") || (keys.contains("type") && !keys.isDisjoint(with: ["properties", "items"]))
    }

    private static func isEmptyList(_ member: LenientJSON.Member) -> Bool {
        ["queries", "questions"].contains(member.key) && member.value == .array([], isComplete: true)
    }

    /// Tells whether an object is an item, well-formed or not, and not one that holds items.
    private static func isItem(_ members: [LenientJSON.Member]) -> Bool {
        var hasText = false
        var hasIDs = false
        var hasInner = false
        for member in members {
            switch Role(member.key) {
            case .query, .template: if !member.value.isContainer { hasText = true }
            case .ids(let strength): if strength > 0 { hasIDs = true }
            case .extra: if member.value.isContainer { hasInner = true }
            }
        }
        return hasText || hasIDs && !hasInner
    }

    // MARK: Items

    /// The role of an item's field, by its name.
    private enum Role {
        /// The ids; a name that says more is preferred.
        case ids(strength: Int)
        case template
        case query
        case extra

        init(_ key: String) {
            guard key.utf8.count <= 32 else {
                self = .extra
                return
            }
            switch key.lowercased().filter({ $0 != "_" && $0 != "-" && $0 != " " }) {
            case "narrationids", "narrationid": self = .ids(strength: 3)
            case "noteids", "noteid": self = .ids(strength: 2)
            case "ids": self = .ids(strength: 1)
            case "id": self = .ids(strength: 0)
            case "template": self = .template
            case "query", "question": self = .query
            default: self = .extra
            }
        }
    }

    private mutating func collect(_ value: LenientJSON.Value) {
        switch value {
        case .array(let elements, _): for element in elements { self.collect(element) }
        case .object(let members, let isComplete):
            if Self.isSchema(members) {
                self.note(.schemaEcho)
            } else if Self.isItem(members) {
                self.item(members, isComplete: isComplete)
            } else {
                let inner = members.filter(\.value.isContainer)
                if inner.isEmpty, isComplete { self.note(.notAnItem) }
                for member in inner { self.collect(member.value) }
            }
        case .tooDeep: self.note(.tooDeep)
        default: self.note(.notAnItem)
        }
    }

    private struct Fields {
        var ids: LenientJSON.Value?
        var strength = -1
        var template: LenientJSON.Value?
        var query: LenientJSON.Value?
        var isRepeated = false
        var extraCount = 0

        init(_ members: [LenientJSON.Member]) {
            for member in members {
                switch Role(member.key) {
                case .ids(let strength):
                    if strength > self.strength {
                        if self.ids != nil { self.extraCount += 1 }
                        (self.ids, self.strength) = (member.value, strength)
                    } else if strength == self.strength {
                        self.set(\.ids, member.value)
                    } else {
                        self.extraCount += 1
                    }
                case .template: self.set(\.template, member.value)
                case .query: self.set(\.query, member.value)
                case .extra: self.extraCount += 1
                }
            }
        }

        private mutating func set(_ field: WritableKeyPath<Fields, LenientJSON.Value?>, _ value: LenientJSON.Value) {
            if let old = self[keyPath: field], old != value { self.isRepeated = true }
            self[keyPath: field] = value
        }
    }

    private mutating func item(_ members: [LenientJSON.Member], isComplete: Bool) {
        let fields = Fields(members)
        for _ in 0..<fields.extraCount { self.note(.extraField) }
        let ids = Self.ids(fields.ids)
        let named = (try? ids.get()) ?? []
        if !isComplete { return self.note(.brokenItem, of: named) }
        if fields.isRepeated { return self.note(.repeatedField, of: named) }
        if case .failure(let fault) = ids { return self.note(fault.problem) }
        switch fields.query {
        case .string(let query):
            guard query.contains(where: { !$0.isWhitespace }) else { return self.note(.missingQuery, of: named) }
            switch fields.template {
            case .string(let template): self.take(ids: named, template: template, query: query)
            case nil, .null: self.take(ids: named, template: "", query: query)
            default: self.take(ids: named, template: "", query: query, templateProblem: .badTemplate)
            }
        case nil, .null: self.note(.missingQuery, of: named)
        default: self.note(.badQuery, of: named)
        }
    }

    private struct IDFault: Error {
        let problem: AnswerProblem
    }

    private static func ids(_ value: LenientJSON.Value?) -> Result<[Int], IDFault> {
        switch value {
        case nil, .null: return .failure(IDFault(problem: .missingID))
        case .array(let elements, _):
            var ids: [Int] = []
            for element in elements {
                guard let some = Self.numbers(element) else { return .failure(IDFault(problem: .badID)) }
                ids += some
            }
            return ids.isEmpty ? .failure(IDFault(problem: .missingID)) : .success(ids)
        case .some(let value):
            guard let ids = Self.numbers(value) else { return .failure(IDFault(problem: .badID)) }
            return .success(ids)
        }
    }

    /// The whole numbers that a number or a text is: `3`, `"3"`, `"[3]"`, `"1, 2"`.
    private static func numbers(_ value: LenientJSON.Value) -> [Int]? {
        switch value {
        case .number(let number): return Int(exactly: number).map { [$0] }
        case .string(let text): return text.utf8.count <= 256 ? Self.numbers(in: text[...]) : nil
        default: return nil
        }
    }

    /// Numbers between commas, in brackets or not; `nil` where anything else is there.
    static func numbers(in text: Substring) -> [Int]? {
        var inner = text.trimmed
        if inner.hasPrefix("["), inner.hasSuffix("]") { inner = inner.dropFirst().dropLast() }
        var numbers: [Int] = []
        for part in inner.split(separator: ",", omittingEmptySubsequences: false) {
            let digits = part.trimmed
            let isNumber = !digits.isEmpty && digits.utf8.allSatisfy { 0x30...0x39 ~= $0 }
            guard isNumber, let number = Int(digits) else { return nil }
            numbers.append(number)
        }
        return numbers
    }
}

extension Substring {
    /// Without white space around it.
    var trimmed: Substring {
        let rest = self.drop(while: \.isWhitespace)
        guard let last = rest.lastIndex(where: { !$0.isWhitespace }) else { return rest }
        return rest[...last]
    }
}
