// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

extension RejectColumns {
    /// Rejected activities and dialogues: of which video, towards which goal, with which user.
    static let dialogues = RejectColumns(["video", "goal", "user"]) { rejected, _ in
        let activity = rejected["activity"] ?? rejected
        guard let video = activity["video_uid"]?.string,
            rejected["activity"] != nil || activity["knowledge_type"] != nil
        else { return nil }
        return [video, activity["goal"]?.string ?? "", rejected["user_type"]?.string ?? ""]
    }
}
