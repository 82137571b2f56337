# SPDX-License-Identifier: Apache-2.0
"""A proxy in front of the broker for each worker, whose connections can be cut."""

import asyncio
import socket
import struct
import threading

from .broker import HOST, Broker
from .transactions import Answer, Transactions


class Proxy:
    """Listens on a port for one worker and passes everything on to the broker.

    The broker advertises the address it binds, so the proxy puts its own port into what the broker answers: the host's
    text followed by the port's four bytes is how Metadata and FindCoordinator responses spell it, in every version.
    The length stays the same, and no response that is checked by a CRC holds these thirteen bytes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, broker: Broker, transactions: Transactions):
        self.loop, self.broker, self.transactions = loop, broker, transactions
        self.port = 0
        self.accepted = 0
        self.refusing = False
        self.pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()

    async def listen(self) -> None:
        self.server = await asyncio.start_server(self._serve, HOST, 0, limit=1 << 20)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            return self._reset(writer)
        try:
            upstream_reader, upstream = await asyncio.open_connection(HOST, self.broker.port, limit=1 << 20)
        except OSError:
            return self._reset(writer)
        pair = (writer, upstream)
        self.pairs.add(pair)
        self.accepted += 1
        answers: dict[int, Answer] = {}  # by correlation id
        tasks = [asyncio.ensure_future(self._ask(reader, upstream, writer, answers)),
                 asyncio.ensure_future(self._answer(upstream_reader, writer, answers))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self.pairs.discard(pair)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in pair:
            end.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: asyncio.StreamWriter,
        answers: dict[int, Answer]
    ) -> None:
        while True:
            request = await _read_frame(reader)
            while self.transactions.holding and self.transactions.begins(request):
                await asyncio.sleep(0.01)
            if refusal := self.transactions.refusal(request):
                await _write_frame(client, refusal)
                continue
            if left_open := self.transactions.left_open(request):
                await self._end(*left_open)
            if answer := self.transactions.take(request):
                answers[struct.unpack_from(">i", request, 4)[0]] = answer
            await _write_frame(writer, request)

    async def _end(self, name: str, abort: bytes) -> None:
        """Ends what a former owner has left open, once what it has on its way has arrived."""
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection(HOST, self.broker.port)
        try:
            await _write_frame(writer, abort)
            await _read_frame(reader)
            self.transactions.ended(name)
        finally:
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: dict[int, Answer]
    ) -> None:
        host = HOST.encode()
        theirs, ours = host + struct.pack(">i", self.broker.port), host + struct.pack(">i", self.port)
        while True:
            response = (await _read_frame(reader)).replace(theirs, ours)
            if answer := answers.pop(struct.unpack_from(">i", response)[0], None):
                answer(response)
            await _write_frame(writer, response)

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        """Closes with a reset instead of a farewell, and throws away what is on its way."""
        raw = writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _cut(self) -> int:
        count = len(self.pairs)
        for pair in list(self.pairs):
            for end in pair:
                self._reset(end)
        return count

    def cut(self, refusing: bool) -> int:
        """Resets every connection; answers how many there were. While `refusing`, new ones are reset too."""
        self.refusing = refusing
        return asyncio.run_coroutine_threadsafe(self._cut(), self.loop).result(10)

    def mend(self) -> None:
        self.refusing = False


async def _read_frame(reader: asyncio.StreamReader) -> bytearray:
    return bytearray(await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0]))


async def _write_frame(writer: asyncio.StreamWriter, frame: bytes | bytearray) -> None:
    writer.write(struct.pack(">i", len(frame)) + frame)
    await writer.drain()


class Proxies:
    """The thread that the proxies run in."""

    def __init__(self, broker: Broker):
        self.broker = broker
        self.transactions = Transactions()
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda loop, context: None)  # connections end in every way here
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def add(self) -> Proxy:
        proxy = Proxy(self.loop, self.broker, self.transactions)
        asyncio.run_coroutine_threadsafe(proxy.listen(), self.loop).result(10)
        return proxy

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
