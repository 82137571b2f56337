// SPDX-License-Identifier: Apache-2.0

internal import Codecs

// The shapes of the files, as Ego4D's annotation schemas give them (EGO4D/docs docs/data/annotations-schemas.md and
// metadata.md), with the fields that the real files have.

extension WorldWriter {
    // MARK: narration.json

    /// `passes` are pass 1 and pass 2; a missing one is left out, as in the real file.
    func writeNarrations(_ video: VideoPlan, _ passes: [NarrationPass?]) {
        var generator = SeededGenerator(seed: plan.options.seed, stream: .narrations, index: video.index)
        // In 64 % of the real entries the time before redaction differs from the time.
        let shift = generator.chance(6_400) ? generator.within(10_000...3_000_000) : 0
        narrations.json.key(text: video.uid)
        narrations.json.beginObject()
        for (place, pass) in passes.enumerated() {
            guard let pass else { continue }
            narrations.json.key(text: "narration_pass_\(place + 1)")
            narrations.json.beginObject()
            narrations.json.key("narrations")
            narrations.json.beginArray()
            for line in pass.lines {
                narrations.json.beginObject()
                narrations.json.field("timestamp_sec", seconds: line.time)
                narrations.json.field("timestamp_frame", Self.frame(line.time))
                narrations.json.field("_unmapped_timestamp_sec", seconds: line.time + shift)
                narrations.json.field("narration_text", line.text)
                narrations.json.field("annotation_uid", pass.annotationUID)
                narrations.json.endObject()
            }
            narrations.json.endArray()
            narrations.json.key("summaries")
            narrations.json.beginArray()
            for summary in pass.summaries {
                narrations.json.beginObject()
                narrations.json.field("start_sec", seconds: summary.start)
                narrations.json.field("end_sec", seconds: summary.end)
                narrations.json.field("summary_text", summary.text)
                narrations.json.field("annotation_uid", pass.annotationUID)
                narrations.json.endObject()
            }
            narrations.json.endArray()
            narrations.json.endObject()
        }
        narrations.json.field("status", "complete")
        narrations.json.endObject()
    }

    // MARK: ego4d.json

    func beginMetadata() {
        metadata.json.beginObject()
        metadata.json.field("date", "000000")
        metadata.json.field("version", "sample")
        metadata.json.field("description", "Metadata of an invented sample world in the format of Ego4D's")
        metadata.json.key("videos")
        metadata.json.beginArray()
    }

    func writeMetadata(_ video: VideoPlan, _ split: NLQSplit) {
        metadata.json.beginObject()
        metadata.json.field("video_uid", video.uid)
        metadata.json.field("duration_sec", seconds: video.duration)
        metadata.json.field("scenarios", strings: [video.scenario.label])
        metadata.json.key("video_metadata")
        metadata.json.beginObject()
        metadata.json.field("fps", seconds: 30_000_000)
        metadata.json.field("num_frames", Self.frame(video.duration))
        metadata.json.field("video_codec", "h264")
        metadata.json.field("display_resolution_width", 1_920)
        metadata.json.field("display_resolution_height", 1_080)
        metadata.json.endObject()
        metadata.json.field("split_em", textOrNull: split.label)
        metadata.json.field("split_av", textOrNull: nil)
        metadata.json.field("split_fho", textOrNull: nil)
        metadata.json.field("video_source", "sample")
        metadata.json.field("device", "none")
        metadata.json.field("is_stereo", false)
        metadata.json.field("has_imu", false)
        metadata.json.field("has_gaze", false)
        metadata.json.field("has_redacted_regions", false)
        metadata.json.field("redacted_intervals", strings: [])
        metadata.json.field("concurrent_sets", strings: [])
        metadata.json.endObject()
    }

    /// The clips stand in a list of their own behind all videos; they are made again here rather than kept.
    func endMetadata() throws(SampleWorldError) {
        metadata.json.endArray()
        metadata.json.key("clips")
        metadata.json.beginArray()
        for index in plan.splits.indices {
            let video = VideoPlan(index: index, seed: plan.options.seed)
            for clip in video.clips {
                metadata.json.beginObject()
                metadata.json.field("clip_uid", clip.uid)
                metadata.json.field("video_uid", video.uid)
                metadata.json.field("video_start_sec", seconds: clip.start)
                metadata.json.field("video_end_sec", seconds: clip.end)
                metadata.json.field("video_start_frame", Self.frame(clip.start))
                metadata.json.field("video_end_frame", Self.frame(clip.end))
                metadata.json.key("clip_metadata")
                metadata.json.beginObject()
                metadata.json.field("fps", seconds: 30_000_000)
                metadata.json.field("num_frames", Self.frame(ClipPlan.length))
                metadata.json.endObject()
                metadata.json.field("s3_path", textOrNull: nil)
                metadata.json.field("manifold_path", textOrNull: nil)
                metadata.json.endObject()
            }
            try metadata.flush()
        }
        metadata.json.endArray()
        metadata.json.field("concurrent_video_sets", strings: [])
        metadata.json.field("physical_settings", strings: [])
        metadata.json.endObject()
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
        case .train: writeQueries(video, split, clips, answers: true, to: train)
        case .val: writeQueries(video, split, clips, answers: true, to: val)
        case .test:
            writeQueries(video, split, clips, answers: false, to: testUnannotated)
            writeQueries(video, split, clips, answers: true, to: test)
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
                    write(query, clip, answers: answers, to: file)
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
            let noun = plan.inventory.noun(of: query.pair).text
            let verb = plan.inventory.verb(of: query.pair).base
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
        let options = plan.options
        let inTrain = options.trainQueriesPerClip.map { " (train \($0))" } ?? ""
        return """
            \(WorldFolder.mark)

            Everything here is invented: videos, people, narrations, queries and features. Nothing was taken from
            Ego4D; only the file formats are its own.

            options   videos \(options.videos), seed \(options.seed), queries per clip \(options.queriesPerClip)\(inTrain), \
            events per clip \(options.eventsPerClip), features \(options.features ? "yes" : "no"), \
            feature noise \(options.featureNoise)
            videos    \(summary.videos): \(summary.trainVideos) train, \(summary.valVideos) val, \
            \(summary.testVideos) test, the rest in no NLQ split; all are narrated
            clips     \(summary.clips) of 480 s, \(summary.events) events in them
            text      \(summary.narrations) narrations; queries: \(summary.queries.train) train, \
            \(summary.queries.val) val, \(summary.queries.test) test
            unseen    \(summary.unseenTestPairs) of the \(summary.testPairs) verb-noun pairs that test queries \
            ask about are in no train query,
                      but narrated in train videos or in videos of no split

            narration.json             narrations of every video, one or two passes
            ego4d.json                 metadata of videos and clips
            nlq_train.json             human queries with answers; the answer is the last such event in the clip
            nlq_val.json               the same for the val split
            nlq_test_unannotated.json  queries of the test split without answers
            nlq_test.json              the same with answers: this world has no leaderboard
            features/<video_uid>.pt    float32 (slots, 256), 30/16 slots a second; only if asked for

            """
    }
}
