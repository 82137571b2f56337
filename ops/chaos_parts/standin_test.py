# SPDX-License-Identifier: Apache-2.0
"""Shows on a broker that the proxies fence former owners of a transactional id as Kafka does."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from .broker import HOST, Broker
from .proxy import Proxies


class Stage:
    """A broker, and two proxies in front of it: one for the former owner and one for its successor."""

    def __init__(self, program: Path, folder: Path):
        self.broker = Broker(program, folder / "broker", folder / "broker.log")
        self.broker.start()
        admin = AdminClient({"bootstrap.servers": self.broker.address})
        admin.create_topics([NewTopic("topic", 1)])["topic"].result()
        self.proxies = Proxies(self.broker)
        self.ports = [self.proxies.add().port for _ in range(2)]
        self.former = self.owner(0)
        self.commit(self.former, "first")

    def end(self) -> None:
        self.proxies.stop()
        self.broker.stop()

    def restart(self) -> None:
        self.broker.stop()
        self.proxies.transactions.broker_stopped()
        self.broker.start()

    def owner(self, place: int) -> Producer:
        producer = Producer({"bootstrap.servers": f"{HOST}:{self.ports[place]}", "transactional.id": "owner",
                             "logger": _SILENT})
        producer.init_transactions(30)
        return producer

    def begin(self, producer: Producer, value: str) -> None:
        producer.begin_transaction()
        self.produce(producer, value)

    def produce(self, producer: Producer, value: str) -> None:
        producer.produce("topic", value.encode())
        producer.flush(10)

    def commit(self, producer: Producer, value: str) -> None:
        self.begin(producer, value)
        producer.commit_transaction(30)

    def values(self) -> list[str]:
        """The committed records; what hides records behind an undecided one is an error."""
        consumer = Consumer({"bootstrap.servers": self.broker.address, "group.id": "reader",
                             "enable.partition.eof": True, "auto.offset.reset": "earliest"})
        try:
            ends = [_end(self.broker.address, isolation) for isolation in ("read_committed", "read_uncommitted")]
            if ends[0] != ends[1]:
                raise AssertionError(f"a transaction is open at offset {ends[0]} of {ends[1]}")
            consumer.assign([TopicPartition("topic", 0, 0)])
            values, deadline = [], time.monotonic() + 30
            while (message := consumer.poll(1)) is None or not message.error():
                if message is not None:
                    values.append(message.value().decode())
                if time.monotonic() > deadline:
                    raise AssertionError("no end of the partition within 30 s")
            return values
        finally:
            consumer.close()


def _end(address: str, isolation: str) -> int:
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "isolation.level": isolation})
    try:
        return consumer.get_watermark_offsets(TopicPartition("topic", 0), timeout=10)[1]
    finally:
        consumer.close()


def _expect_fenced(action: Callable[[], None]) -> None:
    try:
        action()
    except KafkaException as error:
        if error.args[0].fatal():
            return
        raise
    raise AssertionError("a former owner was not fenced")


def _commit_late(stage: Stage) -> None:
    stage.begin(stage.former, "never")
    successor = stage.owner(1)
    _expect_fenced(lambda: stage.former.commit_transaction(10))
    stage.commit(successor, "second")


def _commit_late_after_restart(stage: Stage) -> None:
    stage.restart()
    stage.begin(stage.former, "never")
    successor = stage.owner(1)
    stage.begin(successor, "second")
    _expect_fenced(lambda: stage.former.commit_transaction(10))
    successor.commit_transaction(30)


def _produce_late_after_restart(stage: Stage) -> None:
    stage.restart()
    stage.begin(stage.former, "never")
    successor = stage.owner(1)
    stage.commit(successor, "second")
    _expect_fenced(lambda: stage.produce(stage.former, "late"))


def _begin_late_after_restart(stage: Stage) -> None:
    stage.restart()
    successor = stage.owner(1)
    stage.begin(successor, "second")
    _expect_fenced(lambda: stage.commit(stage.former, "late"))
    successor.commit_transaction(30)


def _go_on_with_what_a_restart_ended(stage: Stage) -> None:
    stage.begin(stage.former, "never")
    stage.restart()
    _expect_fenced(lambda: (stage.produce(stage.former, "late"), stage.former.commit_transaction(10)))
    stage.commit(stage.owner(1), "second")


def _commit_offsets_late(stage: Stage) -> None:
    stage.restart()
    stage.begin(stage.former, "never")
    consumer = Consumer({"bootstrap.servers": f"{HOST}:{stage.ports[0]}", "group.id": "group"})
    metadata = consumer.consumer_group_metadata()
    successor = stage.owner(1)
    stage.begin(successor, "second")
    _expect_fenced(lambda: stage.former.send_offsets_to_transaction([TopicPartition("topic", 0, 7)], metadata, 10))
    successor.commit_transaction(30)
    committed = consumer.committed([TopicPartition("topic", 0)], timeout=10)[0].offset
    consumer.close()
    if committed >= 0:
        raise AssertionError(f"a former owner committed offset {committed}")


CASES: dict[str, Callable[[Stage], None]] = {
    "a former owner commits": _commit_late,
    "a former owner commits after a restart": _commit_late_after_restart,
    "a former owner produces after a restart": _produce_late_after_restart,
    "a former owner begins after a restart": _begin_late_after_restart,
    "an owner goes on with what a restart ended": _go_on_with_what_a_restart_ended,
    "a former owner commits offsets after a restart": _commit_offsets_late,
}


def run(program: Path) -> list[str]:
    """The cases in which a former owner was not fenced, or its successor disturbed; none is what is wanted."""
    failures = []
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory(prefix="chaos-stand-in-") as folder:
            stage = Stage(program, Path(folder))
            try:
                case(stage)
                if (values := stage.values()) != ["first", "second"]:
                    failures.append(f"{name}: {values}")
            except (AssertionError, KafkaException) as error:
                failures.append(f"{name}: {error}")
            finally:
                stage.end()
        is_well = not (failures and failures[-1].startswith(f"{name}:"))
        print(f"{'fenced' if is_well else 'FAILED':7} {name}{'' if is_well else failures[-1].removeprefix(name)}")
    return failures


class _Silent:
    """Takes what librdkafka says of the errors that are made here on purpose."""

    def log(self, *arguments: object) -> None:
        pass


_SILENT = _Silent()
