# SPDX-License-Identifier: Apache-2.0
"""The sample world, the topologies as the run has them, and what an undisturbed run makes of them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from .verify import Outcome, canonical, read_shards

PARTITIONS = 4
ROTATE_SAMPLES = 40
COMMIT_SECONDS = 0.2
NARRATIONS_PER_VIDEO = 225  # a little less than the sample world has, with both passes

# The topics that each topology writes, beside its shards.
OUTPUTS = {
    "nlq": ["blocks", "queries", "queries.rejected", "nlq.dead-letters"],
    "naq": ["naq.dead-letters"],
}
# The source of each stage.
STAGES = {
    "nlq": {"curate": "narrations", "generate": "blocks", "land": "queries"},
    "naq": {"land": "narrations"},
}


class Millrace:
    """The command line, for what is not disturbed."""

    def __init__(self, binary: Path):
        self.binary = binary
        self.environment = os.environ | {"LLM_PROVIDER": "rules", "MILLRACE_KAFKA_MILLRACE_BROKER_QUIRKS": "true"}

    def run(self, *arguments, timeout: float = 600) -> str:
        """Runs a command that must succeed; its standard output."""
        result = subprocess.run(
            [self.binary, *map(str, arguments)], env=self.environment, capture_output=True, text=True, timeout=timeout)
        if result.returncode != 0:
            words = " ".join(map(str, arguments))
            raise RuntimeError(f"millrace {words} ended with {result.returncode}:\n{result.stderr[-2000:]}")
        return result.stdout


class World:
    """Files to be ingested, and topologies with small shards and frequent commits."""

    def __init__(self, root: Path, folder: Path, millrace: Millrace, narrations: int):
        self.folder, self.millrace = folder, millrace
        videos = max(12, narrations // NARRATIONS_PER_VIDEO + 1)
        millrace.run("sample", "--videos", videos, "--no-features", "--output", folder / "world")
        self._write_topologies(root / "topologies")
        world = folder / "world"
        self.ingest_arguments = [
            "ingest", "ego4d", "--narrations", world / "narration.json", "--metadata", world / "ego4d.json",
            "--exclude", world / "nlq_val.json", "--exclude", world / "nlq_test_unannotated.json", "--pass", "both",
            "--partitions", PARTITIONS, "--json"]

    def _write_topologies(self, source: Path) -> None:
        target = self.folder / "topologies"
        shutil.copytree(source, target)
        for name in STAGES:
            path = target / f"{name}.yaml"
            text = path.read_text()
            rotate = f"compression: zstd, rotate: {{ samples: {ROTATE_SAMPLES}, seconds: 0 }} }}"
            changed = text.replace("compression: zstd }", rotate)
            commit = f"    commit: {{ seconds: {COMMIT_SECONDS} }}\n"
            changed = re.sub(r"^(?=    from:)", commit, changed, flags=re.M)
            if changed.count(rotate) != 1 or changed.count("commit:") != len(STAGES[name]):
                raise RuntimeError(f"{path} is written in another way than this program expects")
            path.write_text(changed)

    def topology(self, name: str) -> Path:
        return self.folder / "topologies" / f"{name}.yaml"

    def ingest(self, home: Path, *options: str) -> int:
        """Ingests everything; the number of narrations."""
        return json.loads(self.millrace.run(*self.ingest_arguments, "--home", home, *options))["narrations"]

    def expected(self, home: Path, name: str) -> Outcome:
        """What an undisturbed run on the embedded log makes of an ingested home."""
        self.millrace.run("run", self.topology(name), "--until-idle", "--home", home)
        topics = {topic: self.read_embedded(home, topic) for topic in OUTPUTS[name]}
        lines = self.millrace.run("topics", "read", f"shards.{name}", "--json", "--home", home).splitlines()
        manifest = [json.loads(line)["value"] for line in lines]
        return Outcome(topics, read_shards(home / "shards" / name, manifest))

    def read_embedded(self, home: Path, topic: str) -> dict[int, list]:
        """A topic of an embedded log, by partition, in the form that the verifier compares."""
        records: dict[int, list] = {number: [] for number in range(PARTITIONS)}
        for line in self.millrace.run("topics", "read", topic, "--json", "--home", home).splitlines():
            record = json.loads(line)
            headers = [(header["name"], header["value"]) for header in record["headers"]]
            records[record["partition"]].append(canonical(record["key"], headers, record["value"]))
        return records
