# SPDX-License-Identifier: Apache-2.0
"""What a Kafka coordinator remembers of transactions over a restart and noida-db 0.2.3 does not.

After a restart noida-db gives a transactional id a new producer id and does not fence the former owner: with
confluent-kafka alone, an owner from before the restart committed after its successor had (without a restart it is
refused). So the proxies remember who initialised an id last, and answer anybody else as Kafka would, by
INVALID_PRODUCER_EPOCH: nothing is added to such a transaction, and what ends it is turned into an abort on its way to
the broker. What a former owner has left open, Kafka aborts when its successor initialises; here an abort in the former's
name is sent to the broker, also when the former has been refused and will never end it: readers would wait at it for ever.
And the broker is stopped while no transaction is open, since it would not know whose that was.
"""

import struct
import threading
import time
from collections.abc import Callable

INIT_PRODUCER_ID, ADD_PARTITIONS, ADD_OFFSETS, END_TRANSACTION = 22, 24, 25, 26
INVALID_PRODUCER_EPOCH = 47
NOBODY = 1 << 62
# The first versions whose headers have tags and whose strings have lengths of variable size.
FLEXIBLE = {INIT_PRODUCER_ID: 2, ADD_PARTITIONS: 3, ADD_OFFSETS: 3, END_TRANSACTION: 3}

Owner = tuple[int, int]  # producer id and epoch
Answer = Callable[[bytearray], None]
Abort = Callable[[bytes], None]  # takes a request to be sent to the broker a little later


class Transactions:
    """Who owns each transactional id, and which have a transaction open; shared by all proxies."""

    def __init__(self, abort: Abort) -> None:
        self.refused = self.aborted = 0
        self._abort = abort
        self._owners: dict[str, Owner | None] = {}
        self._open: set[str] = set()
        self._lock = threading.Lock()
        self.holding = False

    def take(self, request: bytearray) -> Answer | None:
        """Looks at a request, and may change it; answers what is to be done with its response."""
        key, version = struct.unpack_from(">hh", request)
        if key not in FLEXIBLE:
            return None
        is_flexible = version >= FLEXIBLE[key]
        start = 10 + max(0, struct.unpack_from(">h", request, 8)[0]) + is_flexible
        name, start = _string(request, start, is_flexible)
        if not name:
            return None
        with self._lock:
            if key == INIT_PRODUCER_ID:
                former = self._owners.get(name) if name in self._open else None
                self._owners[name] = None
                return lambda response: self._initialised(name, former, response, 8 + is_flexible)
            owner = struct.unpack_from(">qh", request, start)
            if name in self._owners and self._owners[name] != owner:
                if key == END_TRANSACTION:
                    self.refused += 1
                    request[start + 10] = 0  # abort
                else:
                    self._abort_later(name, owner)
                    # Nobody's, so that the broker adds nothing that nobody would ever end.
                    struct.pack_into(">qh", request, start, NOBODY, 0)
                if key == ADD_PARTITIONS:
                    return None if is_flexible else _refuse_partitions
                return lambda response: struct.pack_into(">h", response, 8 + is_flexible, INVALID_PRODUCER_EPOCH)
            if key != END_TRANSACTION:
                self._open.add(name)
                return None
            return lambda response: self._ended(name, response, 8 + is_flexible)

    def begins(self, request: bytes) -> bool:
        """Whether a request opens a transaction, so that it has to wait while the broker is to be stopped."""
        key, version = struct.unpack_from(">hh", request)
        if key not in (ADD_PARTITIONS, ADD_OFFSETS):
            return False
        is_flexible = version >= FLEXIBLE[key]
        name, _ = _string(request, 10 + max(0, struct.unpack_from(">h", request, 8)[0]) + is_flexible, is_flexible)
        with self._lock:
            return name not in self._open

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

    def _abort_later(self, name: str, owner: Owner) -> None:
        self.aborted += 1
        text = name.encode()
        header = struct.pack(">hhih", END_TRANSACTION, 1, 0, -1)
        self._abort(header + struct.pack(">h", len(text)) + text + struct.pack(">qhb", *owner, 0))

    def _initialised(self, name: str, former: Owner | None, response: bytearray, start: int) -> None:
        error, *owner = struct.unpack_from(">hqh", response, start)
        if error == 0:
            with self._lock:
                # With the same producer id the broker knows it, and has ended what was open.
                if former and former[0] != owner[0]:
                    self._abort_later(name, former)
                self._owners[name] = (owner[0], owner[1])
                self._open.discard(name)

    def _ended(self, name: str, response: bytearray, start: int) -> None:
        if struct.unpack_from(">h", response, start)[0] == 0:
            with self._lock:
                self._open.discard(name)


def _refuse_partitions(response: bytearray) -> None:
    """Puts the error into every partition of an answer to AddPartitionsToTxn."""
    place = 8
    topics, place = struct.unpack_from(">i", response, place)[0], place + 4
    for _ in range(topics):
        place += 2 + struct.unpack_from(">h", response, place)[0]
        partitions, place = struct.unpack_from(">i", response, place)[0], place + 4
        for _ in range(partitions):
            struct.pack_into(">h", response, place + 4, INVALID_PRODUCER_EPOCH)
            place += 6


def _string(data: bytes, start: int, is_flexible: bool) -> tuple[str, int]:
    """Reads a string of a request; the place behind it. None is as good as empty here."""
    if is_flexible:
        length, shift = 0, 0
        while True:
            byte = data[start]
            length |= (byte & 0x7F) << shift
            start, shift = start + 1, shift + 7
            if byte < 0x80:
                break
        length -= 1
    else:
        length = struct.unpack_from(">h", data, start)[0]
        start += 2
    length = max(0, length)
    return bytes(data[start:start + length]).decode(), start + length
