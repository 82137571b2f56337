/// A small HTTP server that shows a process: its health, its metrics, and a page.
enum StatusServer {}
