# SPDX-License-Identifier: Apache-2.0
"""Worker processes of one topology, each behind a proxy of its own."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from .broker import HOST, die_with_parent
from .expiry import Expiry
from .proxy import Proxy

PUBLISH_PAUSE_MS = 120


@dataclass
class Plant:
    """What all workers of a run have in common."""

    binary: Path
    topology: Path
    home: Path
    logs: Path
    session_timeout: int
    max_rate: float
    slow_rename: Path  # the library that makes renames of shards slow
    environment: dict = field(default_factory=dict)


def build_slow_rename(root: Path, folder: Path) -> Path:
    """Builds the library that makes renames of shards slow, by the compiler that comes with Swift."""
    library = folder / "slow_rename.so"
    if not library.exists():
        source = root / "Tests" / "MillraceTests" / "SlowRename" / "slow_rename.c"
        subprocess.run(["clang", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


class Worker:
    """`millrace run`, again and again: a worker keeps its number and its proxy over its lives."""

    def __init__(self, number: int, plant: Plant, proxy: Proxy, expiry: Expiry):
        self.number, self.plant, self.proxy, self.expiry = number, plant, proxy, expiry
        self.process: subprocess.Popen | None = None
        self.is_stopped = False
        self.lives = 0
        self.log = plant.logs / f"{plant.topology.stem}-worker-{number}.log"

    def __str__(self) -> str:
        return f"worker {self.number}"

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    @property
    def is_running(self) -> bool:
        """Whether it is alive and not asleep."""
        return self.process is not None and self.process.poll() is None and not self.is_stopped

    def start(self) -> None:
        self.lives += 1
        command = [
            *die_with_parent("KILL"), self.plant.binary, "run", self.plant.topology, "--home", self.plant.home, "--log",
            f"kafka://{HOST}:{self.proxy.port}", "--session-timeout", str(self.plant.session_timeout), "--max-rate",
            f"{self.plant.max_rate:g}"]
        # Between the rename of a shard and its commit, so that a fault can be put there.
        environment = self.plant.environment | {
            "LD_PRELOAD": str(self.plant.slow_rename), "SLOW_RENAME_MS": str(PUBLISH_PAUSE_MS)}
        with open(self.log, "ab") as log:
            log.write(f"== life {self.lives} at {time.strftime('%H:%M:%S')}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
        self.is_stopped = False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.expiry.silence(self.pid)
        self.process.wait()
        self.is_stopped = False

    def stop(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        self.expiry.silence(self.pid)
        self.is_stopped = True

    def wake(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.expiry.hear(self.pid)
        self.is_stopped = False

    def cut(self) -> int:
        """Resets its connections, and new ones until it is connected again; how many there were."""
        self.expiry.silence(self.pid)
        return self.proxy.cut(refusing=True)

    def connect(self, pid: int) -> None:
        """Lets it connect again; `pid` is who was cut off."""
        self.proxy.mend()
        self.expiry.hear(pid)

    def open_shards(self) -> list[Path]:
        """The shard files that it is writing just now."""
        found = []
        try:
            for descriptor in os.scandir(f"/proc/{self.pid}/fd"):
                try:
                    target = Path(os.readlink(descriptor.path))
                except OSError:
                    continue
                if target.name.startswith(".open-"):
                    found.append(target)
        except OSError:
            pass
        return sorted(found)

    def end(self) -> None:
        """Kills it if it is there, in whatever state."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def has_spoken(self) -> bool:
        """Whether it has said anything in this life; it does as soon as it is at work."""
        return bool(self._life().strip())

    def _life(self) -> str:
        return self.log.read_text(errors="replace").rpartition("== life ")[2].partition("\n")[2]

    def last_words(self, lines: int = 6) -> str:
        """The last that it said in this life, without its progress."""
        life = self._life().replace("\r", "\n").splitlines()
        return "\n".join([line for line in life if line.strip() and " waiting" not in line][-lines:])[-1500:]
