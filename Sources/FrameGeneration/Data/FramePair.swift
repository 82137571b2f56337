// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records
public import Training

/// A frame before an action and one in its course, with words about it.
public struct FramePair: TrainingSample, Hashable {
    /// The clip and the action within it, as the file names them.
    public var clip: String, action: String
    /// The files of the two frames, relative to the set's folder.
    public var input: String, target: String
    /// The words: the enriched description where there is one, or else the label.
    public var text: String

    /// Describes a pair.
    public init(clip: String, action: String, input: String, target: String, text: String) {
        self.clip = clip
        self.action = action
        self.input = input
        self.target = target
        self.text = text
    }

    /// `clip/action`
    public var id: String { "\(self.clip)/\(self.action)" }

    /// Reads LEGO's form: an object of clips, each an object of actions, each with `image_0`, `image_1`, `action` and,
    /// once it is enriched, `llava_forecast_finetune`. Pairs come in the file's order.
    /// - Throws: `GenerationError` where a field is missing, or a path leads out of the folder.
    public static func list(_ bytes: Bytes, path: String) throws -> [FramePair] {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw GenerationError("\(path) is no JSON: \(error)")
        }
        guard case .object(let clips) = json else {
            throw GenerationError("\(path) is no object of clips; name a file such as ego4d_train.json")
        }
        var pairs: [FramePair] = [], known: Set<String> = []
        for clip in clips {
            guard case .object(let actions) = clip.value else {
                throw GenerationError("\(path): the clip \(clip.key.debugDescription) is no object of actions")
            }
            for action in actions {
                let pair = try Self.pair(clip.key, action, path)
                guard known.insert(pair.id).inserted else {
                    throw GenerationError("\(path): the action \(pair.id.debugDescription) is there twice; keep one")
                }
                pairs.append(pair)
            }
        }
        return pairs
    }

    private static func pair(_ clip: String, _ action: JSONValue.Member, _ path: String) throws -> FramePair {
        func text(_ key: String) throws -> String {
            guard let text = action.value[key]?.string else {
                throw GenerationError(
                    "\(path): \(clip.debugDescription), action \(action.key.debugDescription) has no text \"\(key)\"")
            }
            return text
        }
        let pair = FramePair(
            clip: clip, action: action.key, input: try text("image_0"), target: try text("image_1"),
            text: try action.value["llava_forecast_finetune"]?.string ?? Self.words(text("action")))
        for part in [pair.clip, pair.action, pair.input, pair.target] where !Self.staysInside(part) {
            throw GenerationError(
                "\(path): \(part.debugDescription) leads out of the folder, or is none; give relative paths")
        }
        return pair
    }

    /// A label without the mark of who acts, by which Ego4D's begin.
    private static func words(_ label: String) -> String {
        let mark = "#C C "
        return label.hasPrefix(mark) ? String(label.dropFirst(mark.count)) : label
    }

    /// Tells whether a path has parts alone that lie below where it begins.
    private static func staysInside(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return !path.utf8.contains(0) && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }
}
