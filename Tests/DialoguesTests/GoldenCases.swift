// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import Testing

@testable import Dialogues

/// Cases that ProAssist's own functions computed, in `MILLRACE_GOLDEN_PROASSIST` or beside these tests.
enum GoldenCases {
    static let folder =
        ProcessInfo.processInfo.environment["MILLRACE_GOLDEN_PROASSIST"].map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    /// One case.
    struct Case: CustomStringConvertible {
        let file: String
        let number: Int
        let value: JSONValue

        var input: JSONValue { self.value["input"] ?? .null }
        var config: JSONValue { self.value["config"] ?? .null }
        var output: JSONValue? { self.value["output"] }
        var requests: [JSONValue] { self.value["requests"]?.array ?? [] }
        var description: String { "\(self.file), case \(self.number)" }
    }

    /// All cases of a function, whatever their files are called.
    static func all(of name: String) throws -> [Case] {
        let files = try FileManager.default.contentsOfDirectory(atPath: self.folder.path).sorted()
        let cases = try files.filter { $0.hasSuffix(".json") }.flatMap { file -> [Case] in
            let value = try JSONValue(parsing: Bytes(try Data(contentsOf: self.folder.appending(path: file))))
            guard value["name"]?.string == name else { return [] }
            return try #require(value["cases"]?.array, "\(file)").enumerated().map {
                Case(file: file, number: $0.offset, value: $0.element)
            }
        }
        try #require(!cases.isEmpty, "no cases of \(name) in \(self.folder.path)")
        return cases
    }

    /// Checks a function against its cases: in the original's way each must come out as the original's, but where that
    /// stopped; in the mended way each must, but for those that may depart by the rule.
    /// - Parameter mayDepart: tells by the case's input whether the mended way may differ; `nil`: none may.
    static func check(
        _ name: String, tolerance: Double = 1e-6, mayDepart: ((Case) throws -> Bool)? = nil,
        _ compute: (Case, Manner) throws -> JSONValue?
    ) throws {
        var (departures, stopped, count) = (0, 0, 0)
        for one in try self.all(of: name) {
            count += 1
            let mended = try compute(one, .mended)
            guard let expected = one.output else {
                stopped += 1
                continue
            }
            let original = try compute(one, .original)
            #expect(
                self.isSame(expected, original ?? .null, tolerance),
                "\(one): expected \(expected.line), original's way gave \(original?.line ?? "nothing")")
            let differs = !self.isSame(expected, mended ?? .null, tolerance)
            if differs {
                departures += 1
                #expect(
                    try mayDepart?(one) ?? false,
                    "\(one): no rule allows it; expected \(expected.line), gave \(mended?.line ?? "nothing")")
            }
        }
        print("golden \(name): \(count) cases, \(stopped) where the original stops, \(departures) departures")
    }

    /// Tells whether two values are the same: members in any order, numbers within a tolerance.
    static func isSame(_ expected: JSONValue, _ actual: JSONValue, _ tolerance: Double) -> Bool {
        switch (expected, actual) {
        case (.object(let left), .object(let right)):
            return left.count == right.count
                && left.allSatisfy { member in
                    actual[member.key].map { self.isSame(member.value, $0, tolerance) } ?? false
                }
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { self.isSame($0, $1, tolerance) }
        default:
            if let left = expected.double, let right = actual.double {
                return abs(left - right) <= tolerance * max(1, abs(left))
            }
            return expected == actual
        }
    }
}

extension JSONValue {
    var line: String { String(decoding: self.bytes.prefix(1500), as: UTF8.self) }

    /// A number, or a text that stands for one that JSON has no word for.
    var anyNumber: Double? { self.double ?? self.string.flatMap(PythonText.float) }

    static func number(_ number: Double) -> JSONValue {
        number.isFinite ? .double(number) : .string(PythonText.printed(number))
    }

    func text(_ key: String) throws -> String { try #require(self[key]?.string, "\(key)") }
    func list(_ key: String) throws -> [JSONValue] { try #require(self[key]?.array, "\(key)") }
    func number(_ key: String) throws -> Double { try #require(self[key]?.anyNumber, "\(key)") }
    func whole(_ key: String) throws -> Int { try #require(self[key]?.int, "\(key)") }

    static func members(_ members: [(String, JSONValue?)]) -> JSONValue {
        .object(members.compactMap { key, value in value.map { JSONValue.Member(key, $0) } })
    }

    /// A dialogue's turn of a case; what it lacks is empty.
    func turn() throws -> DialogueTurn {
        let role = try #require(DialogueTurn.Role(rawValue: try self.text("role")))
        return DialogueTurn(
            role, try self.number("time"), self["content"]?.string ?? "",
            labels: self["labels"]?.string.flatMap { TurnLabels($0) }, progress: self["progress"]?.string)
    }

    /// A sequence's turn of a case.
    func sequenceTurn() throws -> SequenceTurn {
        let role = try #require(SequenceTurn.Role(rawValue: try self.text("role")))
        guard role != .frames else {
            return SequenceTurn(frames: try self.whole("start")..<(try self.whole("end")))
        }
        var turn = SequenceTurn(role, try self.text("content"))
        turn.time = self["time"]?.anyNumber
        turn.labels = self["labels"]?.string
        turn.progress = self["progress"]?.string
        return turn
    }
}

extension SequenceTurn {
    var value: JSONValue {
        if self.role == .frames {
            return .members([
                ("role", .string("frames")), ("start", .int(self.frames.lowerBound)),
                ("end", .int(self.frames.upperBound)),
            ])
        }
        return .members([
            ("role", .string(self.role.rawValue)), ("time", self.time.map(JSONValue.number)),
            ("content", .string(self.content)), ("labels", self.labels.map(JSONValue.string)),
            ("progress", self.progress.map(JSONValue.string)),
        ])
    }
}

extension DialogueTurn {
    /// As the cases have it: with labels, empty for users, where they were asked for.
    func value(labelled: Bool, content: Bool = true) -> JSONValue {
        .members([
            ("role", .string(self.role.rawValue)), ("time", .number(self.time)),
            ("content", content ? .string(self.content) : nil),
            ("labels", labelled ? .string(self.labels?.text ?? "") : nil),
            ("progress", self.progress.map(JSONValue.string)),
        ])
    }
}
