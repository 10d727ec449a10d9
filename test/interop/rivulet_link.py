"""The dialing side of a link, with a stock Avro library: docs/reference/protocol, section Links, and nothing of Rivulet's code.

It knows of sockets only that they send, receive and poll frames: `dial` makes them. What items mean is the business of
rivulet_calls.py. It keeps to what a peer must do, waits wherever the peer wants it to wait, and raises when the peer does
not do what it must.
"""
import collections
import io
import os
import time

import avro.schema
import rivulet_proof as proof
import rivulet_wire as wire

CREDIT, DRAIN, GOODBYE, ABANDON = 1, 2, 3, 4
FIRST_PATTERN = 16
MORE, LAST = 1, 2

HEADER = wire.load("link-header.avsc")
ITEM = wire.load("item.avsc")
ITEMS = wire.array_of((wire.PROTOCOL / "item.avsc").read_text(encoding="utf-8"))
LONG = avro.schema.parse('"long"')
NO_ITEMS = wire.encode(ITEMS, [])

LIMITS = {"itemBytes": 16_777_216, "windowBytes": 262_144, "streamWindowBytes": 131_072, "assemblyBytes": 67_108_864}
FRAME_BYTES = 131_072
FRAME_COST = 64
FRAGMENT_BYTES = 32_768
SHORTEST_FRAGMENT = 4096
HEARTBEAT_MS = 1000
SILENCE_S = 20


class Broken(Exception):
    """The peer is gone, or does not keep to the protocol."""


def check(holds, what):
    if not holds:
        raise Broken(what)


def now():
    """Milliseconds on a clock that begins anywhere."""
    return int(time.monotonic() * 1000)


class Link:
    """One session, over one connection after the other."""

    def __init__(self, dial, keys=None):
        self.dial = dial
        self.keys = keys
        self.socket = None
        self.session = os.urandom(16)
        self.connection = 0
        self.next_stream = 1
        # of what is sent: the last number, frames that are not acknowledged, and what each stream may still send
        self.sequence = 0
        self.retained = collections.deque()
        self.credit = {}
        # of what comes: the last number, bytes that are not acknowledged, items, their fragments, and the state of streams
        self.received = 0
        self.unacknowledged = 0
        self.arrived = []
        self.parts = {}
        self.outstanding = {}
        self.consumed_bytes = collections.Counter()
        self.over = set()
        self.draining = False
        self.capabilities = [] if keys is None else [proof.CAPABILITY]
        self.enter(resume=False)

    def enter(self, resume):
        """Connects and says hello; sends again what the peer has not received."""
        if self.socket is not None:
            self.socket.close(linger=0)
        self.socket = self.dial()
        self.connection += 1
        hello = {
            "minVersion": 1,
            "maxVersion": 1,
            "capabilities": self.capabilities,
            "session": self.session,
            "connection": self.connection,
            "resume": resume,
            "received": self.received,
            "limits": LIMITS,
        }
        self.socket.send(wire.write_record(wire.HELLO, hello))
        if self.keys is not None:
            challenge = wire.decode(wire.RECORDS[wire.CHALLENGE], self.frame(wire.CHALLENGE))
            check(challenge["connection"] == self.connection, "a challenge for another hello")
            self.socket.send(wire.write_record(wire.PROOF, proof.prove(self.keys, hello, challenge)))
        welcome = wire.decode(wire.RECORDS[wire.WELCOME], self.frame(wire.WELCOME))
        check(welcome["version"] == 1 and welcome["capabilities"] == self.capabilities, "a welcome for another version")
        check(welcome["connection"] == self.connection and welcome["resumed"] == resume, "a welcome for another hello")
        check(welcome["limits"]["windowBytes"] >= 65_536, "a window that is too small")
        self.limits = welcome["limits"]
        self.acknowledge(welcome["received"])
        for sequence, items in self.retained:
            self.transmit(sequence, items)

    def leave(self):
        """Ends the session behind everything that was sent."""
        self.send(item(0, GOODBYE, 0))
        self.socket.close()

    def open_stream(self):
        self.next_stream += 1
        return self.next_stream - 1

    def send_item(self, stream, kind, flags, body=b"", lose=False):
        """Sends an item when there is credit for it; returns False if the peer is through with the stream before."""
        check(len(body) <= self.limits["itemBytes"], "an item that the peer does not take")
        while self.credit.setdefault(stream, self.limits["streamWindowBytes"]) <= 0:
            if stream in self.over:
                return False
            self.pump()
        starts = range(0, len(body) or 1, FRAGMENT_BYTES)
        for start in starts:
            piece = body[start : start + FRAGMENT_BYTES]
            self.send(item(stream, kind, flags if start == starts[-1] else MORE, piece), lose=lose)
        if flags & LAST:
            del self.credit[stream]
        else:
            self.credit[stream] -= len(body)
        return True

    def send(self, *items, lose=False):
        """Sends items in a frame of their own; `lose` keeps it from leaving on this connection."""
        body = wire.encode(ITEMS, list(items))
        if any(one["kind"] >= FIRST_PATTERN for one in items):
            while sum(cost(sent) for _, sent in self.retained) >= self.limits["windowBytes"]:
                self.pump()
        self.sequence += 1
        self.retained.append((self.sequence, body))
        if not lose:
            self.transmit(self.sequence, body)

    def take(self, stream):
        """Waits for the next item of a stream; whoever has used it says `consumed`."""
        while True:
            for index, one in enumerate(self.arrived):
                if one["stream"] == stream:
                    return self.arrived.pop(index)
            self.pump()

    def consumed(self, stream, size):
        """Returns credit, in portions of half a window; a stream whose last item has come needs none."""
        if stream not in self.outstanding:
            return
        self.consumed_bytes[stream] += size
        if self.consumed_bytes[stream] >= LIMITS["streamWindowBytes"] // 2:
            credit = self.consumed_bytes.pop(stream)
            self.outstanding[stream] -= credit
            self.send(item(stream, CREDIT, 0, wire.encode(LONG, credit)))

    def pump(self):
        """Takes one frame of the peer."""
        body = self.frame(wire.LINK)
        size = len(body.getvalue())
        header = wire.decode(HEADER, body)
        if header["connection"] != self.connection:
            return
        self.acknowledge(header["acknowledged"])
        items = wire.decode(ITEMS, body)
        check(body.read(1) == b"" and size <= FRAME_BYTES, "a frame with more than its items")
        check(header["sequence"] <= self.received + (1 if items else 0), f"frame {self.received + 1} is missing")
        if items and header["sequence"] == self.received + 1:
            self.received += 1
            self.unacknowledged += size + FRAME_COST
            for one in items:
                self.receive(one)
        if self.draining or self.unacknowledged >= LIMITS["windowBytes"] // 4:
            self.transmit(self.sequence, NO_ITEMS)

    def receive(self, one):
        stream, kind, flags, body = (one[name] for name in ("stream", "kind", "flags", "body"))
        if kind == CREDIT:
            if stream in self.credit:
                self.credit[stream] += wire.decode(LONG, io.BytesIO(body))
        elif kind == DRAIN:
            self.draining = True
        elif kind == ABANDON:
            self.parts.pop(stream, None)
        elif kind == GOODBYE:
            raise Broken("the peer has closed the session")
        elif kind >= FIRST_PATTERN:
            parts = self.parts.setdefault(stream, [])
            parts.append(body)
            if flags & MORE:
                check(len(body) >= SHORTEST_FRAGMENT, "a fragment that is too short")
                return
            self.deliver(stream, kind, flags, self.parts.pop(stream))

    def deliver(self, stream, kind, flags, parts):
        """Takes an item that is whole."""
        check(stream not in self.over, f"an item behind the last one of stream {stream}")
        before, body = self.outstanding.pop(stream, 0), b"".join(parts)
        check(before < LIMITS["streamWindowBytes"], f"stream {stream} was sent beyond its credit")
        if flags & LAST:
            self.over.add(stream)
        else:
            self.outstanding[stream] = before + len(body)
        self.arrived.append({**item(stream, kind, flags, body), "fragments": len(parts)})

    def acknowledge(self, sequence):
        check(sequence <= self.sequence, "an acknowledgement of what was not sent")
        while self.retained and self.retained[0][0] <= sequence:
            self.retained.popleft()

    def transmit(self, sequence, items):
        numbers = {"connection": self.connection, "sequence": sequence, "acknowledged": self.received}
        header = {**numbers, "time": now(), "extensions": {}}
        self.unacknowledged = 0
        self.socket.send(wire.seal(wire.LINK, wire.encode(HEADER, header) + items, b""))

    def frame(self, wanted):
        """Waits for a frame of this kind, with a sign of life each second; returns what is behind its prelude."""
        silent_at = time.monotonic() + SILENCE_S
        while not self.socket.poll(HEARTBEAT_MS):
            check(time.monotonic() < silent_at, "the peer is silent")
            if wanted == wire.LINK:
                self.transmit(self.sequence, NO_ITEMS)
        kind, body = wire.open_frame(self.socket.recv(), b"")
        if kind == wire.REFUSAL:
            refusal = wire.decode(wire.RECORDS[kind], body)
            raise Broken(f"refused: {refusal['reason']}, {refusal['message']}")
        check(kind == wanted, f"a frame of kind {kind}")
        return body


def item(stream, kind, flags, body=b""):
    return {"stream": stream, "kind": kind, "flags": flags, "body": body}


def cost(items):
    return len(items) + FRAME_COST
