# SPDX-License-Identifier: Apache-2.0
"""Watches a run from outside: who owns what, what has been committed and when, and which shards are listed."""

import json
import threading
import time
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from .broker import die_with_parent
from .inquiry import COMMITS_SECONDS, QUIET, Inquiry

POLL_SECONDS = COMMITS_SECONDS

Task = tuple[str, int]  # a stage and its partition


@dataclass
class Recovery:
    """A task whose worker was killed, until somebody commits for it again."""

    task: Task
    killed: float
    fault: int
    counts_from: int  # the round of polling from which on a commit is not the victim's own
    seconds: float | None = None


@dataclass
class Seen:
    """What the observer knows; replaced and read under its lock."""

    committed: dict[Task, int] = field(default_factory=dict)
    commit_times: dict[Task, float] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    owners: dict[str, dict[int, set[Task]]] = field(default_factory=dict)  # by group and process id, when last stable
    members: list[tuple[str, str, int]] = field(default_factory=list)  # group, member id, process id
    states: dict[str, str] = field(default_factory=dict)  # of the groups
    listed: set[str] = field(default_factory=set)


class Observer:
    """Knows what its inquiry learns of the broker's groups, and reads the manifest in a thread.

    `stages` gives each stage's source topic, in the topology's order; groups are named `topology.stage`.
    """

    def __init__(self, address: str, topology: str, stages: dict[str, str], partitions: int = 4):
        self.topology, self.stages, self.partitions = topology, stages, partitions
        self.inquiry = Inquiry(address, topology, stages, partitions, self._learn, die_with_parent("KILL"))
        self.manifest = Consumer(
            {"bootstrap.servers": address, "group.id": "chaos-observer", "isolation.level": "read_committed",
             "enable.auto.commit": False} | QUIET)
        self.manifest.assign([TopicPartition(f"shards.{topology}", 0, OFFSET_BEGINNING)])
        self.seen = Seen()
        self.lock = threading.Lock()
        self.recoveries: list[Recovery] = []
        self.polls = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow_manifest, daemon=True)

    def start(self) -> None:
        self.inquiry.start()
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self.inquiry.stop()
        if self._thread.is_alive():
            self._thread.join(15)
        self.manifest.close()

    def pause(self) -> None:
        """Asks nothing until it goes on: the broker is going."""
        self.inquiry.pause()

    def go_on(self) -> None:
        self.inquiry.go_on()

    def group(self, stage: str) -> str:
        return f"{self.topology}.{stage}"

    # Learning

    def _learn(self, found: dict) -> None:
        now = time.monotonic()
        if "committed" in found:
            for stage, partition, offset in found["committed"]:
                self._note((stage, partition), offset, now)
            self.polls += 1
        if "members" in found:
            owners = {group: {int(pid): {tuple(task) for task in tasks} for pid, tasks in owned.items()}
                      for group, owned in found["owners"].items()}
            with self.lock:
                self.seen.owners |= owners
                self.seen.members = [tuple(member) for member in found["members"]]
                self.seen.states = found["states"]
        if "ends" in found:
            with self.lock:
                self.seen.ends |= {(topic, number): offset for topic, number, offset in found["ends"]}

    def _note(self, task: Task, offset: int, now: float) -> None:
        with self.lock:
            before = self.seen.committed.get(task)
            if before == offset:
                return
            self.seen.committed[task] = offset
            if before is None:
                return  # the first look at it says nothing of when it was committed
            self.seen.commit_times[task] = now
            for recovery in self.recoveries:
                if recovery.task == task and recovery.seconds is None and self.polls >= recovery.counts_from:
                    recovery.seconds = now - recovery.killed

    def _follow_manifest(self) -> None:
        while not self._ending.is_set():
            for message in self.manifest.consume(100, 0.1):
                if message.error() is None and message.value():
                    with self.lock:
                        self.seen.listed.add(json.loads(message.value())["file"])

    # Asking

    @property
    def source_stage(self) -> str:
        return next(iter(self.stages))

    def members(self) -> list[tuple[str, str, int]]:
        """Every membership as group, member id and process id, when the broker was last asked."""
        with self.lock:
            return list(self.seen.members)

    def groups(self) -> str:
        """The groups in words: state, and each process id with its tasks."""
        with self.lock:
            states, owners, members = self.seen.states, self.seen.owners, self.seen.members
        return "; ".join(
            f"{group} {state}: " + ", ".join(
                f"{pid} has {sorted(number for _, number in owners.get(group, {}).get(pid, ()))}"
                for other, _, pid in members if other == group)
            for group, state in states.items())

    def owned(self, pid: int) -> set[Task]:
        """The tasks that a process owned when their groups were last stable."""
        with self.lock:
            return {task for owners in self.seen.owners.values() for task in owners.get(pid, ())}

    def owner(self, task: Task) -> int | None:
        """The process that owns a task, if any is known to."""
        with self.lock:
            owners = self.seen.owners.get(self.group(task[0]), {})
            return next((pid for pid, tasks in owners.items() if task in tasks), None)

    def is_listed(self, file: str, seconds: float = 0) -> bool:
        """Whether the manifest lists a file, or comes to list it within a time."""
        deadline = time.monotonic() + seconds
        while True:
            with self.lock:
                if file in self.seen.listed:
                    return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)

    def shards(self) -> int:
        with self.lock:
            return len(self.seen.listed)

    def input_left(self) -> dict[int, int]:
        """Records of the topology's source that are not committed yet, by partition."""
        stage, topic = self.source_stage, self.stages[self.source_stage]
        with self.lock:
            return {number: self.seen.ends.get((topic, number), 0) - self.seen.committed.get((stage, number), 0)
                    for number in range(self.partitions)}

    def last_commit(self, task: Task) -> float:
        with self.lock:
            return self.seen.commit_times.get(task, 0)

    def last_commit_of_all(self) -> float:
        with self.lock:
            return max(self.seen.commit_times.values(), default=0)

    def live_tasks(self) -> list[Task]:
        """Every task whose partition of the source still has input, so that it has reason to commit."""
        left = self.input_left()
        return [(stage, number) for stage in self.stages for number in left if left[number] > 0]

    def idle_tasks_since(self, moment: float, stages: list[str] | None = None) -> list[Task]:
        """The tasks that should have committed since a moment and have not."""
        return [task for task in self.live_tasks()
                if (stages is None or task[0] in stages) and self.last_commit(task) < moment]

    def expect_recovery(self, fault: int, tasks: set[Task]) -> list[Recovery]:
        """Takes the time from now until each task commits."""
        now = time.monotonic()
        live = set(self.live_tasks())
        # The round under way, and the next, may still see what the victim has committed.
        new = [Recovery(task, now, fault, self.polls + 2) for task in sorted(tasks) if task in live]
        with self.lock:
            self.recoveries += new
        return new

