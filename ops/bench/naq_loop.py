"""The work of `ingest ego4d` and `naq.yaml` as people do it in a notebook: one loop, nothing guaranteed.

Reads narration.json and ego4d.json whole, drops the videos of the exclusion lists and the unsure, blank and summary
narrations, sorts, computes EgoVLP's windows, finds the clip, and writes the same fields through zstandard.

    python3 naq_loop.py narration.json ego4d.json out.jsonl.zst --exclude nlq_val.json …
"""

import argparse
import hashlib
import json
import re
import time

import zstandard

UNSURE = re.compile(r"#\s*\w*uns?u?r?e?\w*", re.IGNORECASE)
ALPHA = 4.9


def identifier(text):
    digest = hashlib.sha1(text.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("narrations")
    parser.add_argument("metadata")
    parser.add_argument("output")
    parser.add_argument("--exclude", action="append", default=[])
    options = parser.parse_args()
    start = time.perf_counter()

    excluded = set()
    for path in options.exclude:
        with open(path) as file:
            excluded.update(video["video_uid"] for video in json.load(file)["videos"])
    clips = {}
    with open(options.metadata) as file:
        for clip in json.load(file)["clips"]:
            clips.setdefault(clip["video_uid"], []).append(
                (clip["clip_uid"], clip["video_start_sec"], clip["video_end_sec"])
            )
    with open(options.narrations) as file:
        videos = json.load(file)

    topology = hashlib.sha256(b"naq").hexdigest()
    narrations = samples = 0
    with open(options.output, "wb") as file, zstandard.ZstdCompressor(level=3).stream_writer(file) as out:
        for video_uid, passes in videos.items():
            for number in (1, 2):
                entries = passes.get(f"narration_pass_{number}", {}).get("narrations", [])
                narrations += len(entries)
                if video_uid in excluded or not entries:
                    continue
                entries = sorted(entries, key=lambda entry: entry["timestamp_sec"])
                times = [entry["timestamp_sec"] for entry in entries]
                gaps = [b - a for a, b in zip(times, times[1:]) if b > a]
                if not gaps:
                    continue
                half = max(1.0, sum(gaps) / len(gaps) / ALPHA) / 2
                for index, entry in enumerate(entries):
                    text = " ".join(entry["narration_text"].split())
                    if not text or text.lower().startswith("#summary") or UNSURE.search(text):
                        continue
                    begin, end = entry["timestamp_sec"] - half, entry["timestamp_sec"] + half
                    for clip_uid, clip_start, clip_end in clips.get(video_uid, ()):
                        if clip_start <= begin and end <= clip_end:
                            break
                    else:
                        continue
                    sample = {
                        "query_id": identifier(f"{video_uid}/{number}/{index}/{begin}/{end}/{text}"),
                        "video_uid": video_uid,
                        "clip_uid": clip_uid,
                        "annotation_uid": clip_uid,
                        "query": text,
                        "template": None,
                        "clip_start_sec": begin - clip_start,
                        "clip_end_sec": end - clip_start,
                        "video_start_sec": begin,
                        "video_end_sec": end,
                        "clip_duration_sec": clip_end - clip_start,
                        "lineage": {
                            "video_uid": video_uid,
                            "pass": number,
                            "narrations": [index],
                            "block": None,
                            "prompt": None,
                            "answer": None,
                            "topology": topology,
                        },
                    }
                    out.write(json.dumps(sample, separators=(",", ":")).encode() + b"\n")
                    samples += 1
    seconds = time.perf_counter() - start
    print(f"{narrations} narrations, {samples} samples, {seconds:.2f} s, {narrations / seconds:,.0f} narrations/s")


if __name__ == "__main__":
    main()
