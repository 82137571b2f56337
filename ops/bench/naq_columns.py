# SPDX-License-Identifier: Apache-2.0
"""The work of `ingest ego4d` and `naq.yaml` in columns, with polars or with DuckDB, into one parquet file.

The fields are those of a sample; ids are the engine's own 64-bit hashes, which cost less than a SHA-1. Nothing is
guaranteed: the file is there at the end or not at all.

    python3 naq_columns.py polars|duckdb narration.json ego4d.json out.parquet --exclude nlq_val.json …
"""

import argparse
import json

import naq_rules as rules


def polars(options):
    import orjson
    import polars as pl

    excluded = rules.excluded_videos(options.exclude)
    clips = [
        (uid, *clip, order)
        for uid, of_video in rules.clips_of_videos(options.metadata, orjson.loads).items()
        for order, clip in enumerate(of_video)
    ]
    clips = pl.DataFrame(clips, ["video_uid", "clip_uid", "clip_start", "clip_end", "order"], orient="row")
    uids, passes, times, texts = [], [], [], []
    narrations = 0
    for uid, video in rules.read_json(options.narrations, orjson.loads).items():
        for number in (1, 2):
            entries = video.get(f"narration_pass_{number}", {}).get("narrations", [])
            narrations += len(entries)
            if uid in excluded:
                continue
            uids += [uid] * len(entries)
            passes += [number] * len(entries)
            times += [entry["timestamp_sec"] for entry in entries]
            texts += [entry["narration_text"] for entry in entries]
    of_pass = ["video_uid", "pass"]
    time = pl.col("time")
    gap = time.diff().over(of_pass)
    unsure = pl.col("text").str.contains(rules.UNSURE_GLUED) | (
        pl.col("text").str.contains(rules.UNSURE_SPACED) & ~pl.col("text").str.contains(rules.ORDINARY_SPACED)
    )
    samples = (
        pl.LazyFrame({"video_uid": uids, "pass": passes, "time": times, "text": texts})
        .with_columns(time.cast(pl.Float64))
        .sort([*of_pass, "time"], maintain_order=True)
        .with_columns(pl.int_range(pl.len()).over(of_pass).alias("index"), gap.alias("gap"))
        .with_columns(pl.col("gap").filter(pl.col("gap") > 0).mean().over(of_pass).alias("mean_gap"))
        .filter(pl.col("mean_gap").is_not_null())
        .filter(
            ~(
                unsure
                | pl.col("text").str.contains(rules.SUMMARY)
                | pl.col("text").str.contains(rules.BLANK)
            )
        )
        .with_columns(pl.max_horizontal(rules.MINIMUM_SECONDS, pl.col("mean_gap") / rules.ALPHA).alias("width"))
        .with_columns(
            (time - pl.col("width") / 2).alias("video_start_sec"), (time + pl.col("width") / 2).alias("video_end_sec")
        )
        .join(clips.lazy(), on="video_uid")
        .filter(pl.col("clip_start") <= pl.col("video_start_sec"), pl.col("video_end_sec") <= pl.col("clip_end"))
        .sort([*of_pass, "index", "order"])
        .unique([*of_pass, "index"], keep="first", maintain_order=True)
        .with_columns(pl.col("text").str.strip_chars().str.replace_all(r"\s+", " ").alias("query"))
        .select(
            pl.struct("video_uid", "pass", "index", "video_start_sec", "query").hash().alias("query_id"),
            "video_uid",
            "clip_uid",
            pl.col("clip_uid").alias("annotation_uid"),
            "query",
            (pl.col("video_start_sec") - pl.col("clip_start")).alias("clip_start_sec"),
            (pl.col("video_end_sec") - pl.col("clip_start")).alias("clip_end_sec"),
            "video_start_sec",
            "video_end_sec",
            (pl.col("clip_end") - pl.col("clip_start")).alias("clip_duration_sec"),
            "pass",
            "index",
            pl.lit("naq").alias("topology"),
        )
        .collect()
    )
    samples.write_parquet(options.output, compression="zstd", compression_level=3)
    return narrations, samples.height


def duckdb(options):
    import duckdb as engine

    db = engine.connect()
    excluded = rules.excluded_videos(options.exclude)
    clips = [
        (uid, *clip, order)
        for uid, of_video in rules.clips_of_videos(options.metadata).items()
        for order, clip in enumerate(of_video)
    ]
    db.execute("CREATE TABLE excluded (video_uid TEXT)")
    if excluded:
        db.executemany("INSERT INTO excluded VALUES (?)", [(uid,) for uid in excluded])
    columns = list(zip(*clips))
    db.execute(
        "CREATE TABLE clips AS SELECT unnest(?) video_uid, unnest(?) clip_uid, unnest(?) clip_start, unnest(?) clip_end,"
        ' unnest(?) "order"',
        [list(column) for column in columns],
    )
    entry = 'STRUCT(narrations STRUCT(timestamp_sec DOUBLE, narration_text TEXT)[])'
    db.execute(
        f"""
        CREATE TABLE narrations AS
        WITH videos AS (
            SELECT unnest(map_entries(json)) AS video FROM read_json(?, records = false, columns = {{
                json: 'MAP(TEXT, STRUCT(narration_pass_1 {entry}, narration_pass_2 {entry}))'
            }}, maximum_object_size = 2000000000)
        ), passes AS (
            SELECT video.key video_uid, 1 pass, unnest(video.value.narration_pass_1.narrations) entry,
                generate_subscripts(video.value.narration_pass_1.narrations, 1) place FROM videos
            UNION ALL
            SELECT video.key, 2, unnest(video.value.narration_pass_2.narrations),
                generate_subscripts(video.value.narration_pass_2.narrations, 1) FROM videos
        )
        SELECT video_uid, pass, place, entry.timestamp_sec AS time, entry.narration_text AS text FROM passes
        """,
        [options.narrations],
    )
    db.execute(
        f"""
        COPY (
            WITH ordered AS (
                SELECT *, row_number() OVER w - 1 AS index, time - lag(time) OVER w AS gap FROM narrations
                WHERE video_uid NOT IN (SELECT video_uid FROM excluded)
                WINDOW w AS (PARTITION BY video_uid, pass ORDER BY time, place)
            ), spaced AS (
                SELECT *, avg(gap) FILTER (WHERE gap > 0) OVER (PARTITION BY video_uid, pass) AS mean_gap FROM ordered
            ), windows AS (
                SELECT *, time - greatest({rules.MINIMUM_SECONDS}, mean_gap / {rules.ALPHA}) / 2 AS video_start_sec,
                    time + greatest({rules.MINIMUM_SECONDS}, mean_gap / {rules.ALPHA}) / 2 AS video_end_sec
                FROM spaced WHERE mean_gap IS NOT NULL
                    AND NOT regexp_matches(text, '{rules.SUMMARY}') AND NOT regexp_matches(text, '{rules.BLANK}')
                    AND NOT regexp_matches(text, '{rules.UNSURE_GLUED}')
                    AND NOT (regexp_matches(text, '{rules.UNSURE_SPACED}')
                        AND NOT regexp_matches(text, '{rules.ORDINARY_SPACED}'))
            ), placed AS (
                SELECT *, row_number() OVER (PARTITION BY video_uid, pass, index ORDER BY "order") AS choice
                FROM windows JOIN clips USING (video_uid)
                WHERE clip_start <= video_start_sec AND video_end_sec <= clip_end
            )
            SELECT hash(video_uid, pass, index, video_start_sec, text) AS query_id, video_uid, clip_uid,
                clip_uid AS annotation_uid, regexp_replace(trim(text), '\\s+', ' ', 'g') AS query,
                video_start_sec - clip_start AS clip_start_sec, video_end_sec - clip_start AS clip_end_sec,
                video_start_sec, video_end_sec, clip_end - clip_start AS clip_duration_sec, pass, index,
                'naq' AS topology
            FROM placed WHERE choice = 1 ORDER BY video_uid, pass, index
        ) TO '{options.output}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)
        """
    )
    narrations = db.execute("SELECT count(*) FROM narrations").fetchone()[0]
    samples = db.execute(f"SELECT count(*) FROM read_parquet('{options.output}')").fetchone()[0]
    return narrations, samples


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=["polars", "duckdb"])
    parser.add_argument("narrations")
    parser.add_argument("metadata")
    parser.add_argument("output")
    parser.add_argument("--exclude", action="append", default=[])
    options = parser.parse_args()
    narrations, samples = {"polars": polars, "duckdb": duckdb}[options.engine](options)
    print(json.dumps({"narrations": narrations, "samples": samples}))


if __name__ == "__main__":
    main()
