"""A typed stream of Rivulet with Python's standard library: docs/reference/protocol, and nothing else.

    rivulet_stream.py connect|listen HOST PORT|PATH FIRST COUNT [SPOIL]

sends COUNT notes, numbered from FIRST, and prints what it receives as lines of JSON: each note, then how the other side
has ended. What it listens at is printed first. SPOIL breaks one rule.
"""
import hashlib
import json
import os
import socket
import struct
import sys
import time
import zlib

SCHEMA = '{"type":"record","name":"Note","fields":[{"name":"number","type":"long"},{"name":"text","type":"string"}]}'
OTHER_SCHEMA = '{"type":"record","name":"Note","fields":[{"name":"number","type":"string"}]}'
KINDS = ["data", "tombstone", "beacon", "will", "mixed"]
DATA, REFUSAL = 1, 10
MOST = 1_048_576 + 131_072


def long(value):
    """Avro's long: zigzag, then seven bits a byte, the least significant first."""
    bits = (value << 1) ^ (value >> 63)
    out = bytearray()
    while bits > 0x7F:
        out.append(bits & 0x7F | 0x80)
        bits >>= 7
    out.append(bits)
    return bytes(out)


def text(value):
    body = value.encode("utf-8")
    return long(len(body)) + body


class Cursor:
    """Reads Avro values from bytes."""

    def __init__(self, body):
        self.body, self.at = body, 0

    def take(self, count):
        if count < 0 or self.at + count > len(self.body):
            raise ValueError("a value goes beyond the frame")
        self.at += count
        return self.body[self.at - count : self.at]

    def long(self):
        bits, shift = 0, 0
        while True:
            (byte,) = self.take(1)
            bits |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (bits >> 1) ^ -(bits & 1)

    def text(self):
        return self.take(self.long()).decode("utf-8")

    def blocks(self, item):
        """An Avro array, or a map: blocks of items until one of count 0."""
        items = []
        while True:
            count = self.long()
            if count == 0:
                return items
            if count < 0:
                count = -count
                self.long()
            items += [item() for _ in range(count)]


def seal(kind, body):
    """The prelude, and the length before it."""
    head = bytes([0x52, 0x76, 1 << 1, kind << 1])
    frame = head + zlib.crc32(body, zlib.crc32(head)).to_bytes(4, "big") + body
    return struct.pack(">I", len(frame)) + frame


class Writer:
    """One direction that is written."""

    def __init__(self, schema):
        self.schema = schema
        self.source = os.urandom(8)
        self.next = 1

    def frame(self, kind, notes=(), announce=False):
        schema_id = hashlib.sha256(self.schema.encode("utf-8")).digest()[:16]
        header = long(KINDS.index(kind)) + bytes(8) + schema_id
        header += long(1) + text(self.schema) if announce else long(0)
        header += self.source + long(self.next) + long(self.next) + long(self.next - 1)
        header += long(int(time.time() * 1000)) + long(len(notes)) + long(0) + long(0)
        self.next += len(notes)
        items = b"".join(long(number) + text(note) for number, note in notes)
        array = (long(len(notes)) + items if notes else b"") + long(0)
        return seal(DATA, header + array)


class Reader:
    """One direction that is read: returns the notes of each frame, `None` at the end."""

    def __init__(self, connection):
        self.stream = connection.makefile("rb")
        self.schema = None

    def exactly(self, count):
        body = self.stream.read(count)
        if len(body) < count:
            raise EOFError("cut")
        return body

    def read(self):
        (length,) = struct.unpack(">I", self.exactly(4))
        if not 8 <= length <= (MOST if self.schema else 131_072):
            raise ValueError(f"a length of {length}")
        frame = self.exactly(length)
        if frame[:3] != b"Rv\x02" or zlib.crc32(frame[8:], zlib.crc32(frame[:4])) != int.from_bytes(frame[4:8], "big"):
            raise ValueError("no frame of version 1")
        cursor = Cursor(frame[8:])
        if frame[3] == REFUSAL << 1:
            code, message = cursor.text(), cursor.text()
            issues = cursor.blocks(lambda: {"path": cursor.text(), "message": cursor.text()})
            raise Refused(code, message, issues)
        kind, _, schema_id = KINDS[cursor.long()], cursor.take(8), cursor.take(16)
        schema = cursor.text() if cursor.long() == 1 else None
        cursor.take(8)
        _position, _sequence, _previous, _time, count = (cursor.long() for _ in range(5))
        headers = lambda: cursor.blocks(lambda: (cursor.text(), cursor.text()))
        cursor.blocks(lambda: (cursor.long(), headers()))
        headers()
        if self.schema is None:
            if kind != "beacon" or schema is None:
                raise ValueError("no opening")
            if hashlib.sha256(schema.encode("utf-8")).digest()[:16] != schema_id:
                raise ValueError("a schema that is not that of its id")
            self.schema = schema
        notes = cursor.blocks(lambda: (cursor.long(), cursor.text()))
        if len(notes) != count or cursor.at != len(cursor.body):
            raise ValueError("the array is not what the header says")
        return None if kind == "tombstone" else notes


class Refused(Exception):
    """The other side has ended the connection."""


def say(**fields):
    print(json.dumps(fields), flush=True)


def opened(mode, place):
    """A connection that was made or accepted."""
    family = socket.AF_UNIX if len(place) == 1 else socket.AF_INET
    address = place[0] if len(place) == 1 else (place[0], int(place[1]))
    if mode == "connect":
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.connect(address)
        return connection
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind(address)
        server.listen()
        say(listens=server.getsockname())
        return server.accept()[0]


def main(mode, place, first, count, spoil):
    with opened(mode, place) as connection:
        connection.settimeout(30)
        reader, writer = Reader(connection), Writer(OTHER_SCHEMA if spoil == "schema" else SCHEMA)
        if mode == "listen" and spoil != "early":
            reader.read()
            say(schema=json.loads(reader.schema))
        connection.sendall(writer.frame("beacon", announce=True))
        notes = [(number, "Grüße" * (number % 3)) for number in range(first, first + count)]
        half = len(notes) // 2
        connection.sendall(writer.frame("data", notes[:half]) + writer.frame("data", notes[half:]))
        if spoil == "check":
            frame = bytearray(writer.frame("data", notes[:1]))
            frame[-2] ^= 1
            connection.sendall(frame)
        if spoil == "length":
            connection.sendall(b"\xff\xff\xff\xff")
        if spoil != "cut":
            connection.sendall(writer.frame("tombstone"))
        connection.shutdown(socket.SHUT_WR)
        try:
            if mode == "connect":
                reader.read()
                say(schema=json.loads(reader.schema))
            while (notes := reader.read()) is not None:
                for number, note in notes:
                    say(number=number, text=note)
            say(end="complete")
        except Refused as refused:
            code, message, issues = refused.args
            say(end="refused", code=code, message=message, issues=issues)
        except (EOFError, ConnectionError):
            say(end="cut")


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    spoiled = rest.pop() if not rest[-1].isdigit() else None
    *where, start, number_of = rest
    main(kind, where, int(start), int(number_of), spoiled)
