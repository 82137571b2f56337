/// Readings and remedies for an operator: dead letters, rejects, and the removal of sets, topics and groups.
enum Operations {}
