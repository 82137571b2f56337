# SPDX-License-Identifier: Apache-2.0
"""Damaged and hostile files: an error that names file and remedy, or the samples as they were, and no third."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import struct
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable

import millrace
import zstandard
from millrace.manifest import LINE_BYTES_MAX

from tests import fabricated
from tests.fabricated import Fabricated

FRAMES = [[b'{"n":1}', b'{"n":2}'], [b'{"n":3}'], [b'{"n":4}', b'{"n":5}']]
LINES = [line for frame in FRAMES for line in frame]


class HostileTests(unittest.TestCase):
    def setUp(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="millrace-hostile-"))
        self.addCleanup(shutil.rmtree, self.scratch)
        self.made = Fabricated(self.scratch / "made")
        self.shard = self.made.add(0, FRAMES)
        self.list = self.made.folder / "manifest-0.jsonl"

    def lines(self) -> list[bytes]:
        return list(millrace.ShardSet(self.made.folder).lines())

    def refuses(self, words: str) -> None:
        with self.assertRaisesRegex(millrace.ShardError, words):
            self.lines()
        with self.assertRaisesRegex(millrace.ShardError, words):
            list(millrace.Stream(self.made.folder, decode=bytes))

    def change(self, **fields: Any) -> None:
        lines = [self.made.lists[0][0], {**self.made.lists[0][1], **fields}]
        fabricated.write_list(self.made.folder, 0, lines)

    def test_the_fabricated_set_is_sound(self) -> None:
        self.assertEqual(self.lines(), LINES)
        millrace.ShardSet(self.made.folder).verify()

    def test_names_that_lead_out_of_the_folder(self) -> None:
        outside = self.scratch / "outside.jsonl.zst"
        shutil.copy(self.shard, outside)
        for name in ["../outside.jsonl.zst", str(outside), "made-0000-00000001-000001.jsonl.zst", "", "\0", 3, None]:
            self.change(file=name)
            self.refuses("manifest-0.jsonl is damaged: line 2.*remove it and run")
        for name in ["../made", ".", "..", "a/b", "", "x" * 201, 5, "made\n"]:
            fabricated.write_list(self.made.folder, 0, [{**self.made.lists[0][0], "manifest": name}])
            self.refuses("manifest-0.jsonl is damaged: its first line")

    def test_lines_that_are_no_entries(self) -> None:
        for field in ("partition", "sequence", "epoch", "bytes", "uncompressed_bytes", "samples", "frames"):
            for value in (-1, 1.5, "1", None, True, 2**53 + 1, [], float("nan")):
                self.change(**{field: value})
                self.refuses(f"manifest-0.jsonl is damaged: line 2 has no {field}")
        for value in ("", "g" * 64, 3, "a" * 65):
            self.change(sha256=value)
            self.refuses("line 2 has no sha256")
        self.change(partition=1)
        self.refuses("line 2 is not that of shard 0 of partition 0")
        self.change(sequence=1)
        self.refuses("line 2 is not that of shard 0 of partition 0")
        self.change(frames=9)
        self.refuses("more frames than samples")
        head = json.dumps(self.made.lists[0][0]).encode() + b"\n"
        for line in (b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 9_000, b" " * (LINE_BYTES_MAX + 1)):
            self.list.write_bytes(head + line + b"\n")
            self.refuses("manifest-0.jsonl is damaged: line 2")
        self.list.write_bytes(head + b"x" * (5 << 20))
        self.refuses("line 2 has more than")

    def test_heads_of_other_files(self) -> None:
        head = self.made.lists[0][0]
        for fields, words in [
            ({"version": 2}, "has version 2.*install"),
            ({"version": "1"}, "no version"),
            ({"partitions": 0}, "0 partitions"),
            ({"partitions": 10**9}, "1000000000 partitions"),
            ({"partition": 1}, "another partition"),
        ]:
            fabricated.write_list(self.made.folder, 0, [{**head, **fields}])
            self.refuses(words)
        self.list.write_bytes(b"")
        self.refuses("damaged: it has no first line")
        fabricated.write_list(self.made.folder, 0, [fabricated.head("made", 0, 2)])
        fabricated.write_list(self.made.folder, 1, [fabricated.head("other", 1, 2)])
        self.refuses("manifest-1.jsonl is of the set 'other'.*one set in a folder")

    def test_files_that_are_none(self) -> None:
        for replace, words in [
            (lambda path: os.mkfifo(path), "no regular file"), (lambda path: path.mkdir(), "no regular file"),
            (lambda path: path.symlink_to("/dev/zero"), "no regular file"), (lambda path: None, "cannot be opened.*restore"),
        ]:  # fmt: skip
            self.shard.unlink()
            replace(self.shard)
            self.refuses(f"{self.shard.name}.*{words}")
            if self.shard.is_dir():
                self.shard.rmdir()
                self.shard.touch()
            elif not os.path.lexists(self.shard):
                self.shard.touch()
        with self.assertRaisesRegex(millrace.ShardError, "nowhere.*HOME/shards/NAME"):
            millrace.ShardSet(self.scratch / "nowhere")
        self.list.unlink()
        os.mkfifo(self.list)
        self.refuses("manifest-0.jsonl is no regular file")

    def test_every_byte_of_a_shard_changed_and_every_length(self) -> None:
        data = self.shard.read_bytes()
        for position in range(len(data)):
            for bit in (1, 128):
                broken = bytearray(data)
                broken[position] ^= bit
                self.shard.write_bytes(broken)
                try:
                    self.assertEqual(self.lines(), LINES, f"byte {position}")
                except millrace.ShardError as error:
                    self.assertIn(self.shard.name, str(error))
                    self.assertIn("replay", str(error))
        for length in range(len(data)):
            self.shard.write_bytes(data[:length])
            self.refuses(f"{self.shard.name}.*bytes.*were committed")
            self.change(bytes=length)
            self.refuses(self.shard.name)
            self.change()

    def test_frames_that_were_swapped_or_are_another_shards(self) -> None:
        frames = [FRAMES[2], FRAMES[1], FRAMES[0]]
        self.shard.write_bytes(fabricated.shard(frames))
        with self.assertRaisesRegex(millrace.ShardError, "SHA-256"):
            millrace.ShardSet(self.made.folder).verify()
        data = bytearray(fabricated.shard(FRAMES))
        first, second = (
            len(zstandard.ZstdCompressor(write_checksum=True).compress(b"\n".join(f) + b"\n")) for f in FRAMES[:2]
        )
        data[: first + second] = data[first : first + second] + data[:first]
        self.shard.write_bytes(data)
        self.refuses(f"{self.shard.name}.*frame 0")

    def test_a_small_file_that_swells_is_refused_before_it_has_room(self) -> None:
        """A table that promises terabytes, and a frame that holds more than it says."""
        huge = zstandard.ZstdCompressor(write_checksum=True, write_content_size=True).compress(bytes(64 << 20))
        for size in (2**32 - 1, 100):
            table = struct.pack("<II", len(huge), size) + huge[-4:]
            data = huge + struct.pack("<II", 0x184D2A5E, len(table) + 9) + table + struct.pack("<IBI", 1, 0x80, 0x8F92EAB1)
            self.shard.write_bytes(data)
            self.change(bytes=len(data), uncompressed_bytes=size, frames=1, samples=1)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            self.refuses(self.shard.name)
            self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 32 << 10)
        count = (1 << 32) - 1
        self.shard.write_bytes(data[:-9] + struct.pack("<IBI", count, 0x80, 0x8F92EAB1))
        self.refuses("seek table at its end is missing or damaged")

    def test_other_counts_than_were_committed(self) -> None:
        self.change(samples=4)
        with self.assertRaisesRegex(millrace.ShardError, f"{self.shard.name} has 5 samples, 4 were committed"):
            self.lines()
        self.change(samples=6)
        with self.assertRaisesRegex(millrace.ShardError, f"{self.shard.name} has 5 samples, 6 were committed"):
            millrace.ShardSet(self.made.folder)[5]
        self.change(frames=2)
        self.refuses("other frames than were committed")
        self.change(uncompressed_bytes=41)
        self.refuses("other frames than were committed")

    def test_a_sample_that_is_no_json(self) -> None:
        broken = self.made.add(0, [[b'"fine"', b"{"], [b'"fine"']])
        self.made.add(0, [[b"[" * 200_000]])
        for read in (
            lambda: list(millrace.ShardSet(self.made.folder)), lambda: millrace.ShardSet(self.made.folder)[6],
            lambda: list(millrace.Stream(self.made.folder)), lambda: list(millrace.Stream(self.made.folder, shuffle=1)),
        ):  # fmt: skip
            with self.assertRaisesRegex(millrace.ShardError, r"made-0000-0000000[12].*cannot be decoded.*decode"):
                read()
        with self.assertRaisesRegex(millrace.ShardError, "made-0000-00000002"):
            millrace.ShardSet(self.made.folder)[-1]
        self.assertTrue(broken.exists())

    def test_random_damage_to_a_list(self) -> None:
        draw = random.Random(4)
        sound = self.list.read_bytes()
        edits: list[Callable[[bytearray], Any]] = [
            lambda data: data.__setitem__(draw.randrange(len(data)), draw.randrange(256)),
            lambda data: data.__delitem__(slice(draw.randrange(len(data)), draw.randrange(len(data)))),
            lambda data: data.insert(draw.randrange(len(data)), draw.choice(b'{}[]",:0\n\\')),
            lambda data: data.extend(data[draw.randrange(len(data)) :]),
        ]
        outcomes = set()
        for _ in range(3000):
            data = bytearray(sound)
            for _ in range(draw.randint(1, 3)):
                if data:
                    draw.choice(edits)(data)
            self.list.write_bytes(data)
            try:
                outcomes.add(len(self.lines()))
            except millrace.ShardError as error:
                outcomes.add("refused")
                self.assertRegex(str(error), "manifest-0.jsonl|manifest-P.jsonl|made-0000|missing")
        self.assertLessEqual(outcomes, {0, 5, "refused"})
        self.assertIn("refused", outcomes)
