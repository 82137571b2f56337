# SPDX-License-Identifier: Apache-2.0
"""Runs the programs of `ops/bench/narrations` in turns, and prints the median of each beside those of the others.

    python naq_turns.py ROUNDS VIDEOS
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from program import ROOT, millrace_program


class Run:
    """One program's time by the clock and the processor's, and its largest memory."""

    def __init__(self, command, home):
        with tempfile.TemporaryFile() as output:
            begin = time.perf_counter()
            process = subprocess.Popen(command, stdout=output, env={**os.environ, "MILLRACE_HOME": str(home)})
            _, status, usage = os.wait4(process.pid, 0)
            self.seconds = time.perf_counter() - begin
            if status:
                raise SystemExit(f"{command[0]} ended with status {os.waitstatus_to_exitcode(status)}")
            output.seek(0)
            self.output = json.loads(output.read())
        self.processor = usage.ru_utime + usage.ru_stime
        self.mebibytes = usage.ru_maxrss / 1024


class Sum:
    """Runs one after the other, as one."""

    def __init__(self, *runs):
        self.seconds = sum(run.seconds for run in runs)
        self.processor = sum(run.processor for run in runs)
        self.mebibytes = max(run.mebibytes for run in runs)


def main():
    rounds, videos = int(sys.argv[1]), sys.argv[2]
    millrace = str(millrace_program("--tests"))
    with tempfile.TemporaryDirectory() as work:
        world = Path(work) / "world"
        making = [millrace, "sample", "--output", str(world), "--videos", videos, "--no-features"]
        subprocess.run(making, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        compare(millrace, Path(work), world, rounds)


def compare(millrace, work, world, rounds):
    home = work / "home"
    lists = [part for name in ("nlq_val", "nlq_test_unannotated") for part in ("--exclude", str(world / f"{name}.json"))]
    files = [str(world / "narration.json"), str(world / "ego4d.json")]

    def program(*words):
        script, *options = words
        return lambda: Run(
            [sys.executable, str(ROOT / "ops/bench" / script), *options, *files, str(work / "out"), *lists], home
        )

    others = {
        "Python loop": program("naq_loop.py"),
        "loop, orjson": program("naq_loop.py", "--orjson"),
        "polars, orjson": program("naq_columns.py", "polars"),
        "DuckDB": program("naq_columns.py", "duckdb"),
    }
    ingest = [millrace, "ingest", "ego4d", "--narrations", files[0], "--metadata", files[1], *lists]
    runs, counts = {}, set()
    for number in range(rounds):
        for name, start in others.items():
            run = start()
            runs.setdefault(name, []).append(run)
            counts.add((run.output["narrations"], run.output["samples"]))
        shutil.rmtree(home, ignore_errors=True)
        written = Run([*ingest, "--pass", "both", "--json"], home)
        made = Run([millrace, "run", str(ROOT / "topologies/naq.yaml"), "--until-idle", "--json"], home)
        asked = Run([millrace, "run", str(ROOT / "topologies/nlq.yaml"), "--until-idle", "--json"], home)
        counts.add((written.output["narrations"], made.output["shards"][0]["samples"]))
        runs.setdefault("millrace", []).append(Sum(written, made))
        runs.setdefault("  ingest", []).append(written)
        runs.setdefault("  naq.yaml", []).append(made)
        runs.setdefault("  nlq.yaml, rules", []).append(asked)
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    if len(counts) != 1:
        raise SystemExit(f"the programs count differently (narrations, samples): {sorted(counts)}")
    [(narrations, samples)] = counts
    print(f"{narrations:,} narrations, {samples:,} samples by all programs; medians of {rounds} rounds")
    print(f"{'':18}{'narrations/s':>14}{'clock, s':>10}{'processor, s':>14}{'memory, MiB':>13}")
    for name, of_name in runs.items():
        seconds, processor = (statistics.median(getattr(run, field) for run in of_name) for field in ("seconds", "processor"))
        print(
            f"{name:18}{narrations / seconds:>14,.0f}{seconds:>10.2f}{processor:>14.2f}"
            f"{max(run.mebibytes for run in of_name):>13,.0f}"
        )
    tell_disk(millrace, home)


def tell_disk(millrace, home):
    env = {**os.environ, "MILLRACE_HOME": str(home)}

    def lines(*words):
        return subprocess.run([millrace, *words], stdout=subprocess.PIPE, env=env, check=True).stdout.splitlines()

    plain = sum(len(line) for line in lines("topics", "read", "narrations"))
    log = sum(path.stat().st_size for path in (home / "log.db", home / "log.db-wal") if path.exists())
    print(f"disk: the log (narrations, blocks, queries and more) {log:,} bytes; its narrations as key and JSON lines {plain:,}")
    for text in lines("shards", "list", "--json"):
        shards = json.loads(text)
        print(
            f"disk: shards {shards['name']} {shards['bytes']:,} bytes for {shards['uncompressed_bytes']:,} of JSON lines, "
            f"{shards['uncompressed_bytes'] / shards['bytes']:.1f} to 1"
        )


if __name__ == "__main__":
    main()
