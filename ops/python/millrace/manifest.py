# SPDX-License-Identifier: Apache-2.0
"""The lists of committed shards: one file ``manifest-P.jsonl`` a partition, beside the shards.

The first line says whose shards it lists, each further line is one shard. The partition's owner replaces the file
whole when it takes over and appends a line after each commit, so a last line without its end is still being written.
The lists may lag behind what is committed, and never lead it.
"""

from __future__ import annotations

import json
import os
import re
import stat
from typing import Any, NamedTuple

from .errors import ShardError

#: The version of the files that this package reads.
VERSION = 1
#: The largest line of a list, in bytes.
LINE_BYTES_MAX = 64 << 10
#: The largest list, in bytes: two million shards of one partition.
FILE_BYTES_MAX = 1 << 30
#: The largest number of partitions, as many as a topology may have and more.
PARTITIONS_MAX = 100_000
#: Counts and sizes up to here are exact in any JSON.
NUMBER_MAX = 2**53

_FILE = re.compile(r"manifest-(0|[1-9][0-9]{0,5})\.jsonl")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Entry(NamedTuple):
    """One committed shard, as its list has it."""

    #: The name of the file, in the folder of the list.
    file: str
    partition: int
    #: Counts the shards of the partition, from zero.
    sequence: int
    #: The size of the file in bytes, compressed.
    bytes: int
    #: The size of the samples in bytes, each with its newline.
    uncompressed_bytes: int
    samples: int
    frames: int
    #: The SHA-256 of the file, in hexadecimal.
    sha256: str


def shard_file(name: str, partition: int, sequence: int, epoch: int) -> str:
    """The name that a shard's file has."""
    return f"{name}-{partition:04}-{sequence:08}-{epoch:06}.jsonl.zst"


class Manifest:
    """The committed shards of a folder, partition by partition; ``refresh`` takes in what has come.

    What was seen once stays: should a list be shorter than before, after a crash, the longer one counts.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = os.fspath(folder)
        #: The common name of the shards.
        self.name = ""
        #: The shards of each partition, in order. A partition whose list is not there yet has none.
        self.entries: list[list[Entry]] = []
        self._lists: dict[int, _List] = {}
        self.refresh()
        if not self._lists:
            raise ShardError(
                f"{self.folder}: no file manifest-P.jsonl is there; name the folder of one set (HOME/shards/NAME). In a "
                "home that an earlier version wrote, the files come when the set's topology is run again: `millrace run`"
            )

    @property
    def partitions(self) -> int:
        """The number of partitions that the set has."""
        return len(self.entries)

    @property
    def missing(self) -> list[str]:
        """The lists that are not there: of partitions that no owner has opened yet, or that were not copied along."""
        return [f"manifest-{p}.jsonl" for p in range(self.partitions) if p not in self._lists]

    def refresh(self) -> bool:
        """Takes in what was committed since; tells whether there was anything."""
        for name in self.missing if self._lists else self._names():
            path = os.path.join(self.folder, name)
            match = _FILE.fullmatch(name)
            if match and os.path.lexists(path):
                self._lists[int(match[1])] = _List(path, int(match[1]))
        # All are asked: `any` alone would stop at the first.
        return any([self._read(partition) for partition in sorted(self._lists)])

    def _names(self) -> list[str]:
        try:
            return os.listdir(self.folder)
        except OSError as error:
            raise ShardError(f"{self.folder}: {error.strerror}; name the folder of one set, HOME/shards/NAME") from None

    def _read(self, partition: int) -> bool:
        listed = self._lists[partition]
        grown = listed.refresh()
        if not self.entries:
            self.name = listed.name
            self.entries = [[] for _ in range(listed.partitions)]
        if listed.name != self.name or listed.partitions != self.partitions:
            raise ShardError(
                f"{listed.path} is of the set {listed.name!r} with {listed.partitions} partitions, other lists in its "
                f"folder of {self.name!r} with {self.partitions}; keep one set in a folder"
            )
        self.entries[partition] = listed.entries
        return grown

    def require_all(self) -> None:
        """Refuses a set of which a list is missing: what is there would pass for all of it.

        Raises:
            ShardError: with the names of the lists.
        """
        if self.missing:
            raise ShardError(
                f"{self.folder}: {', '.join(self.missing[:4])} {'is' if len(self.missing) == 1 else 'are'} missing, of "
                f"{self.partitions} partitions: copy the whole folder, or run the set's topology once (`millrace run`), "
                "or follow the set (follow=True)"
            )


class _List:
    """The list of one partition, read as far as it has whole lines."""

    def __init__(self, path: str, partition: int) -> None:
        self.path = path
        self.partition = partition
        self.name = ""
        self.partitions = 0
        self.entries: list[Entry] = []
        #: The epoch of the owner that wrote the file whole.
        self._epoch = -1
        self._file = (0, 0)
        self._end = 0

    def refresh(self) -> bool:
        """Reads what has come; tells whether there was anything."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and self._epoch >= 0:
                raise ShardError(
                    f"{self.path} is gone, and was there: the set was dropped or moved. Once it has been made anew, begin "
                    "anew, too, without the saved state"
                ) from None
            raise ShardError(f"{self.path}: {error.strerror}; run the set's topology once, which writes it") from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ShardError(f"{self.path} is no regular file; remove it, and run the set's topology once")
            if status.st_size > FILE_BYTES_MAX:
                raise ShardError(f"{self.path} has {status.st_size} bytes, more than {FILE_BYTES_MAX}; it is no list")
            file = (status.st_dev, status.st_ino)
            if file == self._file and status.st_size >= self._end:
                try:
                    return self._take(descriptor, self._end, status.st_size, len(self.entries))
                except ShardError:
                    # Another file may have got the same number from the system.
                    pass
            grown = self._take(descriptor, 0, status.st_size, -1)
            self._file = file
            return grown
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int, start: int, size: int, sequence: int) -> bool:
        """Takes the whole lines in from a place on; ``sequence`` is the next shard's there, -1 at the first line."""
        known, rest, offset = len(self.entries), b"", start
        epoch = self._epoch
        fresh: list[Entry] = []
        while offset < size:
            piece = os.pread(descriptor, min(1 << 20, size - offset), offset)
            if not piece:
                break
            offset += len(piece)
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if sequence < 0:
                    epoch = self._head(line)
                else:
                    entry = self._entry(line, sequence)
                    if sequence < known and entry != self.entries[sequence]:
                        raise ShardError(
                            f"{self.path} now lists {entry.file} where it listed {self.entries[sequence].file} with other "
                            "content: the set was made anew. Begin anew, too, without the saved state"
                        )
                    if sequence >= known:
                        fresh.append(entry)
                sequence += 1
            if len(rest) > LINE_BYTES_MAX:
                raise self._damaged(f"line {sequence + 2} has more than {LINE_BYTES_MAX} bytes")
        if sequence < 0:
            raise self._damaged("it has no first line")
        # An owner writes the file whole from the log, which lists all that was ever listed, unless the set was dropped.
        if start == 0 and sequence < known and epoch > self._epoch >= 0:
            raise ShardError(
                f"{self.path} lists {sequence} shards where it listed {known}, and its owner's epoch went from "
                f"{self._epoch} to {epoch}: the set was dropped and is being made anew. Begin anew, too, without the "
                "saved state"
            )
        self._epoch = epoch
        self._end = offset - len(rest)
        self.entries += fresh
        return bool(fresh)

    def _head(self, line: bytes) -> int:
        """Takes the first line in; answers the epoch of the owner that wrote it."""
        fields = self._fields(line, 1)
        name = fields.get("manifest")
        if not isinstance(name, str):
            raise self._damaged("its first line is that of no list")
        version = self._number(fields, "version", 1)
        if version > VERSION:
            raise ShardError(
                f"{self.path} has version {version}, this package reads up to {VERSION}; install the package that came "
                "with the program that wrote it"
            )
        partitions = self._number(fields, "partitions", 1)
        if not _NAME.fullmatch(name) or not 1 <= partitions <= PARTITIONS_MAX or self.partition >= partitions:
            raise self._damaged(f"its first line names the set {name[:200]!r} with {partitions} partitions")
        if self._number(fields, "partition", 1) != self.partition:
            raise self._damaged("its first line names another partition")
        self.name, self.partitions = name, partitions
        return self._number(fields, "epoch", 1)

    def _entry(self, line: bytes, sequence: int) -> Entry:
        number = sequence + 2
        fields = self._fields(line, number)
        epoch = self._number(fields, "epoch", number)
        entry = Entry(
            file=shard_file(self.name, self.partition, sequence, epoch),
            partition=self._number(fields, "partition", number),
            sequence=self._number(fields, "sequence", number),
            bytes=self._number(fields, "bytes", number),
            uncompressed_bytes=self._number(fields, "uncompressed_bytes", number),
            samples=self._number(fields, "samples", number),
            frames=self._number(fields, "frames", number),
            sha256=str(fields.get("sha256")),
        )
        # The name goes into a path: it is the one that the numbers make, and leads nowhere else.
        if fields.get("file") != entry.file or (entry.partition, entry.sequence) != (self.partition, sequence):
            raise self._damaged(f"line {number} is not that of shard {sequence} of partition {self.partition}")
        if not _SHA256.fullmatch(entry.sha256):
            raise self._damaged(f"line {number} has no sha256")
        if not entry.frames <= entry.samples <= entry.uncompressed_bytes:
            raise self._damaged(f"line {number} has more frames than samples, or more samples than bytes")
        return entry

    def _fields(self, line: bytes, number: int) -> dict[str, Any]:
        if len(line) > LINE_BYTES_MAX:
            raise self._damaged(f"line {number} has more than {LINE_BYTES_MAX} bytes")
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise self._damaged(f"line {number} is no JSON object")
        return fields

    def _number(self, fields: dict[str, Any], key: str, number: int) -> int:
        value = fields.get(key)
        if type(value) is not int or not 0 <= value <= NUMBER_MAX:
            raise self._damaged(f"line {number} has no {key}, or none that is a count")
        return value

    def _damaged(self, why: str) -> ShardError:
        return ShardError(
            f"{self.path} is damaged: {why}; remove it and run the set's topology once (`millrace run`), which writes it "
            "from the log"
        )
