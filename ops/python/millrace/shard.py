# SPDX-License-Identifier: Apache-2.0
"""One shard: JSON Lines in zstd frames, with a seek table at the end (the zstd seekable format 0.1.0)."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from typing import NamedTuple

import zstandard

from .errors import ShardError
from .manifest import Entry

#: The largest frame's content in bytes: a sample of 1 GiB, the largest that Millrace writes, behind a full frame.
FRAME_BYTES_MAX = (1 << 30) + (1 << 20)

_HEADER = struct.Struct("<II")
_FOOTER = struct.Struct("<IBI")
_TABLE_MAGIC = 0x184D2A5E
_FOOTER_MAGIC = 0x8F92EAB1
_CHECKSUMS = 0x80


class Frame(NamedTuple):
    """One frame, as the seek table lists it."""

    #: The frame's place in the file, in bytes.
    offset: int
    #: The bytes that it takes there.
    compressed_size: int
    #: The bytes of its content.
    size: int
    #: The low half of its content's XXH64; ``None`` in a table without.
    checksum: int | None


class Shard:
    """A shard that is open for reading; each frame is compared with the seek table before its lines are handed out.

    Used from one thread at a time.
    """

    def __init__(self, folder: str, entry: Entry) -> None:
        self.entry = entry
        self.path = os.path.join(folder, entry.file)
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise ShardError(
                f"{self.path} is listed, but cannot be opened: {error.strerror}; restore the file, or regenerate the set "
                "with `millrace replay … --from earliest`"
            ) from None
        try:
            self.frames = self._seek_table()
        except BaseException:
            self.close()
            raise
        self._decompressor = zstandard.ZstdDecompressor()

    def close(self) -> None:
        """Closes the file; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            self.close()

    def lines(self, number: int) -> list[bytes]:
        """The samples of a frame, each without its newline."""
        lines = self.content(number).split(b"\n")
        if lines.pop():
            raise self._damaged(f"frame {number} does not end at the end of a line")
        return lines

    def content(self, number: int) -> bytes:
        """The bytes of a frame's samples, each with its newline."""
        frame = self.frames[number]
        data = self._read(frame.offset, frame.compressed_size)
        place = f"frame {number} at byte {frame.offset}"
        try:
            size = zstandard.frame_content_size(data)
            if size != frame.size:
                raise self._damaged(f"{place} says it holds {size} bytes, the seek table {frame.size}")
            if frame.checksum is not None and data[-4:] != frame.checksum.to_bytes(4, "little"):
                raise self._damaged(f"{place} is not the frame that the seek table lists here (checksum)")
            return self._decompressor.decompress(data, max_output_size=frame.size, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise self._damaged(f"{place}: {error}") from None

    def verify(self) -> None:
        """Compares every byte with the SHA-256 that the manifest has.

        Raises:
            ShardError: if they differ.
        """
        digest, offset = hashlib.sha256(), 0
        while offset < self.entry.bytes:
            piece = self._read(offset, min(1 << 20, self.entry.bytes - offset))
            digest.update(piece)
            offset += len(piece)
        if digest.hexdigest() != self.entry.sha256:
            raise self._damaged("its SHA-256 is not the one that was committed")

    def _seek_table(self) -> list[Frame]:
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise self._damaged("it is no regular file")
        size = status.st_size
        if size != self.entry.bytes:
            raise self._damaged(f"it has {size} bytes, {self.entry.bytes} were committed")
        if size < _HEADER.size + _FOOTER.size:
            raise self._damaged("it is too short for a seek table")
        count, descriptor, magic = _FOOTER.unpack(self._read(size - _FOOTER.size, _FOOTER.size))
        width = 12 if descriptor & _CHECKSUMS else 8
        length = _HEADER.size + count * width + _FOOTER.size
        if magic != _FOOTER_MAGIC or descriptor & ~_CHECKSUMS or length > size:
            raise self._damaged("the seek table at its end is missing or damaged")
        table = self._read(size - length, length)
        if _HEADER.unpack_from(table) != (_TABLE_MAGIC, length - _HEADER.size):
            raise self._damaged("the seek table's header does not fit its footer")
        frames, offset = [], 0
        for numbers in struct.iter_unpack("<III" if width == 12 else "<II", table[_HEADER.size : -_FOOTER.size]):
            # Entries without content stand for skippable frames.
            if numbers[1]:
                frames.append(Frame(offset, numbers[0], numbers[1], numbers[2] if width == 12 else None))
            offset += numbers[0]
        if offset != size - length:
            raise self._damaged(f"the seek table lists {offset} bytes of frames, there are {size - length}")
        if len(frames) != self.entry.frames or sum(f.size for f in frames) != self.entry.uncompressed_bytes:
            raise self._damaged("the seek table lists other frames than were committed")
        if any(frame.size > FRAME_BYTES_MAX for frame in frames):
            raise self._damaged(f"a frame is to have more than {FRAME_BYTES_MAX} bytes")
        return frames

    def _read(self, offset: int, count: int) -> bytes:
        if self._descriptor < 0:
            raise ShardError(f"{self.path} was closed; open it again")
        pieces = []
        while count > 0:
            piece = os.pread(self._descriptor, count, offset)
            if not piece:
                raise self._damaged("it was cut short while it was read")
            pieces.append(piece)
            offset, count = offset + len(piece), count - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _damaged(self, why: str) -> ShardError:
        return ShardError(
            f"{self.path}: {why}; restore the file, or regenerate the set with `millrace replay … --from earliest`"
        )
