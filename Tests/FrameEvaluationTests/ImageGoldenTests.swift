// SPDX-License-Identifier: Apache-2.0

import FrameGolden
import NeuralNetworks
import Pictures
import Testing

/// Pillow's resizing, byte by byte, and the scaling behind it.
@Suite struct ImageGoldenTests {
    @Test(arguments: try FrameGolden.cases("image"))
    func image(_ name: String) throws {
        let file = try SafetensorsFile(path: FrameGolden.tensors(name))
        let shape = try #require(file.entry("input.rgb")?.shape)
        let picture = Picture(width: shape[1], height: shape[0], bytes: try file.bytes("input.rgb"))
        for tensor in file.names where tensor.hasPrefix("eval.") {
            let parts = tensor.split(separator: "."), shape = try #require(file.entry(tensor)?.shape)
            let isBytes = parts[1] == "lanczos"
            let (height, width) = isBytes ? (shape[0], shape[1]) : (shape[1], shape[2])
            let resized = picture.resized(width: width, height: height, .lanczos)
            if isBytes {
                #expect(resized.bytes == (try file.bytes(tensor)), "\(name) \(tensor)")
                continue
            }
            var planes = PixelPlanes(resized, means: [0.5, 0.5, 0.5], deviations: [0.5, 0.5, 0.5])
            switch parts[1] {
            case "scaled": break
            case "flipped": planes = planes.mirrored
            default: Issue.record("\(tensor) is not checked")
            }
            for (ours, theirs) in zip(planes.values, try file.floats(tensor)) {
                #expect(abs(ours - theirs) <= 1e-6, "\(name) \(tensor)")
            }
        }
    }
}
