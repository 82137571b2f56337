// SPDX-License-Identifier: Apache-2.0

import StatusServer

/// The files that the browser gets. They lie in `Assets`, and the build puts them into the program.
enum PageAssets {
    static let document = [UInt8](PackageResources.page_html)

    /// The other files, by name, with their media types.
    static let files: [(name: String, type: String, bytes: [UInt8])] = [
        ("page.css", "text/css; charset=utf-8", PackageResources.page_css),
        ("icon.svg", "image/svg+xml", PackageResources.icon_svg),
        ("browser.js", Self.script, PackageResources.browser_js),
        ("curve.js", Self.script, PackageResources.curve_js),
        ("dom.js", Self.script, PackageResources.dom_js),
        ("fields.js", Self.script, PackageResources.fields_js),
        ("flow.js", Self.script, PackageResources.flow_js),
        ("format.js", Self.script, PackageResources.format_js),
        ("graph.js", Self.script, PackageResources.graph_js),
        ("letters.js", Self.script, PackageResources.letters_js),
        ("live.js", Self.script, PackageResources.live_js),
        ("page.js", Self.script, PackageResources.page_js),
        ("rejects.js", Self.script, PackageResources.rejects_js),
        ("samples.js", Self.script, PackageResources.samples_js),
        ("sets.js", Self.script, PackageResources.sets_js),
        ("timeline.js", Self.script, PackageResources.timeline_js),
        ("trainers.js", Self.script, PackageResources.trainers_js),
    ]

    private static let script = "text/javascript; charset=utf-8"

    static var routes: [StatusRoute] {
        let page = StatusRoute("/") { _ in .bytes(type: "text/html; charset=utf-8", Self.document) }
        return [page]
            + Self.files.map { file in
                StatusRoute("/assets/\(file.name)") { _ in .bytes(type: file.type, file.bytes) }
            }
    }
}
