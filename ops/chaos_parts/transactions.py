# SPDX-License-Identifier: Apache-2.0
"""What a Kafka coordinator remembers of transactions over a restart and noida-db 0.2.3 does not.

A restart of noida-db ends what is open and forgets who owned which transactional id. After it, with confluent-kafka alone:

- A former owner is not fenced: it committed after its successor had, and what it produced late stayed open for ever.
- A new owner does not end what the former had left open, so that readers waited at it for ever.
- An EndTxn of the former owner is taken for one of the new owner: the new owner's commit was then answered with success
  and not written.

Kafka fences the former owner in each case. So the proxies remember who initialised an id last. They answer everybody else
by INVALID_PRODUCER_EPOCH themselves; nothing of it reaches the broker. What a former owner has left open they end in its
name before its successor's InitProducerId reaches the broker. The broker is stopped while no transaction is open; the owner
of one that is open all the same counts as a former one from then on.
"""

import struct
import threading
import time
from collections.abc import Callable

from .wire import RequestReader, ResponseWriter

PRODUCE, INIT_PRODUCER_ID, ADD_PARTITIONS, ADD_OFFSETS, END_TRANSACTION, COMMIT_OFFSETS = 0, 22, 24, 25, 26, 28
INVALID_PRODUCER_EPOCH = 47
# The first versions whose strings and lists have lengths of variable size, and which have tags.
FLEXIBLE = {PRODUCE: 9, INIT_PRODUCER_ID: 2, ADD_PARTITIONS: 3, ADD_OFFSETS: 3, END_TRANSACTION: 3, COMMIT_OFFSETS: 3}

Owner = tuple[int, int]  # producer id and epoch
Answer = Callable[[bytearray], None]


class Transactions:
    """Who owns each transactional id, and which have a transaction open; shared by all proxies."""

    def __init__(self) -> None:
        self.refused = self.aborted = 0
        self._owners: dict[str, Owner | None] = {}
        self._open: dict[str, Owner] = {}
        self._initialisations: dict[str, int] = {}
        self._lock = threading.Lock()
        self.holding = False

    def refusal(self, request: bytearray) -> bytes | None:
        """The answer to a request in a transaction of somebody who does not own its id any more; None if it may pass."""
        reader = RequestReader(request, FLEXIBLE)
        if reader.key not in _OWNERS or reader.key == PRODUCE and reader.version < 3:
            return None
        name = reader.string()
        with self._lock:
            if not name or name not in self._owners or self._owners[name] == _OWNERS[reader.key](reader):
                return None
            self.refused += 1
        return _REFUSALS[reader.key](RequestReader(request, FLEXIBLE))

    def left_open(self, request: bytearray) -> tuple[str, bytes] | None:
        """The id, and the request that ends what a former owner has left open, which an InitProducerId is to wait for.

        From here on the former owner is refused.
        """
        reader = RequestReader(request, FLEXIBLE)
        if reader.key != INIT_PRODUCER_ID or not (name := reader.string()):
            return None
        with self._lock:
            self._owners[name] = None
            self._initialisations[name] = self._initialisations.get(name, 0) + 1
            if not (owner := self._open.get(name)):
                return None
        text = name.encode()
        header = struct.pack(">hhih", END_TRANSACTION, 1, 0, -1)
        return name, header + struct.pack(">h", len(text)) + text + struct.pack(">qhb", *owner, 0)

    def ended(self, name: str) -> None:
        """Tells that what was left open has been ended."""
        with self._lock:
            self._open.pop(name, None)
            self.aborted += 1

    def take(self, request: bytearray) -> Answer | None:
        """Notes what a request begins; answers what is to be noted when its response comes."""
        reader = RequestReader(request, FLEXIBLE)
        if reader.key not in (INIT_PRODUCER_ID, ADD_PARTITIONS, ADD_OFFSETS, END_TRANSACTION):
            return None
        if not (name := reader.string()):
            return None
        start = 8 + reader.is_flexible
        with self._lock:
            if reader.key == INIT_PRODUCER_ID:
                number = self._initialisations.get(name, 0)
                return lambda response: self._initialised(name, number, response, start)
            if reader.key == END_TRANSACTION:
                return lambda response: self._committed(name, response, start)
            self._open[name] = reader.owner()
            return None

    def begins(self, request: bytes) -> bool:
        """Whether a request opens a transaction, so that it has to wait while the broker is to be stopped."""
        reader = RequestReader(request, FLEXIBLE)
        if reader.key not in (ADD_PARTITIONS, ADD_OFFSETS):
            return False
        with self._lock:
            return reader.string() not in self._open

    def await_none(self, seconds: float) -> bool:
        """Lets no transaction begin, and waits until none is open; whether that came about."""
        self.holding = True
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._lock:
                if not self._open:
                    return True
            time.sleep(0.01)
        return False

    def broker_stopped(self) -> None:
        """Tells that the broker has stopped, which ended what was open: their owners would go on with what is no more."""
        with self._lock:
            self._owners.update(dict.fromkeys(self._open))
            self._open.clear()

    def _initialised(self, name: str, number: int, response: bytearray, start: int) -> None:
        error, *owner = struct.unpack_from(">hqh", response, start)
        with self._lock:
            # One that was overtaken by another's comes back fenced.
            if error == 0 and number == self._initialisations[name]:
                self._owners[name] = (owner[0], owner[1])

    def _committed(self, name: str, response: bytearray, start: int) -> None:
        if struct.unpack_from(">h", response, start)[0] == 0:
            with self._lock:
                self._open.pop(name, None)


def _owner_behind_group(reader: RequestReader) -> Owner:
    reader.string()
    return reader.owner()


def _owner_of_batch(reader: RequestReader) -> Owner | None:
    """Who produces, by the first record batch of a Produce; None where it has none."""
    reader.skip(6)  # acks, timeout
    if reader.count() < 1:
        return None
    reader.string()
    if reader.count() < 1:
        return None
    reader.skip(4)  # partition
    batch = reader.bytes()
    return struct.unpack_from(">qh", batch, 43) if len(batch) >= 53 else None


_OWNERS: dict[int, Callable[[RequestReader], Owner | None]] = {
    PRODUCE: _owner_of_batch, ADD_PARTITIONS: RequestReader.owner, ADD_OFFSETS: RequestReader.owner,
    END_TRANSACTION: RequestReader.owner, COMMIT_OFFSETS: _owner_behind_group}


def _refuse_produce(reader: RequestReader) -> bytes:
    reader.string()
    reader.skip(6)
    writer = ResponseWriter(reader)
    for _ in writer.list(reader.count()):
        writer.string(reader.string())
        for _ in writer.list(reader.count()):
            writer.add(">ihqq", reader.int32(), INVALID_PRODUCER_EPOCH, -1, -1)
            reader.bytes()
            if reader.version >= 5:
                writer.add(">q", -1)
            if reader.version >= 8:
                writer.list(0)
                writer.string(None)
            reader.tags()
            writer.tags()
        reader.tags()
        writer.tags()
    writer.add(">i", 0)
    return writer.end()


def _refuse_partitions(reader: RequestReader) -> bytes:
    reader.string()
    reader.owner()
    writer = ResponseWriter(reader)
    writer.add(">i", 0)
    for _ in writer.list(reader.count()):
        writer.string(reader.string())
        for _ in writer.list(reader.count()):
            writer.add(">ih", reader.int32(), INVALID_PRODUCER_EPOCH)
            writer.tags()
        reader.tags()
        writer.tags()
    return writer.end()


def _refuse(reader: RequestReader) -> bytes:
    writer = ResponseWriter(reader)
    writer.add(">ih", 0, INVALID_PRODUCER_EPOCH)
    return writer.end()


def _refuse_offsets(reader: RequestReader) -> bytes:
    reader.string()
    reader.string()
    reader.owner()
    if reader.version >= 3:
        reader.skip(4)  # generation
        reader.string()
        reader.string()
    writer = ResponseWriter(reader)
    writer.add(">i", 0)
    for _ in writer.list(reader.count()):
        writer.string(reader.string())
        for _ in writer.list(reader.count()):
            writer.add(">ih", reader.int32(), INVALID_PRODUCER_EPOCH)
            reader.skip(8 if reader.version < 2 else 12)  # offset, leader's epoch
            reader.string()
            reader.tags()
            writer.tags()
        reader.tags()
        writer.tags()
    return writer.end()


_REFUSALS: dict[int, Callable[[RequestReader], bytes]] = {
    PRODUCE: _refuse_produce, ADD_PARTITIONS: _refuse_partitions, ADD_OFFSETS: _refuse, END_TRANSACTION: _refuse,
    COMMIT_OFFSETS: _refuse_offsets}
