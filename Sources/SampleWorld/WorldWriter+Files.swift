// SPDX-License-Identifier: Apache-2.0

import Codecs

// The shapes of the files, as Ego4D's annotation schemas give them (EGO4D/docs docs/data/annotations-schemas.md and
// metadata.md), with the fields that the real files have.

extension WorldWriter {
    // MARK: narration.json

    /// `passes` are pass 1 and pass 2; a missing one is left out, as in the real file.
    func writeNarrations(_ video: VideoPlan, _ passes: [NarrationPass?]) {
        var generator = SeededGenerator(seed: self.plan.options.seed, stream: .narrations, index: video.index)
        // In 64 % of the real entries the time before redaction differs from the time.
        let shift = generator.chance(6_400) ? generator.within(10_000...3_000_000) : 0
        self.narrations.json.key(text: video.uid)
        self.narrations.json.beginObject()
        for (place, pass) in passes.enumerated() {
            guard let pass else { continue }
            self.narrations.json.key(text: "narration_pass_\(place + 1)")
            self.narrations.json.beginObject()
            self.narrations.json.key("narrations")
            self.narrations.json.beginArray()
            for line in pass.lines {
                self.narrations.json.beginObject()
                self.narrations.json.field("timestamp_sec", seconds: line.time)
                self.narrations.json.field("timestamp_frame", Self.frame(line.time))
                self.narrations.json.field("_unmapped_timestamp_sec", seconds: line.time + shift)
                self.narrations.json.field("narration_text", line.text)
                self.narrations.json.field("annotation_uid", pass.annotationUID)
                self.narrations.json.endObject()
            }
            self.narrations.json.endArray()
            self.narrations.json.key("summaries")
            self.narrations.json.beginArray()
            for summary in pass.summaries {
                self.narrations.json.beginObject()
                self.narrations.json.field("start_sec", seconds: summary.start)
                self.narrations.json.field("end_sec", seconds: summary.end)
                self.narrations.json.field("summary_text", summary.text)
                self.narrations.json.field("annotation_uid", pass.annotationUID)
                self.narrations.json.endObject()
            }
            self.narrations.json.endArray()
            self.narrations.json.endObject()
        }
        self.narrations.json.field("status", "complete")
        self.narrations.json.endObject()
    }

    // MARK: ego4d.json

    func beginMetadata() {
        self.metadata.json.beginObject()
        self.metadata.json.field("date", "000000")
        self.metadata.json.field("version", "sample")
        self.metadata.json.field("description", "Metadata of an invented sample world in the format of Ego4D's")
        self.metadata.json.key("videos")
        self.metadata.json.beginArray()
    }

    func writeMetadata(_ video: VideoPlan, _ split: NLQSplit) {
        self.metadata.json.beginObject()
        self.metadata.json.field("video_uid", video.uid)
        self.metadata.json.field("duration_sec", seconds: video.duration)
        self.metadata.json.field("scenarios", strings: [video.scenario.label])
        self.metadata.json.key("video_metadata")
        self.metadata.json.beginObject()
        self.metadata.json.field("fps", seconds: 30_000_000)
        self.metadata.json.field("num_frames", Self.frame(video.duration))
        self.metadata.json.field("video_codec", "h264")
        self.metadata.json.field("display_resolution_width", 1_920)
        self.metadata.json.field("display_resolution_height", 1_080)
        self.metadata.json.endObject()
        self.metadata.json.field("split_em", textOrNull: split.label)
        self.metadata.json.field("split_av", textOrNull: nil)
        self.metadata.json.field("split_fho", textOrNull: nil)
        self.metadata.json.field("video_source", "sample")
        self.metadata.json.field("device", "none")
        self.metadata.json.field("is_stereo", false)
        self.metadata.json.field("has_imu", false)
        self.metadata.json.field("has_gaze", false)
        self.metadata.json.field("has_redacted_regions", false)
        self.metadata.json.field("redacted_intervals", strings: [])
        self.metadata.json.field("concurrent_sets", strings: [])
        self.metadata.json.endObject()
    }

    /// The clips stand in a list of their own behind all videos; they are made again here rather than kept.
    func endMetadata() throws(SampleWorldError) {
        self.metadata.json.endArray()
        self.metadata.json.key("clips")
        self.metadata.json.beginArray()
        for index in self.plan.splits.indices {
            let video = VideoPlan(index: index, seed: self.plan.options.seed)
            for clip in video.clips {
                self.metadata.json.beginObject()
                self.metadata.json.field("clip_uid", clip.uid)
                self.metadata.json.field("video_uid", video.uid)
                self.metadata.json.field("video_start_sec", seconds: clip.start)
                self.metadata.json.field("video_end_sec", seconds: clip.end)
                self.metadata.json.field("video_start_frame", Self.frame(clip.start))
                self.metadata.json.field("video_end_frame", Self.frame(clip.end))
                self.metadata.json.key("clip_metadata")
                self.metadata.json.beginObject()
                self.metadata.json.field("fps", seconds: 30_000_000)
                self.metadata.json.field("num_frames", Self.frame(ClipPlan.length))
                self.metadata.json.endObject()
                self.metadata.json.field("s3_path", textOrNull: nil)
                self.metadata.json.field("manifold_path", textOrNull: nil)
                self.metadata.json.endObject()
            }
            try self.metadata.flush()
        }
        self.metadata.json.endArray()
        self.metadata.json.field("concurrent_video_sets", strings: [])
        self.metadata.json.field("physical_settings", strings: [])
        self.metadata.json.endObject()
    }

    // MARK: nlq_*.json

    func beginQueries(_ file: JSONFile) {
        file.json.beginObject()
        file.json.field("version", "sample")
        file.json.field("date", "000000")
        file.json.field("description", "Queries of an invented sample world in the format of Ego4D NLQ's")
        file.json.key("metadata")
        file.json.beginObject()
        file.json.endObject()
        file.json.key("videos")
        file.json.beginArray()
    }

    func endQueries(_ file: JSONFile) {
        file.json.endArray()
        file.json.endObject()
    }

    /// Appends a video to the file of its split; a test video to the file with answers and to that without.
    func writeQueries(_ video: VideoPlan, _ split: NLQSplit, _ clips: [ClipQueries]) {
        switch split {
        case .none: break
        case .train: self.writeQueries(video, split, clips, answers: true, to: self.train)
        case .val: self.writeQueries(video, split, clips, answers: true, to: self.val)
        case .test:
            self.writeQueries(video, split, clips, answers: false, to: self.testUnannotated)
            self.writeQueries(video, split, clips, answers: true, to: self.test)
        }
    }

    private func writeQueries(
        _ video: VideoPlan, _ split: NLQSplit, _ clips: [ClipQueries], answers: Bool, to file: JSONFile
    ) {
        file.json.beginObject()
        file.json.field("video_uid", video.uid)
        file.json.field("split", textOrNull: split.label)
        file.json.key("clips")
        file.json.beginArray()
        for (clip, queries) in zip(video.clips, clips) {
            file.json.beginObject()
            file.json.field("clip_uid", clip.uid)
            file.json.field("source_clip_uid", clip.sourceUID)
            file.json.field("video_start_sec", seconds: clip.start)
            file.json.field("video_end_sec", seconds: clip.end)
            file.json.field("video_start_frame", Self.frame(clip.start))
            file.json.field("video_end_frame", Self.frame(clip.end))
            // An integer in every row of the real val split.
            file.json.field("clip_start_sec", 0)
            file.json.field("clip_end_sec", seconds: ClipPlan.length)
            file.json.field("clip_start_frame", 0)
            file.json.field("clip_end_frame", Self.frame(ClipPlan.length))
            file.json.key("annotations")
            file.json.beginArray()
            for (place, uid) in queries.annotationUIDs.enumerated() {
                file.json.beginObject()
                file.json.key("language_queries")
                file.json.beginArray()
                for query in queries.queries where query.annotation == place {
                    self.write(query, clip, answers: answers, to: file)
                }
                file.json.endArray()
                file.json.field("annotation_uid", uid)
                file.json.endObject()
            }
            file.json.endArray()
            file.json.endObject()
        }
        file.json.endArray()
        file.json.endObject()
    }

    private func write(_ query: HumanQuery, _ clip: ClipPlan, answers: Bool, to file: JSONFile) {
        file.json.beginObject()
        if answers {
            let noun = self.plan.inventory.noun(of: query.pair).text
            let verb = self.plan.inventory.verb(of: query.pair).base
            file.json.field("clip_start_sec", seconds: query.start - clip.start)
            file.json.field("clip_end_sec", seconds: query.end - clip.start)
            file.json.field("video_start_sec", seconds: query.start)
            file.json.field("video_end_sec", seconds: query.end)
            file.json.field("video_start_frame", Self.frame(query.start))
            file.json.field("video_end_frame", Self.frame(query.end))
            file.json.field("template", textOrNull: query.template)
            file.json.field("query", query.text)
            file.json.field("slot_x", noun)
            file.json.field("verb_x", verb)
            file.json.field("raw_tags", strings: [query.template ?? "", query.text, noun, verb])
        } else {
            file.json.field("query", query.text)
        }
        file.json.endObject()
    }

    /// floor(30 · seconds), as in the real narrations.
    static func frame(_ time: Microseconds) -> Int {
        time * 30 / 1_000_000
    }

    // MARK: README.txt

    func readMe() -> String {
        let options = self.plan.options
        let inTrain = options.trainQueriesPerClip.map { " (train \($0))" } ?? ""
        return """
            \(WorldFolder.mark)

            Everything here is invented: videos, people, narrations, queries and features. Nothing was taken from
            Ego4D; only the file formats are its own.

            options   videos \(options.videos), seed \(options.seed), queries per clip \(options.queriesPerClip)\(inTrain), \
            events per clip \(options.eventsPerClip), features \(options.features ? "yes" : "no"), \
            feature noise \(options.featureNoise)
            videos    \(self.summary.videos): \(self.summary.trainVideos) train, \(self.summary.valVideos) val, \
            \(self.summary.testVideos) test, the rest in no NLQ split; all are narrated
            clips     \(self.summary.clips) of 480 s, \(self.summary.events) events in them
            text      \(self.summary.narrations) narrations; queries: \(self.summary.queries.train) train, \
            \(self.summary.queries.val) val, \(self.summary.queries.test) test
            unseen    \(self.summary.unseenTestPairs) of the \(self.summary.testPairs) verb-noun pairs that test queries \
            ask about are in no train query,
                      but narrated in train videos or in videos of no split

            narration.json             narrations of every video, one or two passes
            ego4d.json                 metadata of videos and clips
            nlq_train.json             human queries with answers; the answer is the last such event in the clip
            nlq_val.json               the same for the val split
            nlq_test_unannotated.json  queries of the test split without answers
            nlq_test.json              the same with answers: this world has no leaderboard
            goalstep_train.json        \(self.summary.steps) steps and their substeps, in Ego4D Goal-Step's format
            goalstep_val.json          the same for the videos of val and test
            holoassist.json            \(self.summary.sessions) first clips as HoloAssist's sessions: talk, and \
            \(self.summary.mistakes) mistakes
            holoassist_train.txt       the sessions of its parts, train and
            holoassist_val.txt         val
            features/<video_uid>.pt    float32 (slots, 256), 30/16 slots a second; only if asked for

            """
    }
}
