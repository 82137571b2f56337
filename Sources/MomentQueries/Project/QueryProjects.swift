// SPDX-License-Identifier: Apache-2.0

import TaskRooms

extension ProjectTemplate {
    /// Queries written by a model or by the rules.
    static let queries = ProjectTemplate(
        name: "nlq", abstract: "natural-language queries about moments, written by a model or by rules",
        files: [
            File("nlq.yaml", PackageResources.nlq_yaml),
            File("nlq.test.yaml", PackageResources.nlq_test_yaml),
            File("prompts/nlq.txt", PackageResources.nlq_prompt_txt),
            File("prompts/nlq-small.txt", PackageResources.nlq_small_prompt_txt),
        ] + Self.records, topology: "nlq.yaml", records: "data/narrations.jsonl", set: "nlq",
        ingestArguments: ["--exclude", "data/held-out.txt"])

    /// Narrations as queries.
    static let narrations = ProjectTemplate(
        name: "naq", abstract: "narrations as queries: the baseline, without a model",
        files: [
            File("naq.yaml", PackageResources.naq_yaml), File("naq.test.yaml", PackageResources.naq_test_yaml),
        ] + Self.records, topology: "naq.yaml", records: "data/narrations.jsonl", set: "naq",
        ingestArguments: ["--exclude", "data/held-out.txt"])

    private static let records = [
        File("data/narrations.jsonl", PackageResources.narrations_jsonl),
        File("data/held-out.txt", PackageResources.held_out_txt),
    ]
}
