// SPDX-License-Identifier: Apache-2.0

extension MetricDefinition {
    private static let set = ["set"]

    /// Shards that are open.
    public static let shardsOpen = MetricDefinition(
        "millrace_shards_open", .gauge, in: "shards", by: Self.set,
        "Shards being written by this process: samples that no commit covers yet.")
    /// The age of the oldest open shard.
    public static let shardsOpenAge = MetricDefinition(
        "millrace_shards_open_age_seconds", .gauge, in: "seconds", by: Self.set,
        "Age of the oldest open shard; 0 where none is open.")
    /// Shards published.
    public static let shardsPublished = MetricDefinition(
        "millrace_shards_published_total", .counter, in: "shards", by: ["set", "reason"],
        "Shards committed, by the reason why they were closed: `samples`, `bytes`, `seconds`, `idle`, `replay`.")
    /// The time a shard was open.
    public static let shardsRotationSeconds = MetricDefinition(
        "millrace_shards_rotation_seconds", .histogram, in: "seconds", by: Self.set,
        bounds: [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600], "Time that committed shards were open.")
    /// The time of the last publication.
    public static let shardsLastPublished = MetricDefinition(
        "millrace_shards_last_published_timestamp_seconds", .gauge, in: "seconds", by: Self.set,
        "Time of the last shard that this process committed, since 1970.")

    /// Groups ingested.
    public static let ingestGroups = MetricDefinition(
        "millrace_ingest_groups_total", .counter, in: "groups", by: ["topic", "result"],
        "Videos or other groups, each a transaction: `new`, `unchanged`, `replaced`, `refused`.")
    /// Records ingested.
    public static let ingestRecords = MetricDefinition(
        "millrace_ingest_records_total", .counter, in: "records", by: ["topic"], "Records committed to the topic.")
    /// Dead letters of an ingest.
    public static let ingestDeadLetters = MetricDefinition(
        "millrace_ingest_dead_letters_total", .counter, in: "records", by: ["topic"],
        "Dead letters of the files that were read.")
}

extension MetricCatalogue {
    static let shards: [MetricDefinition] = [
        .shardsOpen, .shardsOpenAge, .shardsPublished, .shardsRotationSeconds, .shardsLastPublished,
    ]
    static let ingest: [MetricDefinition] = [.ingestGroups, .ingestRecords, .ingestDeadLetters]
}
