/// The documents and assets of the status page.
enum StatusPage {}
