// SPDX-License-Identifier: Apache-2.0

// One import brings what a small extension names.
@_exported public import Codecs
import Commands
@_exported public import Dataflow
@_exported public import Records
@_exported public import TaskRooms
@_exported public import VideoAnnotations

/// A program with all of Millrace's commands that knows parts of its own beside: operators, adapters, whole tasks.
///
/// ```swift
/// import MillraceKit
///
/// @main struct Program: MillraceMain {
///     static let rooms = [TaskRoom("Mine", operators: { $0.register(MyOperator.self) })]
/// }
/// ```
public protocol MillraceMain {
    /// The rooms beside Millrace's own.
    static var rooms: [TaskRoom] { get }
}

extension MillraceMain {
    /// Parses the arguments, runs, turns every error into a message and a stable exit code, and exits.
    public static func main() { Program.main(adding: Self.rooms) }
}
