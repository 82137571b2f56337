# SPDX-License-Identifier: Apache-2.0
"""Sets that no program wrote: small ones, and hostile ones."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import zstandard


def shard(frames: list[list[bytes]]) -> bytes:
    """The bytes of a shard with these frames of lines."""
    compressor = zstandard.ZstdCompressor(write_checksum=True, write_content_size=True)
    body, table = b"", b""
    for lines in frames:
        content = b"".join(line + b"\n" for line in lines)
        frame = compressor.compress(content)
        body += frame
        table += struct.pack("<II", len(frame), len(content)) + frame[-4:]
    footer = struct.pack("<IBI", len(frames), 0x80, 0x8F92EAB1)
    return body + struct.pack("<II", 0x184D2A5E, len(table) + len(footer)) + table + footer


def entry(name: str, partition: int, sequence: int, data: bytes, frames: list[list[bytes]]) -> dict[str, Any]:
    """The line of a list for a shard."""
    return {
        "file": f"{name}-{partition:04}-{sequence:08}-000001.jsonl.zst", "partition": partition, "sequence": sequence,
        "epoch": 1, "bytes": len(data), "uncompressed_bytes": sum(len(line) + 1 for lines in frames for line in lines),
        "samples": sum(map(len, frames)), "frames": len(frames), "sha256": hashlib.sha256(data).hexdigest(),
        "last_index": None, "reason": "samples", "topology_hash": "t", "zstd_version": "1.5.7", "level": 3,
        "first_offset": 0, "last_offset": 1,
    }  # fmt: skip


def head(name: str, partition: int, partitions: int, epoch: int = 1) -> dict[str, Any]:
    """The first line of a list."""
    return {"manifest": name, "version": 1, "partition": partition, "partitions": partitions, "epoch": epoch}


def write_list(folder: Path, partition: int, lines: list[dict[str, Any]]) -> None:
    """Writes a list whole, under another name first."""
    path = folder / f"manifest-{partition}.jsonl"
    temporary = folder / f".open-1-manifest-{partition}.jsonl"
    temporary.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    temporary.rename(path)


class Fabricated:
    """A set in the making: ``add`` commits a shard."""

    def __init__(self, folder: Path, name: str = "made", partitions: int = 1) -> None:
        self.folder = folder
        self.name = name
        folder.mkdir(parents=True)
        self.lists = [[head(name, partition, partitions)] for partition in range(partitions)]
        for partition in range(partitions):
            self.write(partition)

    def write(self, partition: int) -> None:
        write_list(self.folder, partition, self.lists[partition])

    def add(self, partition: int, frames: list[list[bytes]]) -> Path:
        """Publishes a shard and lists it."""
        data = shard(frames)
        line = entry(self.name, partition, len(self.lists[partition]) - 1, data, frames)
        path = self.folder / line["file"]
        path.write_bytes(data)
        self.lists[partition].append(line)
        self.write(partition)
        return path
