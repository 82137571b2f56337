// SPDX-License-Identifier: Apache-2.0

import Codecs
import HostileServers
import ModelRequests
import ModelServers
import Records
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A request that says one thing.
func request(_ prompt: String, schema: String? = nil) throws -> ChatRequest {
    try ChatRequest(
        model: "m-1", messages: [ChatMessage(role: .user, content: prompt)], schema: schema, temperature: 0,
        maxTokens: 64)
}

extension ChatRequest {
    /// The bytes to send of a request that shows no image.
    func body(_ form: RequestForm = RequestForm()) -> Bytes {
        self.body(form) { (_: MessageImage) throws(Never) in preconditionFailure("it shows no image") }
    }
}

/// A model server over a hostile one, whose waits run fast; checked for leaks when it ends.
///
/// - Parameter speed: how much faster than the machine's its clock runs.
func withServer(
    _ script: @escaping HostileServer.Script, inFlightMax: Int = 8, speed: Double = 50,
    configure: (inout ClientConfiguration) -> Void = { _ in },
    settings: (inout ModelServer.Settings) -> Void = { _ in },
    _ body: (ModelServer, HostileServer, Notices) async throws -> Void
) async throws {
    let hostile = try await HostileServer(script)
    var configuration = try ClientConfiguration(url: hostile.url, environment: [:])
    configuration.inFlightMax = inFlightMax
    configuration.firstByteTimeoutSeconds = 20
    configuration.totalTimeoutSeconds = 20
    configure(&configuration)
    let notices = Notices()
    var patience = ModelServer.Settings(inFlightMax: inFlightMax)
    settings(&patience)
    let server = ModelServer(
        client: try ChatClient(configuration), settings: patience, clock: .system(speed: speed),
        onNotice: { notices.add($0) })
    do {
        try await body(server, hostile, notices)
        let end = server.statistics
        #expect(end.inFlight == 0)
        #expect(end.waiting == 0)
        #expect(end.asking == 0)
    } catch {
        Issue.record(error)
    }
    await server.shutdown()
    await hostile.stop()
}

/// The notices a server's user was given.
final class Notices: Sendable {
    private let list = Mutex<[ServerNotice]>([])
    func add(_ notice: ServerNotice) { self.list.withLock { $0.append(notice) } }
    var all: [ServerNotice] { self.list.withLock { $0 } }
    var outages: Int { self.all.filter { if case .waiting = $0 { true } else { false } }.count }
    var recoveries: Int { self.all.count - self.outages }
}

extension ModelServer {
    /// Asks many at a time, all at once, and returns the results in order.
    func askAll(_ prompts: [String]) async throws -> [Result<ChatAnswer, ChatFailure>] {
        try await withThrowingTaskGroup(of: (Int, Result<ChatAnswer, ChatFailure>).self) { group in
            for (index, prompt) in prompts.enumerated() {
                let request = try request(prompt)
                group.addTask { (index, await self.result(request)) }
            }
            var results = [Result<ChatAnswer, ChatFailure>](repeating: .failure(.cancelled), count: prompts.count)
            for try await (index, result) in group { results[index] = result }
            return results
        }
    }

    /// Asks, and gives a failure as a value.
    func result(_ request: ChatRequest) async -> Result<ChatAnswer, ChatFailure> {
        do throws(ChatFailure) { return .success(try await self.ask(request)) } catch { return .failure(error) }
    }
}

extension Result<ChatAnswer, ChatFailure> {
    /// The text, or the failure's label in brackets.
    var word: String {
        switch self {
        case .success(let answer): answer.text
        case .failure(let failure): "[\(failure.label)]"
        }
    }
}

/// Waits until a condition holds; a test that waits in vain is ended by its own time limit.
func until(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(2)) }
}

/// Appends figures to the file that `MILLRACE_FIGURES` names: they depend on the machine, so no test asserts them.
enum Figures {
    static func text(_ variable: String) -> String? { getenv(variable).map { String(cString: $0) } }

    static func number(_ variable: String) -> Int? { getenv(variable).flatMap { Int(String(cString: $0)) } }

    static func processorSeconds() -> Double {
        let usage = self.usage()
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    static func residentMegabytes() -> Int { self.usage().ru_maxrss / 1024 }

    private static func usage() -> rusage {
        var usage = rusage()
        getrusage(0, &usage)  // RUSAGE_SELF, which is imported as another type
        return usage
    }

    static func record(_ line: String) {
        guard let name = getenv("MILLRACE_FIGURES"), let file = fopen(name, "a") else { return }
        fputs(line + "\n", file)
        fclose(file)
    }
}
