// SPDX-License-Identifier: Apache-2.0

import Codecs
import Conversations
import Dataflow
import ModelRequests
import Records

/// Finds an activity's goal, and the description of its task that the assistant knows: `goal`.
struct GoalStep: ConversationStep {
    /// The way in which they are found.
    enum Method: String, Choice {
        /// By the data set: `keywords` for WTaG; `match` where there are `tasks` for it; else `draft`.
        case automatic
        /// Drafts of a model, merged by a model.
        case draft
        /// Votes of a model for one of the `tasks`.
        case match
        /// A word in the steps, for WTaG.
        case keywords
    }

    static let method = Field(
        "method", default: Method.automatic,
        help: """
            `draft` has a model write drafts and merge them, `match` has it vote for one of `tasks`, `keywords` finds WTaG's \
            task by a word in the steps; `automatic` does what ProAssist does for the data set. Rules take the goal as the \
            source has it.
            """)
    static let draftPrompt = Field<FileReference?>(
        "draft", default: nil, help: "The prompt of a draft, a text file beside the topology; it shows `{{steps}}`.")
    static let mergePrompt = Field<FileReference?>(
        "merge", default: nil,
        help: "The prompt that merges drafts, a text file beside the topology; it shows `{{drafts}}`.")
    static let matchPrompt = Field<FileReference?>(
        "match", default: nil, help: "The prompt of a vote, a text file beside the topology; it shows `{{steps}}`.")
    static let tasks = Field<FileReference?>(
        "tasks", default: nil,
        help: """
            The tasks to vote for, a JSON file beside the topology: `[{"name": …, "steps": ["…"]}]`, each with the `dataset` \
            that it is for, if not for all.
            """)

    static let specification = OperatorSpecification(
        name: "goal", summary: "Finds an activity's goal and the description of its task.",
        fields: [
            Speaker.field, Self.method, Self.draftPrompt, Self.mergePrompt, Self.matchPrompt, Self.tasks, Manner.field,
        ] + Speaker.modelFields + [ModelOptions.samples] + ModelEndpoint.fields,
        warnings: { $0[Speaker.field] == .openai ? ModelOptions.warnings($0) : [] })

    static let withoutServer = Speaker.withoutServer

    private let asking: GoalConversation.Asking?
    private let method: Method
    private let tasks: [KnownTask]
    private let stage: String

    init(_ configuration: Configuration, _ context: OperatorContext) throws(ConfigurationError) {
        self.stage = context.stage
        self.method = configuration[Self.method]
        self.tasks =
            try configuration[Self.tasks].map { file throws(ConfigurationError) in
                try KnownTask.list(file, field: Self.tasks.name)
            } ?? []
        guard configuration[Speaker.field] == .openai else {
            self.asking = nil
            return
        }
        self.asking = try GoalConversation.Asking(configuration, self.tasks)
        if self.method == .match, self.tasks.isEmpty {
            throw ConfigurationError("`match` needs them", field: Self.tasks.name)
        }
    }

    var asksModel: Bool { self.asking != nil && self.method != .keywords }

    private func method(for activity: Activity, _ tasks: [KnownTask]) -> Method {
        guard self.method == .automatic else { return self.method }
        return activity.dataset == "wtag" ? .keywords : tasks.isEmpty ? .draft : .match
    }

    func conversation(about activity: Activity) -> GoalConversation {
        let tasks = self.tasks.filter { $0.dataset == nil || $0.dataset == activity.dataset }
        let method = self.method(for: activity, tasks)
        if method == .keywords {
            let name = KnownTask.wtagGoal(of: activity.stepDescriptions)
            let task =
                tasks.first { $0.name == name } ?? KnownTask(name: name, steps: RuleSpeaker.steps(of: activity))
            return GoalConversation(about: activity, found: task)
        }
        guard let asking = self.asking else {
            let name = activity.goal.map(PythonText.stripped) ?? ""
            let task = KnownTask(
                name: name.isEmpty ? "Do what the steps say" : name, steps: RuleSpeaker.steps(of: activity))
            return GoalConversation(about: activity, found: task)
        }
        return GoalConversation(
            about: activity, asking, votes: method == .match && !tasks.isEmpty ? tasks : nil, self.stage)
    }
}

extension KnownTask {
    private static let tasksMax = 10_000

    /// Reads a list of tasks.
    static func list(_ file: FileReference, field: String) throws(ConfigurationError) -> [KnownTask] {
        func error(_ message: String) -> ConfigurationError {
            ConfigurationError("\(file.path): \(message)", field: field)
        }
        guard let list = (try? JSONValue(parsing: file.content.utf8))?.array, list.count <= Self.tasksMax else {
            throw error("it is no JSON list of at most \(Self.tasksMax) tasks")
        }
        var tasks: [KnownTask] = []
        for (index, value) in list.enumerated() {
            let text = value["knowledge"]?.string
            guard let name = value["name"]?.string, !name.isEmpty, text != nil || value["steps"]?.array != nil else {
                throw error("task \(index) wants `name`, and `steps` or `knowledge`")
            }
            tasks.append(
                KnownTask(
                    name: name, steps: value["steps"]?.array?.compactMap(\.string) ?? [],
                    domain: value["domain"]?.string ?? "", dataset: value["dataset"]?.string, text: text))
        }
        return tasks
    }
}
