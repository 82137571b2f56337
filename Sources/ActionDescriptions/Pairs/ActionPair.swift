// SPDX-License-Identifier: Apache-2.0

public import Codecs

/// Two frames of a video, and the action between them.
public struct ActionPair: Hashable, Sendable {
    /// The clip, a part of paths.
    public var clipID: String
    /// The action within its clip, a part of paths.
    public var actionID: String
    /// The action's label, as annotated.
    public var action: String
    /// The frame before the action, relative to its split's folder.
    public var inputFrame: String
    /// The frame of the action, likewise.
    public var targetFrame: String
    /// A description in more words, where there is one.
    public var description: String?
}

/// The files of pairs that LEGO publishes, such as `ego4d_val.json`: clips, and in each its actions, in an order
/// that counts.
public enum PairFile {
    /// The key of the descriptions in more words.
    public static let descriptionKey = "llava_forecast_finetune"

    /// Reads the pairs in the file's order.
    /// - Throws: `JSONError`, also where a clip, or an action of a clip, occurs twice.
    public static func pairs(_ bytes: some Sequence<UInt8>) throws(JSONError) -> [ActionPair] {
        try JSONScanner.scan(bytes) { json throws(JSONError) in
            var pairs: [ActionPair] = [], clips: Set<String> = []
            try json.beginObject()
            while let clip = try json.nextKey()?.text {
                guard clips.insert(clip).inserted else {
                    throw JSONError("the clip \(clip) occurs twice", offset: json.offset)
                }
                var actions: Set<String> = []
                try json.beginObject()
                while let action = try json.nextKey()?.text {
                    guard actions.insert(action).inserted else {
                        throw JSONError("the action \(action) of the clip \(clip) occurs twice", offset: json.offset)
                    }
                    pairs.append(try Self.pair(&json, clip, action))
                }
            }
            return pairs
        }
    }

    private static func pair(
        _ json: inout JSONScanner, _ clip: String, _ action: String
    ) throws(JSONError) -> ActionPair {
        var input: String?, target: String?, label: String?, description: String?
        try json.beginObject()
        while let key = try json.nextKey() {
            if key == "image_0" {
                input = try json.string()
            } else if key == "image_1" {
                target = try json.string()
            } else if key == "action" {
                label = try json.string()
            } else if key == "llava_forecast_finetune" {
                description = try json.stringOrNull()
            } else {
                _ = try json.skip()
            }
        }
        guard let input, let target, let label else {
            let missing = input == nil ? "image_0" : target == nil ? "image_1" : "action"
            throw JSONError("the action \(action) of the clip \(clip) has no `\(missing)`", offset: json.offset)
        }
        return ActionPair(
            clipID: clip, actionID: action, action: label, inputFrame: input, targetFrame: target,
            description: description)
    }
}
