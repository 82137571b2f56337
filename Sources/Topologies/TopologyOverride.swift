// SPDX-License-Identifier: Apache-2.0

import Dataflow

/// A value that takes the place of what a topology file says, or is added to it: `stages.land.to.rotate.seconds=5`.
///
/// The path goes down by keys; in a list by a number, counted from 0, or by the name of the one step that has it. The
/// value is YAML, in which the environment counts as it does in the file.
public struct TopologyOverride: Hashable, Sendable, CustomStringConvertible {
    /// The keys on the way, from the top.
    let path: [String]
    /// The value in YAML.
    let value: String

    /// Reads `path=value`; `nil` for what has no path.
    public init?(parsing text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        self.path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        self.value = String(text[text.index(after: equals)...])
        if self.path.contains("") { return nil }
    }

    /// The override as it is written.
    public var description: String { "\(self.path.joined(separator: "."))=\(self.value)" }

    /// Puts the value into a file's nodes.
    /// - Throws: `TopologyError` where the path leads nowhere, or the value is no YAML.
    func apply(to node: ConfigurationNode, of file: TopologyFile) throws(TopologyError) -> ConfigurationNode {
        let named = TopologyFile(path: "--set \(self.path.joined(separator: "."))", environment: file.environment)
        let value =
            self.value.isEmpty ? ConfigurationNode(.scalar(""), mark: node.mark) : try named.parse(self.value)
        return try self.replacing(node, self.path[...], with: value)
    }

    private func replacing(
        _ node: ConfigurationNode, _ rest: ArraySlice<String>, with value: ConfigurationNode
    ) throws(TopologyError) -> ConfigurationNode {
        guard let key = rest.first else {
            // Diagnostics about it lead to the place that it takes.
            return ConfigurationNode(value.content, mark: node.mark, isQuoted: value.isQuoted)
        }
        var node = node
        switch node.content {
        case .mapping(var members):
            let index = members.firstIndex { $0.key == key }
            let old = index.map { members[$0].value } ?? ConfigurationNode(.scalar(""), mark: node.mark)
            let new = try self.replacing(old, rest.dropFirst(), with: value)
            if let index { members[index].value = new } else { members.append((key, node.mark, new)) }
            node.content = .mapping(members)
        case .scalar(""):
            let new = try self.replacing(node, rest.dropFirst(), with: value)
            node.content = .mapping([(key, node.mark, new)])
        case .sequence(var elements):
            let (index, rest) = try self.place(of: key, in: elements, rest)
            elements[index] = try self.replacing(elements[index], rest, with: value)
            node.content = .sequence(elements)
        case .scalar: throw self.error("there is \(node.kindName), and nothing below it, at `\(self.upTo(rest))`")
        }
        return node
    }

    /// The element of a list that a key means, and the rest of the path from there: a step's name is a key in it.
    private func place(
        of key: String, in elements: [ConfigurationNode], _ rest: ArraySlice<String>
    ) throws(TopologyError) -> (Int, ArraySlice<String>) {
        if let number = Int(key) {
            guard elements.indices.contains(number) else {
                throw self.error("the list at `\(self.upTo(rest))` has \(elements.count) elements, counted from 0")
            }
            return (number, rest.dropFirst())
        }
        let names = elements.map { element in
            if case .mapping(let members) = element.content { members.map(\.key) } else { [String]() }
        }
        let found = names.indices.filter { names[$0].contains(key) }
        guard let index = found.first else {
            throw self.error(
                "no element of the list at `\(self.upTo(rest))` has `\(key)`; "
                    + Spelling.help(for: key, among: Set(names.joined()).sorted()))
        }
        guard found.count == 1 else {
            let numbers = found.map(String.init).joined(separator: " and ")
            throw self.error("`\(key)` is in the elements \(numbers) of the list; name one by its number")
        }
        return (index, rest)
    }

    private func upTo(_ rest: ArraySlice<String>) -> String {
        self.path[..<rest.startIndex].joined(separator: ".")
    }

    private func error(_ message: String) -> TopologyError {
        TopologyError([Diagnostic(file: "--set \(self.path.joined(separator: "."))", mark: nil, message: message)])
    }
}
