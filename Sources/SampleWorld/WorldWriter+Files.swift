// SPDX-License-Identifier: Apache-2.0

// The shapes of the files, as Ego4D's annotation schemas give them (EGO4D/docs docs/data/annotations-schemas.md and
// metadata.md), with the fields that the real files have.

extension WorldWriter {
    // MARK: narration.json

    /// `passes` are pass 1 and pass 2; a missing one is left out, as in the real file.
    func writeNarrations(_ video: VideoPlan, _ passes: [NarrationPass?]) {
        var generator = SeededGenerator(seed: plan.options.seed, stream: .narrations, index: video.index)
        // In 64 % of the real entries the time before redaction differs from the time.
        let shift = generator.chance(6_400) ? generator.within(10_000...3_000_000) : 0
        narrations.key(video.uid)
        narrations.beginObject()
        for (place, pass) in passes.enumerated() {
            guard let pass else { continue }
            narrations.key("narration_pass_\(place + 1)")
            narrations.beginObject()
            narrations.key("narrations")
            narrations.beginArray()
            for line in pass.lines {
                narrations.beginObject()
                narrations.field("timestamp_sec", seconds: line.time)
                narrations.field("timestamp_frame", integer: Self.frame(line.time))
                narrations.field("_unmapped_timestamp_sec", seconds: line.time + shift)
                narrations.field("narration_text", line.text)
                narrations.field("annotation_uid", pass.annotationUID)
                narrations.endObject()
            }
            narrations.endArray()
            narrations.key("summaries")
            narrations.beginArray()
            for summary in pass.summaries {
                narrations.beginObject()
                narrations.field("start_sec", seconds: summary.start)
                narrations.field("end_sec", seconds: summary.end)
                narrations.field("summary_text", summary.text)
                narrations.field("annotation_uid", pass.annotationUID)
                narrations.endObject()
            }
            narrations.endArray()
            narrations.endObject()
        }
        narrations.field("status", "complete")
        narrations.endObject()
    }

    // MARK: ego4d.json

    func beginMetadata() {
        metadata.beginObject()
        metadata.field("date", "000000")
        metadata.field("version", "sample")
        metadata.field("description", "Metadata of an invented sample world in the format of Ego4D's")
        metadata.key("videos")
        metadata.beginArray()
    }

    func writeMetadata(_ video: VideoPlan, _ split: NLQSplit) {
        metadata.beginObject()
        metadata.field("video_uid", video.uid)
        metadata.field("duration_sec", seconds: video.duration)
        metadata.field("scenarios", strings: [video.scenario.label])
        metadata.key("video_metadata")
        metadata.beginObject()
        metadata.field("fps", seconds: 30_000_000)
        metadata.field("num_frames", integer: Self.frame(video.duration))
        metadata.field("video_codec", "h264")
        metadata.field("display_resolution_width", integer: 1_920)
        metadata.field("display_resolution_height", integer: 1_080)
        metadata.endObject()
        metadata.field("split_em", split.label)
        metadata.field("split_av", nil)
        metadata.field("split_fho", nil)
        metadata.field("video_source", "sample")
        metadata.field("device", "none")
        metadata.field("is_stereo", boolean: false)
        metadata.field("has_imu", boolean: false)
        metadata.field("has_gaze", boolean: false)
        metadata.field("has_redacted_regions", boolean: false)
        metadata.field("redacted_intervals", strings: [])
        metadata.field("concurrent_sets", strings: [])
        metadata.endObject()
    }

    /// The clips stand in a list of their own behind all videos; they are made again here rather than kept.
    func endMetadata() throws(SampleWorldError) {
        metadata.endArray()
        metadata.key("clips")
        metadata.beginArray()
        for index in plan.splits.indices {
            let video = VideoPlan(index: index, seed: plan.options.seed)
            for clip in video.clips {
                metadata.beginObject()
                metadata.field("clip_uid", clip.uid)
                metadata.field("video_uid", video.uid)
                metadata.field("video_start_sec", seconds: clip.start)
                metadata.field("video_end_sec", seconds: clip.end)
                metadata.field("video_start_frame", integer: Self.frame(clip.start))
                metadata.field("video_end_frame", integer: Self.frame(clip.end))
                metadata.key("clip_metadata")
                metadata.beginObject()
                metadata.field("fps", seconds: 30_000_000)
                metadata.field("num_frames", integer: Self.frame(ClipPlan.length))
                metadata.endObject()
                metadata.field("s3_path", nil)
                metadata.field("manifold_path", nil)
                metadata.endObject()
            }
            try metadata.flush()
        }
        metadata.endArray()
        metadata.field("concurrent_video_sets", strings: [])
        metadata.field("physical_settings", strings: [])
        metadata.endObject()
    }

    // MARK: nlq_*.json

    func beginQueries(_ file: JSONFile) {
        file.beginObject()
        file.field("version", "sample")
        file.field("date", "000000")
        file.field("description", "Queries of an invented sample world in the format of Ego4D NLQ's")
        file.key("metadata")
        file.beginObject()
        file.endObject()
        file.key("videos")
        file.beginArray()
    }

    func endQueries(_ file: JSONFile) {
        file.endArray()
        file.endObject()
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
        file.beginObject()
        file.field("video_uid", video.uid)
        file.field("split", split.label)
        file.key("clips")
        file.beginArray()
        for (clip, queries) in zip(video.clips, clips) {
            file.beginObject()
            file.field("clip_uid", clip.uid)
            file.field("source_clip_uid", clip.sourceUID)
            file.field("video_start_sec", seconds: clip.start)
            file.field("video_end_sec", seconds: clip.end)
            file.field("video_start_frame", integer: Self.frame(clip.start))
            file.field("video_end_frame", integer: Self.frame(clip.end))
            // An integer in every row of the real val split.
            file.field("clip_start_sec", integer: 0)
            file.field("clip_end_sec", seconds: ClipPlan.length)
            file.field("clip_start_frame", integer: 0)
            file.field("clip_end_frame", integer: Self.frame(ClipPlan.length))
            file.key("annotations")
            file.beginArray()
            for (place, uid) in queries.annotationUIDs.enumerated() {
                file.beginObject()
                file.key("language_queries")
                file.beginArray()
                for query in queries.queries where query.annotation == place {
                    write(query, clip, answers: answers, to: file)
                }
                file.endArray()
                file.field("annotation_uid", uid)
                file.endObject()
            }
            file.endArray()
            file.endObject()
        }
        file.endArray()
        file.endObject()
    }

    private func write(_ query: HumanQuery, _ clip: ClipPlan, answers: Bool, to file: JSONFile) {
        file.beginObject()
        if answers {
            let noun = plan.inventory.noun(of: query.pair).text
            let verb = plan.inventory.verb(of: query.pair).base
            file.field("clip_start_sec", seconds: query.start - clip.start)
            file.field("clip_end_sec", seconds: query.end - clip.start)
            file.field("video_start_sec", seconds: query.start)
            file.field("video_end_sec", seconds: query.end)
            file.field("video_start_frame", integer: Self.frame(query.start))
            file.field("video_end_frame", integer: Self.frame(query.end))
            file.field("template", query.template)
            file.field("query", query.text)
            file.field("slot_x", noun)
            file.field("verb_x", verb)
            file.field("raw_tags", strings: [query.template ?? "", query.text, noun, verb])
        } else {
            file.field("query", query.text)
        }
        file.endObject()
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
