// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import DurableFiles
import Foundation
import StatusServer

/// Options of the status server, for all commands that can have one.
struct HTTPArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Show health, metrics and the status page there while this runs, such as 127.0.0.1:8090; port 0 takes a free one "
                + "and says which. Any other address than the machine's own needs a token.", valueName: "host:port"))
    var http: String?

    @Option(
        help: ArgumentHelp(
            "A file with the token that clients have to show, 16 characters or more (or MILLRACE_HTTP_TOKEN, which holds the "
                + "token itself).", valueName: "file"))
    var httpTokenFile: String?

    @Option(
        help: ArgumentHelp(
            "A name by which the server is reached beside its address, as behind a proxy; repeatable.",
            valueName: "name"))
    var httpHost: [String] = []

    func validate() throws {
        if let http, ListenAddress(parsing: http) == nil {
            throw ValidationError("--http wants HOST:PORT, such as 127.0.0.1:8090 or [::1]:8090, not `\(http)`.")
        }
    }

    /// The options of the server that is wanted, the token read.
    /// - Parameter fallback: the address where none is given; `nil` for no server.
    func options(fallback: String? = nil) throws -> StatusService.Options? {
        guard let text = self.http ?? fallback else {
            guard self.httpTokenFile == nil, self.httpHost.isEmpty else {
                throw CommandFailure(
                    .usage, "--http-token-file and --http-host need a server: add --http 127.0.0.1:8090")
            }
            return nil
        }
        guard let address = ListenAddress(parsing: text) else {
            throw CommandFailure(.usage, "--http wants HOST:PORT, such as 127.0.0.1:8090, not `\(text)`")
        }
        let token = try self.token()
        if token == nil, !address.isLoopback {
            throw CommandFailure(
                .usage,
                "--http \(text) can be reached from other machines, so clients have to show a token: give --http-token-file "
                    + "FILE, or MILLRACE_HTTP_TOKEN; or listen at 127.0.0.1:\(address.port)")
        }
        return StatusService.Options(address: address, token: token, names: self.httpHost)
    }

    private func token() throws -> AccessToken? {
        let place: String
        let text: String
        if let file = self.httpTokenFile {
            place = "--http-token-file \(file)"
            do throws(FileFailure) {
                text = String(decoding: try InputFile.contents(file, bytesMax: 4096), as: UTF8.self)
            } catch {
                throw CommandFailure(.usage, "--http-token-file: \(error.message)")
            }
        } else if let variable = ProcessInfo.processInfo.environment["MILLRACE_HTTP_TOKEN"] {
            place = "MILLRACE_HTTP_TOKEN"
            text = variable
        } else {
            return nil
        }
        // The text is not repeated: it is a secret, or was meant to be one.
        guard let token = AccessToken(text) else {
            throw CommandFailure(
                .usage,
                "\(place) holds no token: write \(AccessToken.minLength) to \(AccessToken.maxLength) visible characters, such as "
                    + "`openssl rand -hex 32` prints")
        }
        return token
    }
}
