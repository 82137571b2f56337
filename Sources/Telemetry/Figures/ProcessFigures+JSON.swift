// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

extension ProcessFigures {
    /// The most bytes of figures that are read.
    public static let bytesMax = 4 << 20
    private static let version = 1

    /// The figures as JSON.
    public var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        self.writeFields(to: &json)
        json.list("metrics", self.metrics) { $0.write(to: &$1) }
        json.endObject()
        return json.bytes
    }

    /// Writes all but the metrics as fields of an open object.
    public func writeFields(to json: inout JSONWriter) {
        json.field("version", Self.version)
        json.key("process")
        json.beginObject()
        json.field("instance", self.identity.instance)
        json.field("role", self.identity.role)
        json.field("name", self.identity.name)
        json.field("host", self.identity.host)
        json.field("pid", self.identity.pid)
        json.field("start", Int(self.identity.start))
        json.endObject()
        json.field("at", Int(self.at))
        json.key("health")
        self.health.write(to: &json)
        if let graph {
            json.key("graph")
            graph.write(to: &json)
        }
        json.list("stages", self.stages) { $0.write(to: &$1) }
        json.list("waits", self.waits) { $0.write(to: &$1) }
        json.list("sets", self.sets) { $0.write(to: &$1) }
        json.list("models", self.models) { $0.write(to: &$1) }
        json.list("trainers", self.trainers) { $0.write(to: &$1) }
    }

    /// Reads figures that another process has written: within bounds, and so that an older or newer form shows what it
    /// shares with this one.
    /// - Throws: why it is no such thing.
    public init(parsing bytes: Bytes) throws(JSONError) {
        guard bytes.count <= Self.bytesMax else {
            throw JSONError("more than \(Self.bytesMax) bytes", offset: Self.bytesMax)
        }
        let value = try JSONValue(parsing: bytes)
        guard let reader = FigureReader(value), let process = reader.object("process"), let at = reader.time("at")
        else {
            throw JSONError("no figures of a process", offset: 0)
        }
        guard (1...Self.version).contains(reader.count("version")) else {
            throw JSONError("figures of version \(reader.count("version")), of a newer program", offset: 0)
        }
        guard let instance = process.optionalText("instance"), InstanceName.isValid(instance) else {
            throw JSONError("no name of an instance", offset: 0)
        }
        self.init(
            Identity(
                instance: instance, role: process.text("role"), name: process.text("name"), host: process.text("host"),
                pid: process.count("pid"), start: process.time("start") ?? 0),
            at: at, health: HealthReport(reader.object("health")))
        self.graph = reader.object("graph").map(TopologyGraph.init)
        self.stages = reader.list("stages") { StageFigures($0) }
        self.waits = reader.list("waits") { WaitFigures($0) }
        self.sets = reader.list("sets") { SetFigures($0) }
        self.models = reader.list("models") { ModelFigures($0) }
        self.trainers = reader.list("trainers") { TrainerFigures($0) }
        self.metrics = reader.list("metrics", max: MetricRegistry.familiesMax) { MetricFamily($0) }
    }
}

/// The random name of a process's life, which files and records are named after.
public enum InstanceName {
    /// A new name: 16 hexadecimal digits.
    public static func make() -> String {
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Tells whether a text may be one.
    static func isValid(_ name: String) -> Bool {
        name.utf8.count == 16
            && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

extension HealthReport {
    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("live", self.isLive)
        json.field("ready", self.isReady)
        json.field("stopping", self.isStopping)
        json.field("reason", self.reason)
        json.field("beat_age", self.beatAge)
        json.endObject()
    }

    init(_ reader: FigureReader?) {
        self.init()
        guard let reader else { return }
        self.isLive = reader.flag("live")
        self.isReady = reader.flag("ready")
        self.isStopping = reader.flag("stopping")
        self.reason = reader.text("reason")
        self.beatAge = reader.number("beat_age")
    }
}

extension TopologyGraph {
    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("name", self.name)
        json.field("partitions", self.partitions)
        json.field("dead_letters", self.deadLetters)
        json.list("stages", self.stages) { node, json in
            json.field("name", node.name)
            json.key("steps")
            json.beginArray()
            for step in node.steps { json.value(step) }
            json.endArray()
            json.field("from", node.from)
            json.optional("topic", node.topic)
            json.optional("set", node.set)
            json.optional("rejects", node.rejects)
        }
        json.endObject()
    }

    init(_ reader: FigureReader) {
        self.init(
            name: reader.text("name"), partitions: reader.count("partitions"), deadLetters: reader.text("dead_letters"),
            stages: reader.list("stages") { node in
                Node(
                    name: node.text("name"), steps: node.texts("steps"), from: node.text("from"),
                    topic: node.optionalText("topic"), set: node.optionalText("set"),
                    rejects: node.optionalText("rejects"))
            })
    }
}
