# SPDX-License-Identifier: Apache-2.0
"""Asks a broker about its groups, in a process of its own.

librdkafka 2.16 was seen to abort the process whose administrative requests a broker answers late, or leaves unanswered
as it goes. So they are made here, by a child that is started again when it ends, and that is ended before the broker is.

Run as a program it prints what it learns, an object a line, until it is killed:

    {"committed": [[stage, partition, offset], …]}
    {"members": [[group, member, pid], …], "states": {group: state}, "owners": {group: {pid: [[stage, partition], …]}}}
    {"ends": [[topic, partition, offset], …]}
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

QUIET = {"log_level": 0, "error_cb": lambda error: None}
COMMITS_SECONDS, MEMBERS_SECONDS, ENDS_SECONDS = 0.06, 0.4, 0.7


class Inquiry:
    """Keeps a child that asks, and hands on what it says."""

    def __init__(self, address: str, topology: str, stages: dict[str, str], partitions: int,
                 learn: Callable[[dict], None], parent_prefix: list[str]):
        self._command = [*parent_prefix, sys.executable, "-B", __file__,
                         json.dumps([address, topology, stages, partitions])]
        self._learn = learn
        self._may_ask = threading.Event()
        self._ending = False
        self._process: subprocess.Popen | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._repeat, daemon=True)

    def start(self) -> None:
        self._may_ask.set()
        self._thread.start()

    def pause(self) -> None:
        """Asks nothing from now on, until it goes on."""
        with self._lock:
            self._may_ask.clear()
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def go_on(self) -> None:
        self._may_ask.set()

    def stop(self) -> None:
        self._ending = True
        self.pause()
        self._may_ask.set()
        if self._thread.is_alive():
            self._thread.join(15)

    def _repeat(self) -> None:
        while self._may_ask.wait() and not self._ending:
            with self._lock:
                if not self._may_ask.is_set():
                    continue
                self._process = process = subprocess.Popen(
                    self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                    text=True, start_new_session=True)
            for line in process.stdout:
                if line.endswith("\n"):  # not one that a kill has cut short
                    self._learn(json.loads(line))
            process.wait()
            time.sleep(0.1)


# The child

class Asker:
    """Asks in three threads, each as often as what it asks for changes."""

    def __init__(self, address: str, topology: str, stages: dict[str, str], partitions: int):
        from confluent_kafka.admin import AdminClient
        self.groups = {f"{topology}.{stage}": stage for stage in stages}
        self.topics = [(topic, number) for topic in stages.values() for number in range(partitions)]
        self.admin = AdminClient({"bootstrap.servers": address} | QUIET)
        self._printing = threading.Lock()

    def run(self) -> None:
        threads = [threading.Thread(target=self._repeat, args=arguments, daemon=True) for arguments in (
            (self._committed, COMMITS_SECONDS), (self._members, MEMBERS_SECONDS), (self._ends, ENDS_SECONDS))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _repeat(self, ask: Callable[[], dict], seconds: float) -> None:
        from confluent_kafka import KafkaException
        while True:
            try:
                line = json.dumps(ask()) + "\n"
                with self._printing:
                    sys.stdout.write(line)
                    sys.stdout.flush()
            except (KafkaException, TimeoutError):
                pass  # the group or topic is yet to come
            time.sleep(seconds)

    def _committed(self) -> dict:
        from confluent_kafka import ConsumerGroupTopicPartitions
        found = []
        for group, stage in self.groups.items():
            request = [ConsumerGroupTopicPartitions(group)]
            for future in self.admin.list_consumer_group_offsets(request, request_timeout=2).values():
                found += [(stage, one.partition, one.offset) for one in future.result(3).topic_partitions
                          if one.error is None and one.offset >= 0]
        return {"committed": found}

    def _members(self) -> dict:
        owners: dict[str, dict[int, list]] = {}
        states: dict[str, str] = {}
        members: list[tuple[str, str, int]] = []
        for group, future in self.admin.describe_consumer_groups(list(self.groups), request_timeout=2).items():
            description = future.result(3)
            states[group] = description.state.name
            for member in description.members:
                # A client is called millrace-HOST-PID-RANDOM.
                pid = int(member.client_id.split("-")[-2])
                assigned = member.assignment.topic_partitions if member.assignment else []
                members.append((group, member.member_id, pid))
                # While a group is rebalancing the broker does not say who has what.
                if states[group] == "STABLE":
                    owned = owners.setdefault(group, {}).setdefault(pid, [])
                    owned += [(self.groups[group], one.partition) for one in assigned]
        return {"members": members, "states": states, "owners": owners}

    def _ends(self) -> dict:
        from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
        from confluent_kafka.admin import OffsetSpec
        wanted = {TopicPartition(topic, number): OffsetSpec.latest() for topic, number in self.topics}
        level = IsolationLevel.READ_COMMITTED
        found = []
        for key, future in self.admin.list_offsets(wanted, isolation_level=level, request_timeout=2).items():
            try:
                found.append((key.topic, key.partition, future.result(3).offset))
            except KafkaException:
                continue
        return {"ends": found}


if __name__ == "__main__":
    Asker(*json.loads(sys.argv[1])).run()
