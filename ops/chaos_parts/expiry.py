# SPDX-License-Identifier: Apache-2.0
"""What a Kafka coordinator does and noida-db 0.2.3 does not: it ends the membership of those who miss their session.

noida-db keeps a member for ever that no longer sends heartbeats (seen with confluent-kafka alone: a killed consumer was
still listed, with its partitions, 75 s after its session of 6 s). So whoever a fault has silenced for longer than the
session timeout, or has joined anew under another name, is taken out here, by a LeaveGroup request in its name, as late
as Kafka would do it or later. A member that was only asleep then finds itself unknown, as it would on Kafka.
"""

import socket
import struct
import threading
import time

from .broker import HOST, Broker
from .observer import Observer

LEAVE_GROUP = 13


def leave_group(port: int, group: str, member: str) -> int:
    """Sends LeaveGroup, version 0, from a connection of its own; the broker's error code."""
    def text(value: str) -> bytes:
        encoded = value.encode()
        return struct.pack(">h", len(encoded)) + encoded

    request = struct.pack(">hhi", LEAVE_GROUP, 0, 1) + text("expiry") + text(group) + text(member)
    with socket.create_connection((HOST, port), timeout=5) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        reply = b""
        while len(reply) < 10:
            part = connection.recv(64)
            if not part:
                raise ConnectionError("the broker closed the connection")
            reply += part
    return struct.unpack(">h", reply[8:10])[0]


class Expiry:
    """Watches the silent, by process id, and takes their memberships away when their session is over."""

    def __init__(self, broker: Broker, observer: Observer, session_timeout: int):
        self.broker, self.observer = broker, observer
        self.seconds = session_timeout / 1000
        self._asked: dict[tuple[str, str], float] = {}
        self._seen_since: dict[tuple[str, str], float] = {}
        self._silent_since: dict[int, float] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)
        self._thread.start()

    def silence(self, pid: int) -> None:
        """A process sends no heartbeats from now on."""
        with self._lock:
            self._silent_since.setdefault(pid, time.monotonic())

    def hear(self, pid: int) -> None:
        """A process sends heartbeats again."""
        with self._lock:
            self._silent_since.pop(pid, None)

    def stop(self) -> None:
        self._ending.set()
        self._thread.join(10)

    def _repeat(self) -> None:
        while not self._ending.wait(0.1):
            now = time.monotonic()
            with self._lock:
                due = {pid for pid, since in self._silent_since.items() if now - since > self.seconds}
            memberships = self.observer.members()
            superseded = self._superseded(memberships, now)
            for group, member, pid in memberships:
                # Again after a while if the broker lists it still.
                if (pid in due or (group, member) in superseded) and now - self._asked.get((group, member), 0) > 2:
                    self._expire(group, member, now)

    def _superseded(self, memberships: list[tuple[str, str, int]], now: float) -> set[tuple[str, str]]:
        """Memberships of processes that have joined anew since, a session ago, as after a cut."""
        newest: dict[tuple[str, int], tuple[float, str]] = {}
        for group, member, pid in memberships:
            seen = self._seen_since.setdefault((group, member), now)
            newest[group, pid] = max(newest.get((group, pid), (0.0, "")), (seen, member))
        return {(group, member) for group, member, pid in memberships
                if newest[group, pid][1] != member and now - newest[group, pid][0] > self.seconds}

    def _expire(self, group: str, member: str, now: float) -> None:
        try:
            leave_group(self.broker.port, group, member)
            self._asked[group, member] = now
        except OSError:
            pass  # the broker is away: again in a moment
