# SPDX-License-Identifier: Apache-2.0
"""Clients of a status server, in one process: python serving_clients.py PORT PAGES SCRAPES_A_MINUTE

Each page loads the page once and holds its events open; scrapes go over four connections that stay. Ends when the server
does, and prints what was taken as JSON.
"""

import asyncio
import json
import sys
import time

TAKEN = {"events": 0, "scrapes": 0, "failures": 0, "bytes": 0}
ENDED = (OSError, EOFError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class Refused(Exception):
    pass


def request(port, path):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


async def head(reader):
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    if lines[0].split(" ")[1] != "200":
        raise Refused(lines[0])
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}


async def fetch(reader, writer, port, path):
    writer.write(request(port, path))
    fields = await head(reader)
    if fields.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
            TAKEN["bytes"] += size
        await reader.readexactly(2)
    else:
        TAKEN["bytes"] += len(await reader.readexactly(int(fields["content-length"])))


async def page(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    await fetch(reader, writer, port, "/")
    writer.write(request(port, "/events"))
    await head(reader)
    while data := await reader.read(1 << 16):
        TAKEN["bytes"] += len(data)
        TAKEN["events"] += data.count(b"event: ")


async def scraper(port, interval, offset):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    start = time.monotonic() + offset
    while True:
        await asyncio.sleep(max(0, start - time.monotonic()))
        start += interval
        await fetch(reader, writer, port, "/metrics")
        TAKEN["scrapes"] += 1


async def kept(client):
    try:
        await client
    except ENDED:
        pass
    except Refused as refusal:
        TAKEN["failures"] += 1
        print(refusal, file=sys.stderr)


async def main():
    port, pages, scrapes = (int(text) for text in sys.argv[1:])
    interval = 4 * 60 / scrapes
    await asyncio.gather(*(kept(page(port)) for _ in range(pages)),
                         *(kept(scraper(port, interval, number * interval / 4)) for number in range(4)))
    print(json.dumps(TAKEN))


asyncio.run(main())
