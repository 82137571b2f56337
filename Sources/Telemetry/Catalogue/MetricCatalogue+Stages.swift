// SPDX-License-Identifier: Apache-2.0

extension MetricDefinition {
    private static let stage = ["topology", "stage"]
    private static let task = ["topology", "stage", "partition"]
    private static let reason = ["topology", "stage", "reason"]

    /// Records taken.
    public static let stageRecordsIn = MetricDefinition(
        "millrace_stage_records_in_total", .counter, in: "records", by: Self.stage, "Input records committed.")
    /// Records given.
    public static let stageRecordsOut = MetricDefinition(
        "millrace_stage_records_out_total", .counter, in: "records", by: Self.stage,
        "Output records committed, rejects and dead letters not among them.")
    /// Bytes read.
    public static let stageBytesIn = MetricDefinition(
        "millrace_stage_bytes_in_total", .counter, in: "bytes", by: Self.stage, "Keys and values read from the log.")
    /// Bytes given.
    public static let stageBytesOut = MetricDefinition(
        "millrace_stage_bytes_out_total", .counter, in: "bytes", by: Self.stage,
        "Keys and values given to topics, or to shards before compression.")
    /// Commits.
    public static let stageCommits = MetricDefinition(
        "millrace_stage_commits_total", .counter, in: "commits", by: Self.stage, "Transactions committed.")
    /// The time a commit takes.
    public static let stageCommitSeconds = MetricDefinition(
        "millrace_stage_commit_seconds", .histogram, in: "seconds", by: Self.stage,
        bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
        "Time that a commit took, with what is made durable before it.")
    /// The age of a commit's oldest record.
    public static let stageLatencySeconds = MetricDefinition(
        "millrace_stage_latency_seconds", .histogram, in: "seconds", by: Self.stage,
        bounds: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200],
        "Age of the oldest record of each commit: from its append to the topic that the stage reads until its output is "
            + "committed.")
    /// Records that a step rejected.
    public static let stageRejects = MetricDefinition(
        "millrace_stage_rejects_total", .counter, in: "records", by: Self.reason, "Rejected values, by reason.")
    /// Records that a step left out.
    public static let stageDrops = MetricDefinition(
        "millrace_stage_drops_total", .counter, in: "records", by: Self.reason,
        "Counts of the steps, by `step.reason`: what filters and guards left out, and what else they note; rejects, dead "
            + "letters and model calls have metrics of their own.")
    /// Dead letters.
    public static let stageDeadLetters = MetricDefinition(
        "millrace_stage_dead_letters_total", .counter, in: "records", by: Self.reason, "Dead letters, by reason.")
    /// Partitions given to this process.
    public static let stageTasks = MetricDefinition(
        "millrace_stage_tasks", .gauge, in: "tasks", by: Self.stage, "Partitions that this process has been given.")
    /// Partitions in work.
    public static let stageTasksOpen = MetricDefinition(
        "millrace_stage_tasks_open", .gauge, in: "tasks", by: Self.stage,
        "Partitions whose task is open; fewer than were given where tasks start anew.")
    /// Tasks that wait for the log.
    public static let stageTasksStalled = MetricDefinition(
        "millrace_stage_tasks_stalled", .gauge, in: "tasks", by: Self.stage,
        "Tasks whose last read, commit or opening the log did not take, and who try again.")
    /// Tasks that another owner has fenced.
    public static let stageTasksFenced = MetricDefinition(
        "millrace_stage_tasks_fenced", .gauge, in: "tasks", by: Self.stage,
        "Tasks that another owner has fenced, and whose partition the group has not taken away yet.")
    /// Records that wait for answers.
    public static let stageInFlight = MetricDefinition(
        "millrace_stage_in_flight", .gauge, in: "records", by: Self.stage, "Records that wait for answers.")
    /// Groups that have not ended.
    public static let stageOpenGroups = MetricDefinition(
        "millrace_stage_open_groups", .gauge, in: "groups", by: Self.stage,
        "Videos or other groups that steps gather and whose end has not come.")
    /// The size of the state.
    public static let stageStateBytes = MetricDefinition(
        "millrace_stage_state_bytes", .gauge, in: "bytes", by: Self.task,
        "Keys and values of the state that is committed with the offsets.")
    /// Lag in offsets.
    public static let stageLagOffsets = MetricDefinition(
        "millrace_stage_lag_offsets", .gauge, in: "offsets", by: Self.task,
        "Offsets between what is committed and the end of the input; offsets have gaps. By the partition's owner.")
    /// Lag in seconds.
    public static let stageLagSeconds = MetricDefinition(
        "millrace_stage_lag_seconds", .gauge, in: "seconds", by: Self.task,
        "Age of the oldest record that is not committed; 0 where there is none. By the partition's owner.")
    /// The time that a stage may be behind.
    public static let stageRotateSeconds = MetricDefinition(
        "millrace_stage_rotate_seconds", .gauge, in: "seconds", by: Self.stage,
        "Seconds after which the clock closes a shard of the stage, which commits by shards: so far it is behind as it "
            + "should be; 0 where it writes a topic or no clock closes its shards.")
    /// The time of the last commit.
    public static let stageLastCommit = MetricDefinition(
        "millrace_stage_last_commit_timestamp_seconds", .gauge, in: "seconds", by: Self.task,
        "Time of the partition's last commit, since 1970.")
    /// Records taken since ever.
    public static let stageEverIn = MetricDefinition(
        "millrace_stage_records_in", .gauge, in: "records", by: Self.task,
        "Input records since the stage's first commit, over all processes. By the partition's owner.")
    /// Records given since ever.
    public static let stageEverOut = MetricDefinition(
        "millrace_stage_records_out", .gauge, in: "records", by: Self.task,
        "Output records since the stage's first commit, over all processes. By the partition's owner.")
    /// Rejects since ever.
    public static let stageEverRejects = MetricDefinition(
        "millrace_stage_rejects", .gauge, in: "records", by: Self.task,
        "Rejected values since the stage's first commit, over all processes. By the partition's owner.")
    /// Dead letters since ever.
    public static let stageEverDeadLetters = MetricDefinition(
        "millrace_stage_dead_letters", .gauge, in: "records", by: Self.task,
        "Dead letters since the stage's first commit, over all processes. By the partition's owner.")

    /// Tasks that were opened anew.
    public static let taskRestarts = MetricDefinition(
        "millrace_task_restarts_total", .counter, in: "restarts", by: Self.reason,
        "Tasks that started anew from their last commit: `fenced` where another owner came, else the kind of the log's "
            + "error.")
    /// Errors of the log.
    public static let logErrors = MetricDefinition(
        "millrace_log_errors_total", .counter, in: "errors", by: ["operation", "code"],
        "Refused reads, commits, openings and polls of groups, by kind: `unavailable` where the broker is away or busy, "
            + "`fenced`, `storage-full`, `failed` and so on.")
    /// Refused logins.
    public static let loginsRefused = MetricDefinition(
        "millrace_log_logins_refused_total", .counter, in: "refusals", by: ["reason"],
        "Connections to brokers that were refused for the `login` or the `certificate`.")
    /// Connections lost.
    public static let connectionErrors = MetricDefinition(
        "millrace_log_connection_errors_total", .counter, in: "errors",
        "Connections to brokers that could not be made or broke.")
}

extension MetricCatalogue {
    static let stages: [MetricDefinition] = [
        .stageRecordsIn, .stageRecordsOut, .stageBytesIn, .stageBytesOut, .stageCommits, .stageCommitSeconds,
        .stageLatencySeconds, .stageRejects, .stageDrops, .stageDeadLetters, .stageTasks, .stageTasksOpen,
        .stageTasksStalled, .stageTasksFenced, .stageInFlight, .stageOpenGroups, .stageStateBytes, .stageLagOffsets,
        .stageLagSeconds, .stageRotateSeconds, .stageLastCommit, .stageEverIn, .stageEverOut, .stageEverRejects,
        .stageEverDeadLetters, .taskRestarts,
    ]

    static let log: [MetricDefinition] = [.logErrors, .loginsRefused, .connectionErrors]
}
