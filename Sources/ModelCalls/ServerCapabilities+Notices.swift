// SPDX-License-Identifier: Apache-2.0

import ModelRequests
import ModelServers

extension ServerCapabilities {
    /// Returns the notices that a person should have about a server before it is asked.
    func notices(of name: String, model: String, inFlight: Int) -> [CompletionNotice] {
        let schema =
            switch self.schema {
            case .obeyed: self.form.schema == .whole ? "obeys schemas" : "obeys schemas without bounds"
            case .ignored: "ignores schemas"
            case .refused: "refuses schemas, so it is asked without"
            case .unknown: "schemas not tried out"
            }
        let usage =
            switch self.reportsUsage {
            case true?: "counts tokens"
            case false?: "does not count tokens"
            case nil: "counting of tokens unknown"
            }
        let slots = self.slots.map { "\($0) slots" } ?? "slots unknown"
        var notices: [CompletionNotice] = [
            .info("model server \(name), model \(model): \(schema), \(usage), \(slots), \(inFlight) calls in flight")
        ]
        let changes = self.form.changes(since: RequestForm())
        if !changes.isEmpty { notices.append(.warning(Self.refusal(by: name, of: model, changes))) }
        if self.offers(model) == false {
            let offered = (self.models ?? []).prefix(10).joined(separator: ", ")
            notices.append(.warning("the server \(name) lists no model `\(model)`; it offers: \(offered)"))
        }
        if let slots = self.slots, inFlight > slots {
            notices.append(.info("\(inFlight) calls in flight for \(slots) slots: the rest waits at the server"))
        }
        if let failure = self.failure {
            notices.append(.warning("the server \(name) refused the tiny request of the probe: \(failure)"))
        }
        return notices
    }

    /// Returns the message about a server that refuses something of the requests.
    static func refusal(by name: String, of model: String, _ changes: [String]) -> String {
        "the model server \(name) refuses something of the requests for `\(model)`, so in this run they have "
            + changes.joined(separator: "; ")
    }
}
