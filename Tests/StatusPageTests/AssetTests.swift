// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import StatusPage

@Suite("Assets of the page") struct AssetTests {
    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `every file that the page or a script names is served`() {
        let served = Set(PageAssets.files.map(\.name))
        var named: Set<String> = []
        for part in Self.text(PageAssets.document).split(separator: "\"assets/").dropFirst() {
            named.insert(String(part.prefix { $0 != "\"" }))
        }
        for file in PageAssets.files where file.name.hasSuffix(".js") {
            for part in Self.text(file.bytes).split(separator: "from \"./").dropFirst() {
                named.insert(String(part.prefix { $0 != "\"" }))
            }
        }
        #expect(named.count > 10)
        #expect(named.subtracting(served).isEmpty)
        #expect(served.subtracting(named).isEmpty, "a file that nothing asks for")
    }

    @Test func `no script can make markup or code of a text, and none asks another place`() {
        let forbidden = [
            "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc",
            "DOMParser", "createContextualFragment", "setTimeout(\"", "javascript:", "http://", "https://",
            "importScripts",
        ]
        for file in PageAssets.files where file.name.hasSuffix(".js") || file.name.hasSuffix(".css") {
            let text = Self.text(file.bytes).replacing("http://www.w3.org/2000/svg", with: "")
            for word in forbidden { #expect(!text.contains(word), "\(file.name) has \(word)") }
        }
        let page = Self.text(PageAssets.document)
        #expect(!page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick"))
        #expect(page.contains("require-trusted-types-for 'script'"))
    }
}
