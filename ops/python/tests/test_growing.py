# SPDX-License-Identifier: Apache-2.0
"""A set that grows, while its writers are killed."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

import millrace

from tests import world
from tests.fabricated import Fabricated, head

DEADLINE_SECONDS = 240


class Writer(threading.Thread):
    """Runs a home's topology to its end in process after process, each but the last killed in the midst of its work."""

    def __init__(self, home: world.Home, seed: int, rate: int) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.rate = rate
        self.random = random.Random(seed)
        self.kills = 0
        self.failure = ""

    def published(self) -> int:
        return sum(1 for _ in self.home.folder.glob("*.jsonl.zst")) if self.home.folder.exists() else 0

    def run(self) -> None:
        command = self.home.command("run", str(self.home.topology), "--until-idle", "--max-rate", str(self.rate))
        while True:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            goal = self.published() + self.random.randint(1, 6)
            while process.poll() is None and self.published() < goal:
                time.sleep(0.001)
            # Anywhere between the renaming of a shard, its commit and its line in the list.
            time.sleep(self.random.random() * 0.01)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            _, said = process.communicate()
            if process.returncode == 0:
                return
            if process.returncode != -signal.SIGKILL:
                self.failure = said.decode()
                return
            self.kills += 1


class GrowingTests(unittest.TestCase):
    def setUp(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="millrace-growing-"))
        self.addCleanup(shutil.rmtree, self.scratch)

    def test_each_sample_once_under_kills_of_the_writer_and_of_the_reader(self) -> None:
        quiet = world.finished(videos=40, samples=40)
        expected = quiet.cat_by_partition()
        total = sum(map(len, expected.values()))
        for seed, shuffle in [(1, None), (2, 5)]:
            home = world.copied(world.ingested(40, 40, 4), f"killed-{seed}")
            writer = Writer(home, seed, rate=4000)
            writer.start()
            draw = random.Random(seed)
            deadline = time.monotonic() + DEADLINE_SECONDS
            found: list[bytes] = []
            state = None
            while len(found) < total:
                self.assertLess(time.monotonic(), deadline, f"{len(found)} of {total} samples, {writer.failure}")
                if not list(home.folder.glob("manifest-*.jsonl")):
                    time.sleep(0.01)
                    continue
                # A reader that lives for a while, and another one that goes on where it was.
                stream = millrace.Stream(
                    home.folder, follow=True, shuffle=shuffle, decode=bytes, poll_seconds=0.01, idle_seconds=5
                )
                if state is not None:
                    stream.load_state_dict(json.loads(state))
                life = draw.randint(1, 400)
                for sample in stream:
                    found.append(sample)
                    state = json.dumps(stream.state_dict())
                    life -= 1
                    if life == 0 or len(found) == total:
                        break
            writer.join(DEADLINE_SECONDS)
            self.assertEqual(writer.failure, "")
            self.assertGreater(writer.kills, 3)
            self.assertEqual(sorted(found), sorted(line for lines in expected.values() for line in lines))
            if shuffle is None:
                whole = home.cat_by_partition()
                self.assertEqual(whole, expected, "the program's own promise")
                place = {line: p for p, lines in expected.items() for line in lines}
                order: dict[int, list[bytes]] = {}
                for line in found:
                    order.setdefault(place[line], []).append(line)
                self.assertEqual(order, expected, "in the order of each partition")
            rest = millrace.Stream(home.folder, follow=True, shuffle=shuffle, decode=bytes, idle_seconds=0)
            rest.load_state_dict(json.loads(state or ""))
            self.assertEqual(list(rest), [], "and nothing more comes")

    def follower(self, folder: Path, **settings: object) -> millrace.Stream:
        return millrace.Stream(folder, follow=True, decode=bytes, poll_seconds=0.01, **settings)

    def test_a_reader_waits_for_what_comes(self) -> None:
        made = Fabricated(self.scratch / "made", partitions=2)
        made.add(1, [[b"1"], [b"2"]])
        stream = self.follower(made.folder)
        samples = iter(stream)
        self.assertEqual([next(samples), next(samples)], [b"1", b"2"])
        timer = threading.Timer(0.1, lambda: made.add(0, [[b"3", b"4"]]))
        timer.start()
        self.assertEqual([next(samples), next(samples)], [b"3", b"4"])
        timer.join()
        started = time.monotonic()
        self.assertEqual(list(self.follower(made.folder, idle_seconds=0.05)), [b"3", b"4", b"1", b"2"])
        self.assertGreaterEqual(time.monotonic() - started, 0.05)
        stream.should_stop = lambda: True
        self.assertEqual(list(samples), [])

    def test_a_line_that_is_still_being_written_does_not_count_yet(self) -> None:
        made = Fabricated(self.scratch / "made")
        made.add(0, [[b"1"]])
        made.add(0, [[b"2"]])
        path = made.folder / "manifest-0.jsonl"
        whole = path.read_bytes()
        end = whole[:-1].rindex(b"\n") + 1
        path.write_bytes(whole[:end])
        stream = self.follower(made.folder, idle_seconds=0)
        self.assertEqual(list(stream), [b"1"])
        for size in range(end, len(whole)):
            with open(path, "r+b") as file:
                file.seek(end)
                file.write(whole[end:size])
            self.assertEqual(list(stream), [])
        with open(path, "r+b") as file:
            file.seek(end)
            file.write(b"\0" * 7)
        self.assertEqual(list(stream), [], "nor what a crash of the machine has left of it")
        path.write_bytes(whole)
        self.assertEqual(list(stream), [b"2"])

    def test_lists_that_lag_behind_are_waited_for_or_refused(self) -> None:
        made = Fabricated(self.scratch / "made", partitions=2)
        for number in range(4):
            made.add(0, [[b"%d" % number]])
        stream = self.follower(made.folder, idle_seconds=0)
        samples = iter(stream)
        for _ in range(3):
            next(samples)
        state = stream.state_dict()
        whole = millrace.Stream(made.folder, decode=bytes)
        loop = iter(whole)
        next(loop)
        fixed = whole.state_dict()
        lines = made.lists[0]
        made.lists[0] = lines[:3]
        made.write(0)
        self.assertEqual(list(stream), [b"3"], "what was seen once stays")
        later = self.follower(made.folder, idle_seconds=0)
        later.load_state_dict(state)
        self.assertEqual(list(later), [], "a new reader waits")
        other = millrace.Stream(made.folder, decode=bytes)
        other.load_state_dict(fixed)
        with self.assertRaisesRegex(millrace.ShardError, "manifest-0.jsonl lists 2 shards.*has seen 4.*run the set"):
            list(other)
        made.lists[0] = lines
        made.write(0)
        self.assertEqual(list(later), [b"3"])
        self.assertEqual(list(other), [b"1", b"2", b"3"])

    def test_a_partition_that_nobody_has_opened_yet(self) -> None:
        made = Fabricated(self.scratch / "made", partitions=3)
        made.add(0, [[b"1"]])
        made.add(2, [[b"2"]])
        for partition in (1, 2):
            (made.folder / f"manifest-{partition}.jsonl").unlink()
        stream = self.follower(made.folder, idle_seconds=0)
        self.assertEqual(list(stream), [b"1"])
        for read in (lambda: millrace.ShardSet(made.folder), lambda: list(millrace.Stream(made.folder))):
            with self.assertRaisesRegex(millrace.ShardError, "manifest-1.jsonl, manifest-2.jsonl are missing, of 3"):
                read()
        made.write(2)
        self.assertEqual(list(stream), [b"2"])
        made.write(1)
        self.assertEqual(list(millrace.ShardSet(made.folder).lines()), [b"1", b"2"])

    def test_a_set_made_anew_under_a_reader_is_refused(self) -> None:
        made = Fabricated(self.scratch / "made")
        made.add(0, [[b"1"]])
        stream = self.follower(made.folder, idle_seconds=0)
        self.assertEqual(list(stream), [b"1"])
        shutil.rmtree(made.folder)
        anew = Fabricated(self.scratch / "made")
        anew.add(0, [[b"other"]])
        anew.add(0, [[b"2"]])
        with self.assertRaisesRegex(millrace.ShardError, "manifest-0.jsonl.*made anew"):
            list(stream)

    def test_a_set_that_was_dropped_is_told_from_one_that_lags(self) -> None:
        made = Fabricated(self.scratch / "made")
        for number in range(3):
            made.add(0, [[b"%d" % number]])
        stream = self.follower(made.folder, idle_seconds=0)
        self.assertEqual(list(stream), [b"0", b"1", b"2"])
        (made.folder / "manifest-0.jsonl").unlink()
        for _ in range(2):
            with self.assertRaisesRegex(millrace.ShardError, "manifest-0.jsonl is gone.*dropped.*begin anew"):
                list(stream)
        # Made anew by an owner of a later epoch, which has not come so far yet: nothing contradicts what was seen.
        made.lists[0] = [head("made", 0, 1, epoch=2)]
        made.write(0)
        for _ in range(2):
            with self.assertRaisesRegex(millrace.ShardError, "lists 0 shards where it listed 3.*from 1 to 2.*Begin anew"):
                list(stream)
        # A reader that comes now sees what there is.
        self.assertEqual(list(self.follower(made.folder, idle_seconds=0)), [])
