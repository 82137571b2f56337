# SPDX-License-Identifier: Apache-2.0
"""Kafka's wire format, as far as the proxies have to read requests and write answers.

Source: https://kafka.apache.org/protocol. A *flexible* version has lengths of variable size, one more than the length,
and tagged fields behind each structure; of these only the absence is written, and they are passed over in reading.
"""

import struct


class RequestReader:
    """Reads a request from its header on."""

    def __init__(self, request: bytes, flexible: dict[int, int]):
        self._data, self._place = request, 0
        self.key, self.version, self.correlation = struct.unpack_from(">hhi", request)
        self.is_flexible = self.key in flexible and self.version >= flexible[self.key]
        # The client's name has a length of two bytes in every version.
        self._place = 10 + max(0, struct.unpack_from(">h", request, 8)[0])
        self.tags()

    def _take(self, form: str) -> tuple:
        values = struct.unpack_from(form, self._data, self._place)
        self._place += struct.calcsize(form)
        return values

    def _variable(self) -> int:
        number = shift = 0
        while True:
            byte = self._data[self._place]
            self._place += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def _length(self, form: str) -> int:
        return self._variable() - 1 if self.is_flexible else self._take(form)[0]

    def skip(self, count: int) -> None:
        self._place += count

    def int32(self) -> int:
        return self._take(">i")[0]

    def owner(self) -> tuple[int, int]:
        """A producer id and its epoch."""
        return self._take(">qh")

    def string(self) -> str | None:
        length = self._length(">h")
        if length < 0:
            return None
        self._place += length
        return bytes(self._data[self._place - length:self._place]).decode()

    def bytes(self) -> bytes:
        length = max(0, self._length(">i"))
        self._place += length
        return bytes(self._data[self._place - length:self._place])

    def count(self) -> int:
        """The number of a list's elements."""
        return max(0, self._length(">i"))

    def tags(self) -> None:
        if self.is_flexible:
            for _ in range(self._variable()):
                self._variable()
                self.skip(self._variable())


class ResponseWriter:
    """Writes the answer to a request."""

    def __init__(self, request: RequestReader):
        self._is_flexible = request.is_flexible
        self._data = bytearray(struct.pack(">i", request.correlation))
        self.tags()

    def add(self, form: str, *values: int) -> None:
        self._data += struct.pack(form, *values)

    def _length(self, form: str, length: int) -> None:
        if not self._is_flexible:
            self._data += struct.pack(form, length)
            return
        length += 1
        while length >= 0x80:
            self._data.append(length & 0x7F | 0x80)
            length >>= 7
        self._data.append(length)

    def string(self, text: str | None) -> None:
        data = b"" if text is None else text.encode()
        self._length(">h", -1 if text is None else len(data))
        self._data += data

    def list(self, count: int) -> range:
        """Begins a list; its elements are written by whoever goes through the range."""
        self._length(">i", count)
        return range(count)

    def tags(self) -> None:
        if self._is_flexible:
            self._data.append(0)

    def end(self) -> bytes:
        self.tags()
        return bytes(self._data)
