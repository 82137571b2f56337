// SPDX-License-Identifier: Apache-2.0

/// Lists of the objects in the middle of a picture: EgoObjects.
struct ObjectLists {
    /// A picture with the objects that were marked in it.
    struct Picture {
        var id: String
        var width: Int
        var height: Int
        var objects: [Object]
    }

    /// An object: its box, its size in pixels and its name.
    struct Object {
        var left: Double
        var top: Double
        var width: Double
        var height: Double
        var area: Double
        var name: String
    }

    /// A picture and its list.
    struct Listed: Hashable {
        var id: String
        var text: String
    }

    /// Files of pictures with their lists.
    var files: [[Listed]] = []
    /// Pictures of which no object lies in the middle.
    var withoutObjects = 0

    /// Lists pictures and puts them in files.
    ///
    /// The original writes the last file at the last picture, and only if that one has objects; otherwise the last file
    /// is written at the end.
    init(_ pictures: [Picture], perFile: Int, _ manner: Manner) {
        var file: [Listed] = []
        for (index, picture) in pictures.enumerated() {
            guard let text = Self.text(of: picture) else {
                self.withoutObjects += 1
                continue
            }
            file.append(Listed(id: picture.id, text: text))
            if file.count >= max(1, perFile) || manner == .original && index == pictures.count - 1 {
                self.files.append(file)
                file = []
            }
        }
        if manner == .mended, !file.isEmpty { self.files.append(file) }
    }

    /// The list of a picture, `glass, 2 forks`: the objects that touch the central square, by area, the largest first,
    /// and of more than one the number; `nil` where there is none.
    static func text(of picture: Picture) -> String? {
        let isUpright = picture.height > picture.width
        let (long, short) = isUpright ? (picture.height, picture.width) : (picture.width, picture.height)
        // Halves are rounded down.
        let middle = Double((long - short) >> 1)...Double(max((long + short) >> 1, (long - short) >> 1))
        let whole = 0...Double(max(short, 0))
        let (across, down) = isUpright ? (whole, middle) : (middle, whole)
        var names: [String] = []
        var counts: [String: Int] = [:]
        let objects = picture.objects.enumerated().sorted { left, right in
            left.element.area == right.element.area
                ? left.offset < right.offset : left.element.area > right.element.area
        }.map(\.element)
        for object in objects {
            guard object.left + object.width >= across.lowerBound, object.left <= across.upperBound,
                object.top + object.height >= down.lowerBound, object.top <= down.upperBound
            else { continue }
            if counts[object.name] == nil { names.append(object.name) }
            counts[object.name, default: 0] += 1
        }
        guard !names.isEmpty else { return nil }
        return names.map { name in
            guard let count = counts[name], count > 1 else { return name }
            return "\(count) \(name)\(name.hasSuffix("s") ? "" : "s")"
        }.joined(separator: ", ")
    }
}
