// SPDX-License-Identifier: Apache-2.0

import RecordLog
import Shards
import StatusServer
import TaskRooms

/// The parameters of a question of the page; what is wrong with one is said.
struct Question {
    /// A parameter that is none.
    struct Fault: Error {
        var text: String
    }

    private let query: [String: String]

    init(_ request: StatusRequest) { self.query = request.query }

    /// A text; empty is none.
    func text(_ name: String) -> String? { self.query[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// A text that has to be there.
    func needed(_ name: String) throws(Fault) -> String {
        guard let text = self.text(name) else { throw Fault(text: "the parameter `\(name)` is missing") }
        return text
    }

    /// A value that a text stands for, where it is there.
    func value<Value>(_ name: String, _ form: String, _ read: (String) -> Value?) throws(Fault) -> Value? {
        guard let text = self.text(name) else { return nil }
        guard let value = read(text) else { throw Fault(text: "`\(name)` is \(form), not `\(text.cut(to: 80))`") }
        return value
    }

    /// An answer, or the refusal where the question is wrong.
    static func answering(_ body: () throws -> StatusAnswer) throws -> StatusAnswer {
        do {
            return try body()
        } catch let fault as Fault {
            return .refused(status: 400, text: fault.text)
        } catch let failure as ShardError {
            return .refused(status: 503, text: failure.message)
        } catch let failure as LogError {
            return .refused(status: 503, text: failure.message)
        } catch let failure as TaskFailure {
            return .refused(status: 503, text: failure.message)
        }
    }
}
