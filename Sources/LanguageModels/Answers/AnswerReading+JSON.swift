// SPDX-License-Identifier: Apache-2.0

internal import Records

extension AnswerReading {
    /// Reads the items of the JSON values in a text.
    /// - Returns: whether the text is JSON as far as answers go: free text need not be looked for.
    mutating func readJSON(_ text: Bytes) -> Bool {
        let end = (text.lastIndex { !AnswerParser.isSpace($0) } ?? -1) + 1
        var json = LenientJSON(text)
        var isFirst = true
        var found = false
        var emptyList = false
        while let root = json.next() {
            // One value from the first byte on, perhaps cut off.
            let isAll = root.range.lowerBound == 0 && root.range.upperBound >= end
            let isWhole = isFirst && isAll && root.ending != .broken
            isFirst = false
            // Brackets in prose are no answer: only a value that holds something like an item is looked into.
            let finds = Self.finds(in: root.value)
            guard isWhole || finds.hasItem || finds.hasSchema else {
                emptyList = emptyList || (finds.isEmptyList && !self.isCut)
                continue
            }
            self.form = isWhole ? .json : .jsonInText
            if isWhole || finds.hasItem { found = true }
            if finds.isEmptyList { emptyList = true }
            self.collect(root.value)
            if root.ending == .cut, !self.isCut { self.note(.unfinishedJSON) }
        }
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

    /// Whether something was there that may have been an item.
    private var hasDropped: Bool {
        self.problems.keys.contains { $0 != .truncated && $0 != .tooLarge && $0 != .extraField }
    }

    // MARK: Looking before leaping

    private struct Finds {
        var hasItem = false
        var hasSchema = false
        var isEmptyList = false
    }

    private static func finds(in value: LenientJSON.Value, depth: Int = 0) -> Finds {
        var finds = Finds()
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
            } else {
                inner = members.map(\.value)
                finds.isEmptyList = depth == 0 && members.contains(where: Self.isEmptyList)
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

    /// Whether an object is an item, well-formed or not, and not one that holds items.
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

    /// What a field of an item is, by its name.
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
