// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A process that comes back from publishing a shard late, so that it can be stopped or killed between a rename and its
/// commit: by a library that is preloaded, for the program itself has no such switch.
enum SlowRename {
    /// Variables for the environment of a process whose shards' renames are to take so long.
    static func by(milliseconds: Int) throws -> [String: String] {
        ["LD_PRELOAD": try self.library.get(), "SLOW_RENAME_MS": String(milliseconds)]
    }

    /// The path of the library, built once for all tests.
    private static let library = Result {
        let folder = try TestFolder(untilExit: true)
        let library = folder.file("slow_rename.so").path
        let source = MillraceProcess.packageFolder
            .appendingPathComponent("Tests/MillraceTests/SlowRename/slow_rename.c").path
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["clang", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source]
        try compiler.run()
        compiler.waitUntilExit()
        guard compiler.terminationStatus == 0 else {
            throw ProcessFailure(description: "`clang` cannot build \(source): exit code \(compiler.terminationStatus)")
        }
        return library
    }
}
