# SPDX-License-Identifier: Apache-2.0
"""The rules of `naq.yaml` that all programs of `ops/bench/narrations` share, so that their counts are equal.

A tag means unsure where its word begins with "unsure", or is at most two edits from it (and, behind blanks, none of the
ordinary words that are as near); summary where it begins with "summary" or is one edit from it; and a text is blank
that is nothing but white space or `#C` or `#O` alone. This is `NarrationTag` in regular expressions of the kind that
RE2 and Rust know, too.
"""

import json
import re

ALPHA = 4.9
MINIMUM_SECONDS = 1.0
CLIP_SECONDS = 480.0
TAIL_SECONDS = 60.0

# English words that two edits lead to "unsure".
ORDINARY = (
    "assure ensue ensure ensured ensures injure insure insured insurer insures inure sure undue unsafe unsee unsung untune"
).split()


def within(word, edits):
    """Patterns of all words within some edits of one; a class stands for any letter."""
    patterns = {word}
    letters = {word: re.findall(r"\[a-z\]|.", word)}
    for _ in range(edits):
        for pattern in list(patterns):
            parts = letters[pattern]
            for place in range(len(parts) + 1):
                nearer = [parts[:place] + ["[a-z]"] + parts[place:]]
                if place < len(parts):
                    nearer += [parts[:place] + parts[place + 1 :], parts[:place] + ["[a-z]"] + parts[place + 1 :]]
                for one in nearer:
                    text = "".join(one)
                    patterns.add(text)
                    letters[text] = one
    return "|".join(sorted(patterns))


END = r"(?:[^A-Za-z]|$)"
NEAR = f"(?:unsure[a-z]*|{within('unsure', 2)}){END}"
# A word right behind `#`, and one behind blanks.
UNSURE_GLUED = f"(?i)#{NEAR}"
UNSURE_SPACED = rf"(?i)#[ \t\n\x0b\f\r]+{NEAR}"
ORDINARY_SPACED = rf"(?i)#[ \t\n\x0b\f\r]+(?:{'|'.join(ORDINARY)}){END}"
SUMMARY = rf"(?i)^\s*#\s*(?:summary|(?:{within('summary', 1)}){END})"
BLANK = r"(?i)^\s*(?:#\s*(?:[co][\s,.:;-]*)?)?$"

TAG = re.compile(r"#([ \t\n\x0b\f\r]*)([A-Za-z]+)")
GLUED, SPACED, ORDINARY_TAG = (re.compile(pattern) for pattern in (UNSURE_GLUED, UNSURE_SPACED, ORDINARY_SPACED))
OPENING = re.compile(SUMMARY)
EMPTY = re.compile(BLANK)
DECIDED = {}


def is_unsure(text):
    """Whether any tag says unsure; each word is looked at once in a run."""
    for match in TAG.finditer(text):
        tag = match.group()
        verdict = DECIDED.get(tag)
        if verdict is None:
            spaced = SPACED.match(tag) and not ORDINARY_TAG.match(tag)
            verdict = DECIDED[tag] = bool(GLUED.match(tag) or spaced)
        if verdict:
            return True
    return False


def is_dropped(text):
    return EMPTY.match(text) or OPENING.match(text) or is_unsure(text)


def read_json(path, loads=json.loads):
    with open(path, "rb") as file:
        return loads(file.read())


def excluded_videos(paths):
    return {video["video_uid"] for path in paths for video in read_json(path)["videos"]}


def clips_of_videos(path, loads=json.loads):
    """The clips by video; of a video without clips consecutive ones, a short tail joined to its predecessor."""
    metadata = read_json(path, loads)
    clips = {}
    for clip in metadata["clips"]:
        clips.setdefault(clip["video_uid"], []).append(
            (clip["clip_uid"], clip["video_start_sec"], clip["video_end_sec"])
        )
    for video in metadata["videos"]:
        uid, duration = video["video_uid"], video["duration_sec"]
        if uid in clips:
            continue
        count = max(1, int(duration // CLIP_SECONDS) + (duration % CLIP_SECONDS >= TAIL_SECONDS))
        clips[uid] = [
            (f"{uid}/{index}", index * CLIP_SECONDS, duration if index == count - 1 else (index + 1) * CLIP_SECONDS)
            for index in range(count)
        ]
    return clips
