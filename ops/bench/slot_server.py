# SPDX-License-Identifier: Apache-2.0
"""A model server that thinks about nothing: SLOTS requests at a time, an answer after DELAY seconds, each tenth after ten
times that. More requests than slots wait in a queue, as they do at vLLM or llama.cpp.

    python3 slot_server.py SLOTS DELAY [AT SECONDS STATUS,STATUS...]

Says `listening URL`. From AT seconds after the first request on, for SECONDS, it refuses all requests with the statuses in
turn, at once. `GET /report` answers what the slots did from the moment at which they were first all busy to the last arrival of a
request, which is how long records waited: {"busy_share", "requests", "seconds", "queued_max"}. Where requests are rounds of
dialogues, it is the last arrival of a first round: from then on no dialogue waits to be begun. With an outage also {"refused":
calls in vain, "full_after": seconds from its end until all slots were busy}.
"""

import asyncio
import json
import re
import sys
import time

SLOTS, DELAY = int(sys.argv[1]), float(sys.argv[2])
FAULT_AT, FAULT_SECONDS = (float(sys.argv[3]), float(sys.argv[4])) if len(sys.argv) > 5 else (0.0, 0.0)
FAULTS = sys.argv[5].split(",") if len(sys.argv) > 5 else []
NOTE = re.compile(rb"\[(\d+)\] ([^\\\"\[]*)")
CLIP = re.compile(r"Write the turns from ([0-9.]+) s to ([0-9.]+) s")
STEP = re.compile(r"^\[([0-9.]+)s-[0-9.]+s\] (.+)$", re.M)
SPOKEN = re.compile(r"^(\d+)\. \[[0-9.]+s\] Assistant:", re.M)


class Slots:
    """How many are busy, and for how long they were."""

    def __init__(self):
        self.busy = self.queued = self.queued_max = self.requests = 0
        self.integral = 0.0
        self.changed = time.monotonic()
        self.full_since = None
        self.integral_when_full = 0.0
        self.last_arrival = (0.0, 0.0)
        self.free = asyncio.Semaphore(SLOTS)
        self.first = self.full_after = None
        self.refused = 0

    def fault(self):
        """The status with which a request is refused now, or None."""
        now = time.monotonic()
        self.first = self.first or now
        if not FAULTS or not FAULT_AT <= now - self.first < FAULT_AT + FAULT_SECONDS:
            return None
        self.refused += 1
        return FAULTS[self.refused % len(FAULTS)]

    def change(self, by):
        now = time.monotonic()
        self.integral += self.busy * (now - self.changed)
        self.changed = now
        self.busy += by
        if self.full_since is None and self.busy == SLOTS:
            self.full_since, self.integral_when_full = now, self.integral
        if FAULTS and self.full_after is None and self.busy == SLOTS:
            after = now - self.first - FAULT_AT - FAULT_SECONDS
            self.full_after = after if after >= 0 else None

    async def serve(self, begins):
        number = self.requests
        self.requests += 1
        self.queued += 1
        self.queued_max = max(self.queued_max, self.queued - (SLOTS - self.busy))
        async with self.free:
            self.queued -= 1
            self.change(1)
            if begins:
                self.last_arrival = (self.changed, self.integral)
            await asyncio.sleep(DELAY * 10 if number % 10 == 3 else DELAY)
            self.change(-1)

    def report(self):
        if self.full_since is None:
            return {"busy_share": 0, "requests": self.requests, "seconds": 0, "queued_max": self.queued_max}
        seconds = self.last_arrival[0] - self.full_since
        integral = self.last_arrival[1] - self.integral_when_full
        return {"busy_share": integral / seconds / SLOTS if seconds > 0 else 0, "requests": self.requests,
                "seconds": seconds, "queued_max": self.queued_max, "refused": self.refused, "full_after": self.full_after}


def is_round(body):
    """Tells whether a request is a round of a dialogue behind its first, or comes when all rounds are over."""
    return b"The dialogue so far:" in body or b"You sum up how far" in body


def dialogue_answer(body):
    """The answer of one of the stages of dialogues; None to any other request."""
    if b"You imagine conversations" in body:
        prompt = json.loads(body)["messages"][-1]["content"]
        start, end = (float(bound) for bound in CLIP.search(prompt).groups())
        turns = [{"time": float(time), "role": "assistant", "text": f"Now {text}.", "initiativity": "initiative",
                  "intents": ["instruction"]} for time, text in STEP.findall(prompt) if start <= float(time) <= end]
        if b"The dialogue so far:" not in body:
            turns.insert(0, {"time": start, "role": "user", "text": "Let us begin."})
        return {"turns": turns}
    if b"You sum up how far" in body:
        prompt = json.loads(body)["messages"][-1]["content"]
        return {"summaries": [{"turn": int(number), "summary": "It goes on."} for number in SPOKEN.findall(prompt)]}
    if b"say whether it follows" in body:
        return {"analysis": "seen", "answer": 1}
    return {"name": "Do the task", "steps": ["begin", "end"]} if b"You describe tasks" in body else None


def answer(body):
    """A question for each note of the last message."""
    notes = NOTE.findall(body[body.rfind(b"Notes:"):])
    said = dialogue_answer(body)
    queries = [{"narration_ids": [int(number)], "template": "Objects: What X is Y?",
                "query": f"What happened when {text.decode(errors='replace').strip()} ?"[:150]}
               for number, text in notes]
    content = json.dumps(said or {"queries": queries})
    if b"colour" in body:  # the probe's schema
        content = '{"colour":"teal"}'
    return json.dumps({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": len(body) // 4, "completion_tokens": len(content) // 4}}).encode()


class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.received = transport, b""

    def data_received(self, data):
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end]
            found = re.search(rb"(?i)content-length: *(\d+)", head)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self.received) < size:
                return
            body, self.received = self.received[end + 4:size], self.received[size:]
            asyncio.ensure_future(self.respond(head.split(b" ")[1], body))

    async def respond(self, path, body):
        if path.endswith(b"/chat/completions"):
            if fault := slots.fault():
                self.write(fault.encode() + b" Refused", b'{"error":{"message":"refused for a while"}}')
                return
            await slots.serve(not is_round(body))
            self.write(b"200 OK", answer(body))
        elif path == b"/report":
            self.write(b"200 OK", json.dumps(slots.report()).encode())
        else:
            self.write(b"404 Not Found", b'{"error":{"message":"no such route"}}')

    def write(self, status, body):
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: "
                             + str(len(body)).encode() + b"\r\n\r\n" + body)


async def main():
    global slots
    slots = Slots()
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=4096)
    print(f"listening http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
