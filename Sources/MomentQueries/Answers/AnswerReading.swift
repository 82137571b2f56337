// SPDX-License-Identifier: Apache-2.0

import Records

/// The reading of an answer so far.
struct AnswerReading {
    /// The ids that the prompt has.
    let ids: Range<Int>
    /// The questions of the prompt's examples.
    let examples: Set<String>
    private(set) var items: [ParsedAnswer.Item] = []
    /// The problem with each item's template.
    private var templateProblems: [AnswerProblem?] = []
    private(set) var problems: [AnswerProblem: Int] = [:]
    var form: ParsedAnswer.Form?
    var isEmptyList = false
    /// Tells whether the text stood in the place of thoughts.
    var isThought = false
    /// Tells whether the text ends with the answer, or is nothing else.
    var isAllAnswer = false
    private var seen: Set<ParsedAnswer.Item> = []
    /// The number of different items that name an id.
    private var uses: [Int: Int] = [:]
    /// The first problem of an item that named an id.
    private var reasons: [Int: AnswerProblem] = [:]

    init(ids: Range<Int>, examples: Set<String> = []) {
        self.ids = ids
        self.examples = examples
    }

    /// Counts a problem, and remembers it for the ids that it leaves without a query.
    mutating func note(_ problem: AnswerProblem, of ids: [Int] = []) {
        self.problems[problem, default: 0] += 1
        for id in ids where self.ids.contains(id) && self.reasons[id] == nil { self.reasons[id] = problem }
    }

    /// The ids that items name, taken or not.
    var named: Set<Int> { Set(self.uses.keys).union(self.reasons.keys) }

    /// Tells whether a problem has been counted.
    func has(_ problem: AnswerProblem) -> Bool { self.problems[problem] != nil }

    /// Tells whether the text goes on beyond what there is of it.
    var isCut: Bool { self.has(.truncated) || self.has(.tooLarge) }

    /// Takes an item, or counts why not.
    ///
    /// - Parameters:
    ///   - ids: numbers as they stand in the text.
    ///   - templateProblem: what was found wrong with the template before, if something was.
    mutating func take(ids: [Int], template: String, query: String, templateProblem: AnswerProblem? = nil) {
        if ids.contains(where: { !self.ids.contains($0) }) { return self.note(.unknownID, of: ids) }
        var distinct: [Int] = []
        for id in ids {
            if distinct.contains(id) { self.note(.repeatedID) } else { distinct.append(id) }
        }
        if let fault = Self.fault(in: query) ?? Self.fault(in: template) { return self.note(fault, of: ids) }
        let item = ParsedAnswer.Item(ids: distinct, template: template, query: query)
        if self.seen.contains(item) { return self.note(.duplicateItem) }
        if self.examples.contains(query) { return self.note(.exampleEcho, of: ids) }
        for id in distinct { self.uses[id, default: 0] += 1 }
        guard self.items.count < self.ids.count * AnswerParser.itemsPerNarrationMax else {
            return self.note(.tooManyItems, of: ids)
        }
        self.seen.insert(item)
        self.items.append(item)
        self.templateProblems.append(templateProblem ?? Self.problem(withTemplate: template))
    }

    private static func problem(withTemplate name: String) -> AnswerProblem? {
        if name.isEmpty { return .missingTemplate }
        return QueryTemplate(named: name) == nil ? .unknownTemplate : nil
    }

    private static func fault(in text: String) -> AnswerProblem? {
        if text.utf8.count > AnswerParser.textBytesMax { return .textTooLong }
        let isBad = text.unicodeScalars.contains { scalar in
            switch scalar.value {
            case 0x09, 0x0a, 0x0d: false
            case 0..<0x20, 0x7f, 0xfffd: true
            default: false
            }
        }
        return isBad ? .badText : nil
    }

    /// Drops the items that name an id which another one names too, as which of them is meant cannot be known; of the
    /// others, counts what is wrong with them.
    private mutating func settle() {
        let found = zip(self.items, self.templateProblems)
        self.items = []
        for (item, problem) in found {
            guard item.ids.allSatisfy({ self.uses[$0] == 1 }) else {
                self.note(.ambiguousID, of: item.ids)
                continue
            }
            self.items.append(item)
            if let problem { self.note(problem) }
        }
    }

    /// Returns all that has been read, with the reason for each id that is left out.
    mutating func finish() -> ParsedAnswer {
        self.settle()
        let isUsable = !self.items.isEmpty || self.isEmptyList || self.has(.exampleEcho)
        let isExplained = self.problems.keys.contains { !Self.explainsNothing.contains($0) }
        if !isUsable, !isExplained { self.note(.noAnswer) }
        let asked = Set(self.items.flatMap(\.ids))
        let whole = [.refused, .truncated, .tooLarge].first(where: self.has) ?? (isUsable ? nil : .noAnswer)
        let gaps = self.ids.filter { !asked.contains($0) }.map { id in
            ParsedAnswer.Gap(id: id, reason: (self.reasons[id] ?? whole)?.rawValue ?? "not-asked")
        }
        return ParsedAnswer(
            candidates: self.items, gaps: gaps, problems: self.problems, form: isUsable ? self.form : nil,
            isEmptyList: self.isEmptyList)
    }

    /// Problems beside which an answer may still hold nothing at all.
    private static let explainsNothing: Set<AnswerProblem> = [
        .truncated, .tooLarge, .extraField, .lineIgnored, .supersededAnswer,
    ]
}
