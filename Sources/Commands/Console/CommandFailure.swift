// SPDX-License-Identifier: Apache-2.0

import ActionForecasting
import Dataflow
import Engine
import FrameGeneration
import MomentLocalization
import NeuralNetworks
import RecordLog
import SampleWorld
import Shards
import TaskRooms
import Threads
import Topologies
import Training
import VideoAnnotations

/// A command's failure as the user sees it.
struct CommandFailure: Error {
    /// The exit codes, as documented. A signal's is `Interrupts.exitCode`.
    enum Code: Int32 {
        /// Something failed on the way.
        case failed = 1
        /// The command, the topology or the configuration is wrong, or names what does not exist; nothing was done.
        case usage = 2
    }

    let code: Code
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Runs a command's work and sorts its errors.
    static func reporting<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as TopologyError {
            throw CommandFailure(.usage, error.description)
        } catch let error as EngineError {
            throw CommandFailure(error.code == .unfit ? .usage : .failed, error.message)
        } catch let error as LogError {
            let isUsage = error.code == .versionTooNew || error.code == .topicConflict
            throw CommandFailure(isUsage ? .usage : .failed, error.message)
        } catch let error as SinkError {
            throw CommandFailure(.failed, error.message)
        } catch let error as ShardError {
            throw CommandFailure(error.code == .invalidOption ? .usage : .failed, error.message)
        } catch let error as SourceError {
            throw CommandFailure(error.isMissing ? .usage : .failed, error.description)
        } catch let error as TaskFailure {
            throw CommandFailure(error.code == .usage ? .usage : .failed, error.message)
        } catch let error as SampleWorldError {
            throw CommandFailure(error.code == .inputOutput ? .failed : .usage, error.description)
        } catch let error as TrainingError {
            throw CommandFailure(error.code == .usage ? .usage : .failed, error.message)
        } catch let error as TensorFileError {
            throw CommandFailure(error.code == .missing ? .usage : .failed, error.message)
        } catch let error as AnnotationError {
            throw CommandFailure(.failed, error.message)
        } catch let error as EvaluationError {
            throw CommandFailure(.failed, error.message)
        } catch let error as ForecastError {
            throw CommandFailure(.failed, error.description)
        } catch let error as GenerationError {
            throw CommandFailure(.failed, error.description)
        } catch let error as ModelError {
            throw CommandFailure(.failed, error.description)
        } catch let error as ThreadError {
            throw CommandFailure(.failed, error.message)
        }
    }
}
