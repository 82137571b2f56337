// SPDX-License-Identifier: Apache-2.0

extension MetricDefinition {
    // Names that Prometheus's own clients have, without our prefix: dashboards know them.
    static let processStart = MetricDefinition(
        "process_start_time_seconds", .gauge, in: "seconds", "Start of the process, since 1970.")
    static let processCPU = MetricDefinition(
        "process_cpu_seconds_total", .counter, in: "seconds", "Processor time used, user and system.")
    static let processMemory = MetricDefinition(
        "process_resident_memory_bytes", .gauge, in: "bytes", "Memory held in RAM.")
    static let processVirtualMemory = MetricDefinition(
        "process_virtual_memory_bytes", .gauge, in: "bytes", "Address space taken.")
    static let processDescriptors = MetricDefinition(
        "process_open_fds", .gauge, in: "descriptors", "Open file descriptors.")
    static let processDescriptorsMax = MetricDefinition(
        "process_max_fds", .gauge, in: "descriptors", "File descriptors that may be open.")
    static let processThreads = MetricDefinition("process_threads", .gauge, in: "threads", "Threads.")

    /// Always 1; its labels say which process it is.
    public static let processInfo = MetricDefinition(
        "millrace_process_info", .gauge, in: "–", by: ["role", "name"],
        "Always 1: the command that the process runs, and of which topology, set or topic.")
    /// Liveness.
    public static let processLive = MetricDefinition(
        "millrace_process_live", .gauge, in: "0 or 1", "Whether the control loop moves, as `/live` says.")
    /// Readiness.
    public static let processReady = MetricDefinition(
        "millrace_process_ready", .gauge, in: "0 or 1", "Whether it is assigned and committing, as `/ready` says.")
    /// The age of the control loop's last beat.
    public static let processBeatAge = MetricDefinition(
        "millrace_process_beat_age_seconds", .gauge, in: "seconds", "Time since the control loop last went round.")
    /// Tells whether it has been asked to end.
    public static let processStopping = MetricDefinition(
        "millrace_process_stopping", .gauge, in: "0 or 1", "Whether it has been asked to end.")
    /// Room left where the home is.
    public static let homeFree = MetricDefinition(
        "millrace_home_free_bytes", .gauge, in: "bytes",
        "Room left on the file system of the home: log, shards and kept answers.")
    /// The size of the file system that holds the home.
    public static let homeSize = MetricDefinition(
        "millrace_home_size_bytes", .gauge, in: "bytes", "Size of the file system of the home.")
    /// Failures of the disk.
    public static let storageErrors = MetricDefinition(
        "millrace_storage_errors_total", .counter, in: "errors", by: ["reason"],
        "Failed writes to files: `full` where the disk or the quota is full, else `failed`.")
    /// Series beyond the bound of a metric.
    public static let seriesRefused = MetricDefinition(
        "millrace_metrics_series_refused_total", .counter, in: "series", by: ["metric"],
        "Combinations of labels beyond the bound of a metric, which were counted under `other`.")
    /// The age of a process's figures.
    public static let figuresAge = MetricDefinition(
        "millrace_figures_age_seconds", .gauge, in: "seconds",
        "Time since the process last published its figures, as `millrace serve` sees it.")
    /// Publications of these figures that failed.
    public static let publicationErrors = MetricDefinition(
        "millrace_figures_errors_total", .counter, in: "errors",
        "Times that the process could not publish its own figures.")
}

extension MetricCatalogue {
    static let process: [MetricDefinition] = [
        .processInfo, .processStart, .processCPU, .processMemory, .processVirtualMemory, .processDescriptors,
        .processDescriptorsMax, .processThreads, .processLive, .processReady, .processBeatAge, .processStopping,
        .homeFree, .homeSize, .storageErrors, .seriesRefused, .publicationErrors, .figuresAge,
    ]
}
