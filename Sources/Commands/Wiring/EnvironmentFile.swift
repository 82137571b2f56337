// SPDX-License-Identifier: Apache-2.0

import DurableFiles
import Foundation

/// Variables for the environment in a file: `NAME=VALUE` a line, as Docker and systemd have them.
enum EnvironmentFile {
    static let bytesMax = 1 << 20

    /// Sets the variables that are not set yet: what the caller's environment says counts. Before any thread is
    /// started.
    static func apply(_ path: String) throws {
        let bytes: [UInt8]
        do throws(FileFailure) {
            bytes = try InputFile(path: path, .stream).contents(bytesMax: self.bytesMax)
        } catch {
            throw CommandFailure(.usage, "--env-file: \(error.message)")
        }
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw CommandFailure(.usage, "--env-file: \(path) is no UTF-8 text; write NAME=VALUE, one a line")
        }
        let variables = Dictionary(try self.parse(text, file: path)) { $1 }
        for (name, value) in variables { setenv(name, value, 0) }
    }

    /// Reads the lines of a file, as name and value; of two with one name the later counts. A value may be in quotes,
    /// and is otherwise taken as it is; `#` begins a comment line.
    static func parse(_ text: String, file: String) throws -> [(String, String)] {
        var variables: [(String, String)] = []
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (number, line) in lines.enumerated() {
            var line = line.trimmingPrefix(/\s+/)
            if line.isEmpty || line.hasPrefix("#") { continue }
            line = line.trimmingPrefix(/export\s+/)
            guard let match = line.wholeMatch(of: /([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*/) else {
                // The line may hold a secret, and is not repeated.
                throw CommandFailure(.usage, "--env-file: \(file):\(number + 1): write NAME=VALUE")
            }
            variables.append((String(match.1), Self.unquoted(match.2)))
        }
        return variables
    }

    private static func unquoted(_ value: Substring) -> String {
        for quote in ["\"", "'"] where value.count > 1 && value.hasPrefix(quote) && value.hasSuffix(quote) {
            return String(value.dropFirst().dropLast())
        }
        return String(value)
    }
}
