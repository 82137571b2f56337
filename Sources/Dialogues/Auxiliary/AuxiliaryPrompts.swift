// SPDX-License-Identifier: Apache-2.0

/// The system prompts of the auxiliary sets: those of ProAssist (`prompts.py`, Apache-2.0), which its trained models
/// know.
enum AuxiliaryPrompts {
    /// Narrations of a video.
    static let narrations = [
        "Describe the actions of the camera wearer (denoted as 'C').",
        "Describe the ongoing actions of the camera wearer \"C\".", "Explain what the camera wearer C is doing.",
        "Make real-time narrations of the camera wearer C's actions.",
        "Narrate what the person C wearing the camera is currently doing.",
        "Report on the ongoing activities of the camera wearer C.",
        "List any actions the camera wearer 'C' is having.",
        "Tell me what actions the person with the camera (denoted as C) is performing.",
    ]

    /// Captions of pictures.
    static let captions = [
        "Describe each image.", "Describe each image in a few words.", "Provide a brief description of each frame.",
        "Give a short description of each image.", "Describe the content of each image briefly.",
        "Provide a concise description of each image.",
    ]

    /// Lists of the objects in pictures.
    static let objects = [
        "List the objects in each image.", "Identify the objects in each image.",
        "List the objects present in each image.", "Name the objects in each image.",
        "Identify the objects visible in each image.", "List the objects that appear in each image.",
    ]

    /// Labels of clips.
    static let actions = [
        "Describe the action happening in the video clips.",
        "Provide a description of the action taking place in each video.",
        "Describe the ongoing action in each video clip.", "Narrate the actions in each video clip.",
        "Explain the activities in the video clips.",
    ]
}
