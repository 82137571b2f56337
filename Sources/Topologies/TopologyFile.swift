// SPDX-License-Identifier: Apache-2.0

import Dataflow
import DurableFiles
import Foundation
import Yams

/// Reads YAML into nodes that know their place, with the environment applied.
struct TopologyFile {
    static let bytesMax = 1 << 20
    private static let nodesMax = 20_000
    private static let depthMax = 40
    /// The most bytes of nodes that aliases may stand for.
    private static let expandedMax = 50e6

    let path: String
    let environment: [String: String]

    /// Parses YAML text.
    /// - Throws: `TopologyError` with the place of what is wrong.
    func parse(_ text: String) throws(TopologyError) -> ConfigurationNode {
        try self.checkAliases(of: text)
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw TopologyError([self.diagnostic(for: error)])
        } catch {
            throw TopologyError([Diagnostic(file: self.path, mark: nil, message: "not YAML: \(error)")])
        }
        guard let root else {
            throw TopologyError([Diagnostic(file: self.path, mark: nil, message: "the file is empty")])
        }
        var converter = Converter(file: self)
        let node = converter.convert(root, depth: 0)
        if !converter.problems.isEmpty { throw TopologyError(converter.problems) }
        return node
    }

    /// Refuses a file whose aliases could stand for too much, before it is parsed: the parser compares keys by
    /// content, and a key made of aliases of aliases has exponentially much of it.
    ///
    /// The worst use of `n` aliases, in whatever order, is three a level: the content then triples `n` / 3 times.
    private func checkAliases(of text: String) throws(TopologyError) {
        let aliases = Self.aliases(in: Array(text.utf8))
        guard Double(text.utf8.count) * pow(3, Double(aliases) / 3) > Self.expandedMax, aliases > 0 else { return }
        let message =
            "\(aliases) aliases in a file of \(text.utf8.count) bytes: they may stand for too much; write out what they stand "
            + "for"
        throw TopologyError([Diagnostic(file: self.path, mark: nil, message: message)])
    }

    /// The places where an alias may be: `*` before a name, and behind what ends no word.
    static func aliases(in bytes: [UInt8]) -> Int {
        func isWord(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return bytes.indices.dropLast().count { index in
            bytes[index] == UInt8(ascii: "*") && isWord(bytes[index + 1])
                && (index == 0 || bytes[index - 1] == UInt8(ascii: "-") || !isWord(bytes[index - 1]))
        }
    }

    /// Reads a file that must be text.
    static func text(_ path: String, what: String = "the file") throws(TopologyError) -> String {
        let message: String
        do throws(FileFailure) {
            let input = path == "-" ? try InputFile(path: "/dev/stdin", .stream) : try InputFile(path: path)
            let bytes = try input.contents(bytesMax: self.bytesMax)
            if var text = String(validating: bytes, as: UTF8.self) {
                // A byte-order mark is no part of the text.
                if text.unicodeScalars.first == "\u{feff}" { text.unicodeScalars.removeFirst() }
                return text
            }
            message = "not UTF-8 text"
        } catch {
            message =
                error.code == .tooLarge ? "larger than 1 MiB: not a topology" : "cannot read \(what): \(error.reason)"
        }
        throw TopologyError([Diagnostic(file: path, mark: nil, message: message)])
    }

    private func diagnostic(for error: YamlError) -> Diagnostic {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            let place = SourceMark(line: mark.line, column: mark.column)
            return Diagnostic(file: self.path, mark: place, message: "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let place = SourceMark(line: context.mark.line, column: context.mark.column)
            let keys = duplicates.map { "`\($0)`" }.sorted().joined(separator: ", ")
            return Diagnostic(file: self.path, mark: place, message: "key given twice: \(keys)")
        default:
            return Diagnostic(file: self.path, mark: nil, message: "not YAML: \(error)")
        }
    }

    /// Walks Yams' nodes within bounds, so that aliases of aliases cannot take the machine down.
    private struct Converter {
        let file: TopologyFile
        var problems: [Diagnostic] = []
        var count = 0

        mutating func convert(_ node: Node, depth: Int) -> ConfigurationNode {
            let mark = Self.mark(node)
            self.count += 1
            guard depth < TopologyFile.depthMax, self.count < TopologyFile.nodesMax else {
                if self.problems.isEmpty { self.report(mark, "the file is nested too deep or too large") }
                return ConfigurationNode(.scalar(""), mark: mark)
            }
            switch node {
            case .scalar(let scalar):
                let isNull = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
                let text = isNull ? "" : self.expand(scalar.string, mark)
                return ConfigurationNode(.scalar(text), mark: mark, isQuoted: scalar.style != .plain)
            case .sequence(let sequence):
                return ConfigurationNode(.sequence(sequence.map { self.convert($0, depth: depth + 1) }), mark: mark)
            case .mapping(let mapping):
                let members = mapping.map { key, value in
                    (key: key.string ?? "", mark: Self.mark(key), value: self.convert(value, depth: depth + 1))
                }
                return ConfigurationNode(.mapping(members), mark: mark)
            case .alias:
                self.report(mark, "an alias without its anchor")
                return ConfigurationNode(.scalar(""), mark: mark)
            }
        }

        private mutating func expand(_ text: String, _ mark: SourceMark) -> String {
            switch EnvironmentText.expand(text, environment: self.file.environment) {
            case .success(let expanded): return expanded
            case .failure(let problem):
                self.report(mark, problem.message)
                return ""
            }
        }

        private mutating func report(_ mark: SourceMark, _ message: String) {
            self.problems.append(Diagnostic(file: self.file.path, mark: mark, message: message))
        }

        private static func mark(_ node: Node) -> SourceMark {
            SourceMark(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        }
    }
}

/// Text with `${NAME}` and `${NAME:-default}` in it; `$$` is a dollar sign.
enum EnvironmentText {
    struct Problem: Error {
        let message: String
    }

    static func expand(_ text: String, environment: [String: String]) -> Result<String, Problem> {
        guard text.contains("$") else { return .success(text) }
        var expanded = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            expanded += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                expanded += "$"
                rest = rest.dropFirst()
                continue
            }
            guard rest.first == "{", let close = rest.firstIndex(of: "}") else {
                return .failure(
                    Problem(message: "`$` starts `${NAME}` or `${NAME:-default}`; write `$$` for a dollar sign"))
            }
            let inside = rest[rest.index(after: rest.startIndex)..<close]
            rest = rest[rest.index(after: close)...]
            let parts = inside.split(separator: ":-", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts.first ?? "")
            if let value = environment[name], !(value.isEmpty && parts.count > 1) {
                expanded += value
            } else if parts.count > 1 {
                expanded += parts[1]
            } else {
                return .failure(
                    Problem(message: "the environment variable `\(name)` is not set, and has no default here"))
            }
        }
        return .success(expanded + rest)
    }
}
