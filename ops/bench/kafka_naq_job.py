# SPDX-License-Identifier: Apache-2.0
"""The work of `naq.yaml` in Python, for any engine: what is held of a video, and its samples at its end."""

import hashlib
import re

import orjson

# The misspellings that people look for, and "Usure" and "nsure", which `drop-unsure` knows too.
UNSURE = re.compile(r"#\s*(?:\w*uns?u?r?e?\w*|\w?sure\b)", re.IGNORECASE)
EXCLUDED = {"val", "test"}
ALPHA = 4.9
TOPOLOGY = hashlib.sha256(b"naq").hexdigest()


def is_dropped(video):
    return bool(EXCLUDED.intersection(video["splits"] or ())) or video["features"] is False


def identifier(text):
    digest = hashlib.sha1(text.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def samples(video, narrations):
    """The samples of one video and pass, as bytes of JSON, from its record and its narrations in order of time."""
    times = [entry["timestamp_sec"] for entry in narrations]
    gaps = [b - a for a, b in zip(times, times[1:]) if b > a]
    if not gaps:
        return []
    half = max(1.0, sum(gaps) / len(gaps) / ALPHA) / 2
    found = []
    for entry in narrations:
        text = " ".join(entry["text"].split())
        if not text or text.lower().startswith("#summary") or UNSURE.search(text):
            continue
        begin, end = entry["timestamp_sec"] - half, entry["timestamp_sec"] + half
        for clip in video["clips"] or ():
            if clip["start_sec"] <= begin and end <= clip["end_sec"]:
                break
        else:
            continue
        uid, index, start = entry["video_uid"], entry["index"], clip["start_sec"]
        found.append(
            orjson.dumps(
                {
                    "query_id": identifier(f"{uid}/{entry['pass']}/{index}/{begin}/{end}/{text}"),
                    "video_uid": uid,
                    "clip_uid": clip["clip_uid"],
                    "annotation_uid": clip["clip_uid"],
                    "query": text,
                    "template": None,
                    "clip_start_sec": begin - start,
                    "clip_end_sec": end - start,
                    "video_start_sec": begin,
                    "video_end_sec": end,
                    "clip_duration_sec": clip["end_sec"] - start,
                    "lineage": {
                        "video_uid": uid,
                        "pass": entry["pass"],
                        "narrations": [index],
                        "block": None,
                        "prompt": None,
                        "answer": None,
                        "topology": TOPOLOGY,
                    },
                }
            )
        )
    return found


class Videos:
    """The open videos of a worker in memory: fast, and lost with the process."""

    def __init__(self):
        self.open = {}

    def take(self, event):
        """The samples that a record completes: none, but for a video's end."""
        kind = event["kind"]
        key = (event["video_uid"], event["pass"])
        if kind == "narration":
            held = self.open.get(key)
            if held:
                held[1].append(event)
        elif kind == "video":
            self.open[key] = None if is_dropped(event) else (event, [])
        elif kind == "end":
            held = self.open.pop(key, None)
            if held:
                return samples(*held)
        return ()
