# SPDX-License-Identifier: Apache-2.0
"""A broker of our own."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

HOST = "127.0.0.1"


def die_with_parent(signal_name: str) -> list[str]:
    """What goes before a command so that it gets a signal when this program ends, however that comes about."""
    return ["setpriv", "--pdeathsig", signal_name] if shutil.which("setpriv") else []


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Broker:
    """noida-db with only its Kafka endpoint; it keeps its data over a SIGTERM."""

    def __init__(self, program: Path, folder: Path, log: Path):
        # The script in `bin` starts this and waits; without the script it is a child of ours, and ends with us.
        direct = next(program.parent.parent.glob("lib/python*/site-packages/noida_db/noida-db"), program)
        self.program, self.folder, self.log = direct, folder, log
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        self.starts = 0

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        """Starts it on its data and waits until it listens."""
        with open(self.log, "ab") as log:
            # In a session of its own, so that Ctrl-C does not reach it, and that a child of its would end with it.
            self.process = subprocess.Popen(
                [*die_with_parent("TERM"), self.program, "start", "--only", "kafka", "--kafka-port", str(self.port),
                 "--data-dir", self.folder],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.starts += 1
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"the broker did not start, see {self.log}")

    def stop(self) -> None:
        """Ends it by SIGTERM, and only if that takes half a minute by SIGKILL."""
        if self.process is None:
            return
        group = self.process.pid
        for number, patience in ((signal.SIGTERM, 30), (signal.SIGKILL, 10)):
            deadline = time.monotonic() + patience
            try:
                os.killpg(group, number)
                while time.monotonic() < deadline:
                    self.process.poll()
                    os.killpg(group, 0)
                    time.sleep(0.02)
            except ProcessLookupError:
                break
        self.process.wait()
        self.process = None
