/// Figures of a process: the catalogue of its metrics, their text for Prometheus, and their exchange between processes.
enum Telemetry {}
