// SPDX-License-Identifier: Apache-2.0

import TaskRooms

extension ProjectTemplate {
    /// Dialogues of a proactive assistant, from annotated steps.
    static let dialogues = ProjectTemplate(
        name: "dialogues", abstract: "dialogues between a person and a proactive assistant, from annotated steps",
        files: [
            File("proassist.yaml", PackageResources.proassist_yaml),
            File("proassist.test.yaml", PackageResources.proassist_test_yaml),
            File("prompts/proassist-goal.txt", PackageResources.proassist_goal_txt),
            File("prompts/proassist-merge.txt", PackageResources.proassist_merge_txt),
            File("prompts/proassist-match.txt", PackageResources.proassist_match_txt),
            File("prompts/proassist-tasks.json", PackageResources.proassist_tasks_json),
            File("prompts/proassist-label.txt", PackageResources.proassist_label_txt),
            File("prompts/proassist-converse.txt", PackageResources.proassist_converse_txt),
            File("prompts/proassist-refine.txt", PackageResources.proassist_refine_txt),
            File("prompts/proassist-progress.txt", PackageResources.proassist_progress_txt),
            File("prompts/proassist-progress-turn.txt", PackageResources.proassist_progress_turn_txt),
            File("data/steps.jsonl", PackageResources.steps_jsonl),
            File("data/held-out.txt", PackageResources.held_out_txt),
        ], topology: "proassist.yaml", records: "data/steps.jsonl", set: "dialogues",
        ingestArguments: ["--exclude", "data/held-out.txt"])
}
