// SPDX-License-Identifier: Apache-2.0

import Foundation
import TaskRooms

/// librdkafka's properties as a user may give them: in a file, in the environment, and as options, the later over the
/// earlier.
enum KafkaProperties {
    /// `MILLRACE_KAFKA_SASL_PASSWORD` is `sasl.password`: no property has anything but letters, digits and dots.
    static let environmentPrefix = "MILLRACE_KAFKA_"
    private static let notProperties: Set<String> = ["MILLRACE_KAFKA_CONFIG"]

    /// All properties.
    /// - Throws: `CommandFailure` that names the option, or the file and line, never a value.
    static func gather(
        options: [String], file: String?, environment: [String: String]
    ) throws -> [String: String] {
        var properties = try file.map(Self.read) ?? [:]
        for (name, value) in environment
        where name.hasPrefix(self.environmentPrefix) && !self.notProperties.contains(name) {
            let property = name.dropFirst(self.environmentPrefix.count).lowercased().replacingOccurrences(
                of: "_", with: ".")
            properties[property] = value
        }
        for option in options {
            guard let (name, value) = Self.split(option) else {
                throw CommandFailure(.usage, "--kafka-property wants NAME=VALUE, such as security.protocol=ssl")
            }
            properties[name] = value
        }
        if let named = properties["bootstrap.servers"] ?? properties["metadata.broker.list"], !named.isEmpty {
            throw CommandFailure(.usage, "brokers are named by --log kafka://HOST:PORT, not by a property")
        }
        return properties
    }

    /// A file of `name=value` lines; blank lines and those that begin with `#` are passed over.
    static func read(_ path: String) throws -> [String: String] {
        let bytes = try CommandFailure.reporting { try UserFile.contents(path, of: "--kafka-config") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.usage, "--kafka-config \(path): not UTF-8 text; save it as UTF-8")
        }
        var properties: [String: String] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.trimmingCharacters(in: .whitespaces.union(["\r"]))
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let (name, value) = Self.split(line) else {
                throw CommandFailure(.usage, "\(path):\(index + 1): no NAME=VALUE")
            }
            guard properties.updateValue(value, forKey: name) == nil else {
                throw CommandFailure(.usage, "\(path):\(index + 1): \(name) is there twice")
            }
        }
        return properties
    }

    private static func split(_ text: String) -> (String, String)? {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let name = text[..<equals].trimmingCharacters(in: .whitespaces)
        let value = text[text.index(after: equals)...].trimmingCharacters(in: .whitespaces)
        return name.isEmpty ? nil : (name, value)
    }
}
