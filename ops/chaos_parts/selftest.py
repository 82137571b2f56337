# SPDX-License-Identifier: Apache-2.0
"""Shows that the verifier finds what it is there to find: it is fed with doctored results."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import zstandard

from .verify import Item, Outcome, canonical, compare_outcomes, read_shards

SAMPLES_PER_SHARD = 10


def run() -> list[str]:
    """The doctorings that went unnoticed; none is what is wanted."""
    failures = []
    with tempfile.TemporaryDirectory(prefix="chaos-self-test-") as folder:
        untouched = _outcome(Path(folder))
        if problems := _finds(untouched, _outcome(Path(folder))):
            failures.append(f"nothing was doctored, and found was: {problems}")
    for name, (doctor, wanted) in DOCTORINGS.items():
        with tempfile.TemporaryDirectory(prefix="chaos-self-test-") as folder:
            expected = deepcopy(untouched)
            found = _outcome(Path(folder), doctor)
            problems = _finds(expected, found)
            is_found = any(wanted in problem for problem in problems)
            shown = next((problem for problem in problems if wanted in problem), "; ".join(problems) or "no problem")
            print(f"{'found' if is_found else 'MISSED':7} {name}: {shown.split('; the first')[0]}")
            if not is_found:
                failures.append(f"{name}: {wanted!r} is not among {problems}")
    return failures


def _finds(expected: Outcome, found: Outcome) -> list[str]:
    finds = []
    for name, verdict in compare_outcomes(expected, found).items():
        if not verdict.is_clean:
            finds += verdict.problems or [f"{name}: {verdict}"]
    return finds


class Draft:
    """A result before it is written: what a doctor may change."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.topics = {"queries": {number: [
            canonical(f"video-{place % 3}", [("schema", "query/1")], {"query_id": f"{number}-{place}"})
            for place in range(30)] for number in range(2)}}
        self.samples = {number: [
            {"query_id": f"{number}-{place}", "video_uid": f"video-{place % 3}", "lineage": {"topology": "t"}}
            for place in range(30)] for number in range(2)}
        self.manifest: list[dict] = []

    def publish(self) -> None:
        """Writes the shards and their manifest."""
        for number, samples in self.samples.items():
            for sequence, start in enumerate(range(0, len(samples), SAMPLES_PER_SHARD)):
                part = samples[start:start + SAMPLES_PER_SHARD]
                content = zstandard.ZstdCompressor().compress(
                    b"".join(json.dumps(sample).encode() + b"\n" for sample in part))
                file = f"set-{number:04}-{sequence:08}-000001.jsonl.zst"
                (self.folder / file).write_bytes(content)
                self.manifest.append({
                    "file": file, "partition": number, "sequence": sequence, "epoch": 1, "bytes": len(content),
                    "samples": len(part), "sha256": hashlib.sha256(content).hexdigest()})


def _outcome(folder: Path, doctor: tuple[Callable, Callable] | None = None) -> Outcome:
    draft = Draft(folder)
    before, after = doctor or (lambda draft: None, lambda draft: None)
    before(draft)
    draft.publish()
    after(draft)
    return Outcome(draft.topics, read_shards(folder, draft.manifest))


def _swap(items: list, one: int, other: int) -> None:
    items[one], items[other] = items[other], items[one]


def _flip(draft: Draft) -> None:
    path = draft.folder / draft.manifest[2]["file"]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _nothing(draft: Draft) -> None:
    pass


def _unlisted_sample(draft: Draft) -> None:
    draft.samples[1][5]["lineage"] = {"topology": "another"}


# The steps before the shards are published, those after; and words of the find.
DOCTORINGS: dict[str, tuple[tuple[Callable, Callable], str]] = {
    "a sample removed": ((lambda draft: draft.samples[0].pop(7), _nothing), "lost 1, duplicated 0"),
    "a sample doubled": ((lambda draft: draft.samples[0].insert(7, draft.samples[0][7]), _nothing),
                         "lost 0, duplicated 1"),
    "two samples swapped": ((lambda draft: _swap(draft.samples[1], 3, 4), _nothing),
                            "lost 0, duplicated 0, foreign 0, out of order 1 (0 within a key)"),
    "two samples of one video swapped": ((lambda draft: _swap(draft.samples[1], 3, 6), _nothing), "within a key"),
    "a sample with another lineage": ((_unlisted_sample, _nothing), "lost 1, duplicated 0, foreign 1"),
    "a sample in another partition": (
        (lambda draft: draft.samples[1].append(draft.samples[0].pop(29)), _nothing), "samples[1]: of 30 lost 0"),
    "a byte flipped in a shard": ((_nothing, _flip), "another SHA-256"),
    "a shard removed": (
        (_nothing, lambda draft: (draft.folder / draft.manifest[1]["file"]).unlink()), "listed and not there"),
    "a shard listed twice": ((_nothing, lambda draft: draft.manifest.append(draft.manifest[0])), "is listed 2 times"),
    "two shards listed in the wrong order": (
        (_nothing, lambda draft: _swap(draft.manifest, 0, 1)), "shard 1 is listed where 0 is due"),
    "a record removed": ((lambda draft: draft.topics["queries"][0].pop(), _nothing), "queries[0]: of 30 lost 1"),
    "a record doubled": (
        (lambda draft: draft.topics["queries"][1].append(draft.topics["queries"][1][0]), _nothing), "duplicated 1"),
    "a record nobody expects": (
        (lambda draft: draft.topics["queries"][1].append(Item("video-0", "{}")), _nothing), "foreign 1"),
    "two records swapped": ((lambda draft: _swap(draft.topics["queries"][0], 0, 3), _nothing), "out of order"),
}
