"""The work of `ingest ego4d` and `naq.yaml` as people do it in a notebook: one loop, nothing guaranteed.

Reads narration.json and ego4d.json whole, drops the videos of the exclusion lists and the unsure, blank and summary
narrations, sorts, computes EgoVLP's windows, finds the clip, and writes the same fields through zstandard.

    python3 naq_loop.py [--orjson] narration.json ego4d.json out.jsonl.zst --exclude nlq_val.json …
"""

import argparse
import hashlib
import json

import zstandard

import naq_rules as rules


def identifier(text):
    digest = hashlib.sha1(text.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def codec(is_fast):
    """Reader and writer of JSON: the standard library's, or orjson's, which takes a third of the time."""
    if is_fast:
        import orjson

        return orjson.loads, orjson.dumps
    return json.loads, lambda value: json.dumps(value, separators=(",", ":")).encode()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("narrations")
    parser.add_argument("metadata")
    parser.add_argument("output")
    parser.add_argument("--exclude", action="append", default=[])
    parser.add_argument("--orjson", action="store_true")
    options = parser.parse_args()
    loads, dumps = codec(options.orjson)
    excluded = rules.excluded_videos(options.exclude)
    clips = rules.clips_of_videos(options.metadata, loads)
    videos = rules.read_json(options.narrations, loads)
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
                half = max(rules.MINIMUM_SECONDS, sum(gaps) / len(gaps) / rules.ALPHA) / 2
                for index, entry in enumerate(entries):
                    if rules.is_dropped(entry["narration_text"]):
                        continue
                    text = " ".join(entry["narration_text"].split())
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
                    out.write(dumps(sample) + b"\n")
                    samples += 1
    print(json.dumps({"narrations": narrations, "samples": samples}))


if __name__ == "__main__":
    main()
