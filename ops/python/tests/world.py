# SPDX-License-Identifier: Apache-2.0
"""Sets that the program itself wrote, of the sample world. MILLRACE names the binary; else it is the debug build."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BINARY = os.environ.get("MILLRACE", str(ROOT / ".build/debug/millrace"))

TOPOLOGY = """
name: naq
partitions: {partitions}
stages:
  land:
    from: narrations
    steps:
      - filter: {{ videos: {{ exclude-splits: [val, test], require-features: true }} }}
      - window: {{ method: automatic, alpha: 4.9, minimum-seconds: 1.0 }}
      - filter: {{ narrations: {{ drop-unsure: true }} }}
      - format: {{ schema: nlq }}
    to: {{ shards: naq, rotate: {{ samples: {samples}, seconds: 0 }} }}
"""


@functools.cache
def scratch() -> Path:
    """A folder that goes when the tests end."""
    folder = Path(tempfile.mkdtemp(prefix="millrace-python-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Home:
    """A home with the sample world ingested, and a topology over it."""

    def __init__(self, path: Path, *, samples: int, partitions: int) -> None:
        self.path = path
        self.topology = path / "naq.yaml"
        path.mkdir(parents=True)
        self.topology.write_text(TOPOLOGY.format(samples=samples, partitions=partitions))

    @property
    def folder(self) -> Path:
        """The folder of its set."""
        return self.path / "shards" / "naq"

    def command(self, *arguments: str) -> list[str]:
        return [BINARY, *arguments, "--home", str(self.path)]

    def output(self, *arguments: str) -> bytes:
        """What a command prints that must succeed."""
        done = subprocess.run(self.command(*arguments), capture_output=True)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr.decode()}")
        return done.stdout

    def ingest(self, world: Path, partitions: int) -> None:
        self.output(
            "ingest", "ego4d", "--narrations", f"{world}/narration.json", "--metadata", f"{world}/ego4d.json",
            "--exclude", f"{world}/nlq_val.json", "--exclude", f"{world}/nlq_test_unannotated.json", "--pass", "both",
            *(["--partitions", str(partitions)] if partitions != 4 else []),
        )  # fmt: skip

    def run(self) -> None:
        """Runs the topology to the end of its input."""
        self.output("run", str(self.topology), "--until-idle")

    def cat(self) -> list[bytes]:
        """The samples as the program prints them."""
        return self.output("shards", "cat", "naq").splitlines()

    def cat_by_partition(self) -> dict[int, list[bytes]]:
        """The same, partition by partition, by the order in which their shards were committed."""
        lines = iter(self.cat())
        samples: dict[int, list[bytes]] = {}
        for line in self.output("shards", "list", "naq", "--json").splitlines():
            entry = json.loads(line)
            samples.setdefault(entry["partition"], []).extend(next(lines) for _ in range(entry["samples"]))
        assert next(lines, None) is None
        return samples


@functools.cache
def sample_world(videos: int) -> Path:
    """The files of an invented world."""
    world = scratch() / f"world-{videos}"
    subprocess.run(
        [BINARY, "sample", "--videos", str(videos), "--no-features", "--output", str(world)],
        check=True, capture_output=True,
    )  # fmt: skip
    return world


@functools.cache
def ingested(videos: int, samples: int, partitions: int) -> Home:
    """A home into which the world was ingested, and nothing more."""
    home = Home(scratch() / f"home-{videos}-{samples}-{partitions}", samples=samples, partitions=partitions)
    home.ingest(sample_world(videos), partitions)
    return home


def copied(home: Home, name: str) -> Home:
    """A copy to work on."""
    copy = object.__new__(Home)
    copy.path = scratch() / name
    shutil.copytree(home.path, copy.path)
    copy.topology = copy.path / "naq.yaml"
    return copy


@functools.cache
def finished(videos: int = 40, samples: int = 700, partitions: int = 4) -> Home:
    """A home whose set is whole, to be looked at only. By default with shards of two frames and more."""
    home = copied(ingested(videos, samples, partitions), f"finished-{videos}-{samples}-{partitions}")
    home.run()
    return home
