// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

extension RejectColumns {
    /// Rejected questions, with the narrations that they are about: candidates of an answer, or queries that a judge
    /// has read.
    static let queries = RejectColumns(["query", "narration"]) { rejected, record in
        let candidate = rejected["candidates"]?.array?.first
        guard let query = (candidate ?? rejected)["query"]?.string else { return nil }
        let indices = (candidate?["narration_ids"] ?? rejected["narration_indices"])?.array?.compactMap(\.int) ?? []
        let told = rejected["narrations"]?.array?.compactMap(\.string)
        return [query, told?.joined(separator: " / ") ?? Self.narrations(indices, of: rejected, record)]
    }

    private static func narrations(_ indices: [Int], of rejected: JSONValue, _ record: JSONValue?) -> String {
        let shown = (rejected["block"] ?? record?["block"] ?? record)?["narrations"]?.array ?? []
        let texts = indices.map { index in
            shown.first { $0["index"]?.int == index }?["text"]?.string ?? "narration \(index)"
        }
        return texts.joined(separator: " / ")
    }
}
