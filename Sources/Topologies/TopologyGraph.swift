// SPDX-License-Identifier: Apache-2.0

import Dataflow

/// Draws a topology: topics, stages with their steps, shards, and the way between them.
public struct TopologyGraph {
    private struct Node {
        enum Shape {
            case topic, stage, shards
        }

        var id: String
        var shape: Shape
        var title: String
        var lines: [String] = []
        var column = 0
        var row = 0
    }

    private struct Edge {
        var from: String
        var to: String
        var isSide: Bool
    }

    private var nodes: [Node] = []
    private var edges: [Edge] = []

    /// Lays a topology out, from left to right.
    public init(_ topology: Topology) {
        for stage in topology.stages {
            let source = self.node(.topic, stage.from, column: 0)
            let column = (self.nodes.first { $0.id == source }?.column ?? 0) + 1
            let id = "stage_\(Self.identifier(stage.name))"
            self.nodes.append(
                Node(id: id, shape: .stage, title: stage.name, lines: stage.steps.map(\.name), column: column))
            self.edges.append(Edge(from: source, to: id, isSide: false))
            switch stage.destination {
            case .topic(let topic):
                self.edges.append(Edge(from: id, to: self.node(.topic, topic, column: column + 1), isSide: false))
            case .shards(let shards):
                self.edges.append(
                    Edge(from: id, to: self.node(.shards, shards.name, column: column + 1), isSide: false))
            }
            if let rejects = stage.rejects {
                self.edges.append(Edge(from: id, to: self.node(.topic, rejects, column: column + 1), isSide: true))
            }
        }
        var rows: [Int: Int] = [:]
        for index in self.nodes.indices {
            self.nodes[index].row = rows[self.nodes[index].column, default: 0]
            rows[self.nodes[index].column, default: 0] += 1
        }
    }

    private mutating func node(_ shape: Node.Shape, _ title: String, column: Int) -> String {
        let id = (shape == .shards ? "shards_" : "topic_") + Self.identifier(title)
        if !self.nodes.contains(where: { $0.id == id }) {
            self.nodes.append(Node(id: id, shape: shape, title: title, column: column))
        }
        return id
    }

    private static func identifier(_ name: String) -> String {
        // Names that differ in a dot or a dash only are different things.
        name.unicodeScalars.map { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9": String(scalar)
            case "_": "__"
            default: "_\(String(scalar.value, radix: 16))_"
            }
        }.joined()
    }

    // MARK: Mermaid

    /// The drawing in Mermaid's language, which Markdown viewers show.
    public var mermaid: String {
        var lines = ["flowchart LR"]
        for node in self.nodes {
            switch node.shape {
            case .topic: lines.append("    \(node.id)([\"\(node.title)\"])")
            case .shards: lines.append("    \(node.id)[(\"\(node.title)\")]")
            case .stage:
                let text = (["<b>\(node.title)</b>"] + node.lines).joined(separator: "<br/>")
                lines.append("    \(node.id)[\"\(text)\"]")
            }
        }
        for edge in self.edges { lines.append("    \(edge.from) \(edge.isSide ? "-.->" : "-->") \(edge.to)") }
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: SVG

    private static let columnWidth = 190
    private static let boxWidth = 140
    private static let lineHeight = 17
    private static let gap = 24

    private func height(_ node: Node) -> Int { 34 + node.lines.count * Self.lineHeight }

    private func top(_ node: Node) -> Int {
        let above = self.nodes.filter { $0.column == node.column && $0.row < node.row }
        return 20 + above.reduce(0) { $0 + self.height($1) + Self.gap }
    }

    private func left(_ node: Node) -> Int { 20 + node.column * Self.columnWidth }

    /// The drawing as a picture.
    public var svg: String {
        let width = 20 + ((self.nodes.map(\.column).max() ?? 0) + 1) * Self.columnWidth
        let height = (self.nodes.map { self.top($0) + self.height($0) }.max() ?? 0) + 20
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" "
                + "height=\"\(height)\" font-family=\"sans-serif\" font-size=\"13\">",
            "  <defs><marker id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"3\" orient=\"auto\">"
                + "<path d=\"M0,0 L7,3 L0,6 z\" fill=\"#555\"/></marker></defs>",
            "  <rect width=\"\(width)\" height=\"\(height)\" fill=\"white\"/>",
        ]
        for edge in self.edges { lines.append(self.line(edge)) }
        for node in self.nodes { lines.append(contentsOf: self.box(node)) }
        return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private func line(_ edge: Edge) -> String {
        guard let from = self.nodes.first(where: { $0.id == edge.from }),
            let to = self.nodes.first(where: { $0.id == edge.to })
        else { return "" }
        let start = (self.left(from) + Self.boxWidth, self.top(from) + self.height(from) / 2)
        let end = (self.left(to), self.top(to) + self.height(to) / 2)
        let middle = (start.0 + end.0) / 2
        let dash = edge.isSide ? " stroke-dasharray=\"4 3\"" : ""
        return
            "  <path d=\"M\(start.0),\(start.1) C\(middle),\(start.1) \(middle),\(end.1) \(end.0),\(end.1)\" fill=\"none\" "
            + "stroke=\"#555\"\(dash) marker-end=\"url(#tip)\"/>"
    }

    private func box(_ node: Node) -> [String] {
        let (left, top, height) = (self.left(node), self.top(node), self.height(node))
        let (radius, fill) =
            switch node.shape {
            case .topic: (height / 2, "#eef4fb")
            case .stage: (4, "#fff7e6")
            case .shards: (4, "#eaf6ea")
            }
        let middle = left + Self.boxWidth / 2
        var lines = [
            "  <rect x=\"\(left)\" y=\"\(top)\" width=\"\(Self.boxWidth)\" height=\"\(height)\" rx=\"\(radius)\" "
                + "fill=\"\(fill)\" stroke=\"#555\"/>",
            "  <text x=\"\(middle)\" y=\"\(top + 22)\" text-anchor=\"middle\" font-weight=\"bold\">\(Self.escaped(node.title))</text>",
        ]
        for (index, line) in node.lines.enumerated() {
            let y = top + 22 + (index + 1) * Self.lineHeight
            lines.append("  <text x=\"\(middle)\" y=\"\(y)\" text-anchor=\"middle\">\(Self.escaped(line))</text>")
        }
        return lines
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
