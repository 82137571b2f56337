// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// The options that all adapters share.
public struct SourceOptions: Hashable, Sendable {
    /// The files of exclusion lists: NLQ annotation files, or text with one video id a line.
    public var exclusions: [String]
    /// The table of the videos that were joined to groups: `goalstep_video_groups.tsv`.
    public var groups: String?
    /// The folder that holds the videos' features.
    public var features: String?
    /// The length of the clips of a video without clips, in seconds; 0 for the whole video.
    public var clipSeconds: Double

    /// Creates options.
    public init(
        exclusions: [String] = [], groups: String? = nil, features: String? = nil, clipSeconds: Double = 480
    ) {
        self.exclusions = exclusions
        self.groups = groups
        self.features = features
        self.clipSeconds = clipSeconds
    }
}

/// The context of the annotations: splits, features, and the way to cut clips.
struct VideoContext: Sendable {
    let exclusions: ExclusionList?
    let groups: VideoGroups?
    let features: FeatureFolder?
    let plan: ClipPlan

    /// Reads the files that the options name.
    init(_ options: SourceOptions) throws(SourceError) {
        guard let plan = ClipPlan(seconds: options.clipSeconds) else {
            throw SourceError(
                file: "--clip-seconds",
                "\(options.clipSeconds) is no clip length: give 0 for the whole video, or at least 1 s")
        }
        self.plan = plan
        if let groups = options.groups {
            self.groups = try VideoGroups(path: groups)
        } else {
            self.groups = nil
        }
        self.exclusions =
            options.exclusions.isEmpty ? nil : try ExclusionList(paths: options.exclusions, groups: self.groups)
        if let features = options.features {
            self.features = try FeatureFolder(path: features)
        } else {
            self.features = nil
        }
    }

    var notes: [String] {
        (self.exclusions?.notes ?? []) + (self.features?.notes ?? [])
    }

    var exclusionLists: [SourceList] { self.exclusions?.files ?? [] }

    /// Completes a video and pass: sorts, plans clips where there are none, adds splits and features.
    ///
    /// - Parameter video: what the source says of the video.
    func item(_ video: Video, _ group: consuming NarrationGroup, at place: SourcePlace) -> NarrationItem {
        var video = video
        group.sort()
        let listed = self.guardVideo(&video, &group)
        if let features = self.features { video.hasFeatures = features.contains(video) }
        if video.clips.isEmpty {
            let duration = video.durationSec ?? group.latestSec
            guard
                let clips = self.plan.clips(source: video.source, videoUID: video.videoUID, duration: duration)
            else {
                let message =
                    "\(place): video \(video.videoUID): clips of \(self.plan.seconds) s would be more than "
                    + "\(SourceLimits.clipsMax): give a larger --clip-seconds, or 0 for the whole video"
                return .problem(
                    SourceProblem(
                        reason: SourceReason.tooManyClips, message: message, key: video.videoUID, raw: Bytes()))
            }
            video.clips = clips
        }
        if let duration = video.durationSec {
            group.count("after-the-end", group.narrations.count { $0.timestampSec > duration })
        }
        return .group(
            VideoNarrations(
                video: video, narrations: group.narrations, problems: group.problems, counts: group.counts,
                listed: listed))
    }

    /// Says in which splits a video is: in those that the lists say, and in those that its record said before.
    ///
    /// A group is in all splits of its members. Where one of them is not known, the group's splits are not either.
    /// - Returns: the entries of the lists that name it.
    private func guardVideo(_ video: inout Video, _ group: inout NarrationGroup) -> [SourceList.Entry] {
        guard let exclusions else { return [] }
        let name = RecordingName.canonical(video.videoUID)
        var names = [name] + video.clips.map { RecordingName.canonical($0.clipUID) }
        var isComplete = true
        if let first = RecordingName.firstOfGroup(name) {
            let members = self.groups?.members(ofGroupNamedAfter: first)
            isComplete = members != nil
            names += members ?? [first]
        }
        let match = exclusions.match(names)
        let splits = Set(match.splits + (video.splits ?? []) + (video.knownSplits ?? [])).sorted()
        if isComplete {
            video.splits = splits
            video.knownSplits = nil
        } else {
            video.splits = nil
            video.knownSplits = splits.isEmpty ? nil : splits
            group.count(SourceCount.unknownMembers)
        }
        return match.entries
    }

    /// A duration as the source gives it: `nil` and a count where it is none.
    static func duration(_ seconds: Double?, _ group: inout NarrationGroup) -> Double? {
        guard let seconds, seconds > 0, seconds <= SourceLimits.secondsMax else {
            group.count("without-duration")
            return nil
        }
        return seconds
    }
}

/// Reasons by which adapters count what is no problem, where others need to know them.
public enum SourceCount {
    /// Groups of joined videos whose members are not known, so that no exclusion list guards them.
    public static let unknownMembers = "groups-of-unknown-members"
}

/// The videos and clips that have features: a folder that is listed once. A group of joined videos has its own file.
struct FeatureFolder: Sendable {
    private let uids: Set<String>
    let notes: [String]

    /// The endings of a feature file's name behind the video's id.
    static let endings = [".pt", ".npy", ".safetensors"]

    /// Lists a folder.
    init(path: String) throws(SourceError) {
        var uids: Set<String> = []
        for name in try FileReader.names(inFolder: path) {
            guard let ending = Self.endings.first(where: { name.hasSuffix($0) }) else { continue }
            uids.insert(String(name.dropLast(ending.count)))
        }
        self.uids = uids
        self.notes =
            uids.isEmpty
            ? ["\(path) holds no feature file (\(Self.endings.joined(separator: ", "))), so no video has features"] : []
    }

    /// Tells whether there is a file of the video, or of one of the clips its source gives it: a trainer reads both.
    func contains(_ video: Video) -> Bool {
        self.uids.contains(video.videoUID) || video.clips.contains { self.uids.contains($0.clipUID) }
    }
}
