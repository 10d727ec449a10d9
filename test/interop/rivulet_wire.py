"""Frames of Rivulet, read and written with a stock Avro library: docs/reference/protocol, and nothing of Rivulet's code.

It knows no sockets: peer.py does. It keeps to one page so that it can be ported.
"""
import datetime
import hashlib
import io
import json
import os
import pathlib
import time
import zlib

import avro.io
import avro.schema

PROTOCOL = pathlib.Path(__file__).resolve().parents[2] / "docs" / "protocol"
DATA, REQUEST, ANSWER, LINK, HELLO, WELCOME, REFUSAL, CHALLENGE, PROOF = range(1, 10)
MAX_MESSAGES = 65536


def load(name):
    return avro.schema.parse((PROTOCOL / name).read_text(encoding="utf-8"))


PRELUDE = load("frame-prelude.avsc")
HEADER = load("data-header.avsc")
RECORDS = {
    REQUEST: load("topic-request.avsc"),
    ANSWER: load("topic-answer.avsc"),
    HELLO: load("hello.avsc"),
    WELCOME: load("welcome.avsc"),
    REFUSAL: load("refusal.avsc"),
    CHALLENGE: load("challenge.avsc"),
    PROOF: load("proof.avsc"),
}


class BadFrame(Exception):
    """Bytes that are no frame of the protocol."""


def encode(schema, value):
    out = io.BytesIO()
    avro.io.DatumWriter(schema).write(value, avro.io.BinaryEncoder(out))
    return out.getvalue()


def decode(schema, stream):
    return avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(stream))


def check_of(frame, topic):
    crc = zlib.crc32(frame[8:], zlib.crc32(frame[0:4], zlib.crc32(topic)))
    return crc.to_bytes(4, "big")


def seal(kind, body, topic, version=1):
    prelude = {"magic": b"Rv", "version": version, "kind": kind, "check": bytes(4)}
    prelude["check"] = check_of(encode(PRELUDE, prelude) + body, topic)
    return encode(PRELUDE, prelude) + body


def open_frame(frame, topic):
    """Checks the prelude; returns the kind and the rest."""
    if len(frame) < 8 or frame[0:3] != b"Rv\x02":
        raise BadFrame("no prelude of version 1")
    prelude = decode(PRELUDE, io.BytesIO(frame[0:8]))
    if prelude["check"] != check_of(frame, topic):
        raise BadFrame("the checksum does not match")
    return prelude["kind"], io.BytesIO(frame[8:])


def write_record(kind, record, topic=b""):
    return seal(kind, encode(RECORDS[kind], {"extensions": {}, **record}), topic)


def read_record(kind, frame, topic=b""):
    found, body = open_frame(frame, topic)
    if found != kind:
        raise BadFrame(f"a frame of kind {found}")
    return decode(RECORDS[kind], body)


def array_of(text):
    return avro.schema.parse(json.dumps({"type": "array", "items": json.loads(text)}))


def schema_id_of(text):
    return hashlib.sha256(text.encode("utf-8")).digest()[:16]


class Reader:
    """Reads data frames of any number of writers; remembers their schemas."""

    def __init__(self):
        self.schemas = {}
        self.parked = {}

    def read(self, frame, topic=b""):
        """Returns the frames that can be read now, in order, each a header and its messages."""
        kind, body = open_frame(frame, topic)
        if kind != DATA:
            raise BadFrame(f"a frame of kind {kind}")
        header = decode(HEADER, body)
        if not 0 <= header["count"] <= MAX_MESSAGES:
            raise BadFrame("a count beyond the limit")
        schema_id, text = header["schemaId"], header["writerSchema"]
        if schema_id not in self.schemas:
            if text is None:
                self.parked.setdefault(schema_id, []).append((header, body))
                return []
            self.know(schema_id, text)
        waiting = self.parked.pop(schema_id, []) + [(header, body)]
        return [(head, self.messages(head, rest)) for head, rest in waiting]

    def know(self, schema_id, text):
        if schema_id_of(text) != schema_id:
            raise BadFrame("a schema that does not match its schemaId")
        self.schemas[schema_id] = array_of(text)

    def messages(self, header, body):
        if header["kind"] not in ("data", "beacon", "tombstone"):
            raise BadFrame(f"a frame of the reserved kind {header['kind']}")
        values = decode(self.schemas[header["schemaId"]], body)
        if len(values) != header["count"] or body.read(1) != b"":
            raise BadFrame("the array is not what the header says")
        return values


class Writer:
    """Writes data frames of one schema, on one topic or on a queue."""

    def __init__(self, text, source=None):
        self.text = text
        self.items = avro.schema.parse(text)
        self.source = source or os.urandom(8)
        self.sequence = 1
        self.previous = 0

    def blocks(self, blocks, sized):
        out = io.BytesIO()
        encoder = avro.io.BinaryEncoder(out)
        for values in blocks:
            items = b"".join(encode(self.items, value) for value in values)
            encoder.write_long(-len(values) if sized else len(values))
            if sized:
                encoder.write_long(len(items))
            out.write(items)
        encoder.write_long(0)
        return out.getvalue()

    def write(self, *blocks, topic=b"", announce=True, sized=False, kind="data"):
        """One frame; each block is a list of messages, and a sized one has a negative count and its length."""
        count = sum(len(values) for values in blocks)
        header = {
            "kind": kind,
            "fingerprint": fingerprint(self.text),
            "schemaId": schema_id_of(self.text),
            "writerSchema": self.text if announce else None,
            "source": self.source,
            "position": self.sequence,
            "sequence": self.sequence,
            "previous": self.previous,
            "time": now(),
            "count": count,
            "annotations": [],
            "extensions": {},
        }
        self.sequence += count
        if count > 0:
            self.previous = self.sequence - 1
        return seal(DATA, encode(HEADER, header) + self.blocks(blocks, sized), topic)


def now():
    return datetime.datetime.fromtimestamp(time.time(), datetime.timezone.utc)


def canonical(schema, namespace=""):
    """The parsing canonical form; avro 1.11's own leaves {"type":"long"} where it should say "long"."""
    if isinstance(schema, list):
        return [canonical(branch, namespace) for branch in schema]
    if isinstance(schema, str):
        return schema if schema in avro.schema.PRIMITIVE_TYPES or "." in schema else full(schema, namespace)
    kind = schema["type"]
    if kind in ("array", "map"):
        inner = "items" if kind == "array" else "values"
        return {"type": kind, inner: canonical(schema[inner], namespace)}
    if kind not in ("record", "error", "enum", "fixed"):
        return canonical(kind, namespace)
    name = schema["name"] if "." in schema["name"] else full(schema["name"], schema.get("namespace", namespace))
    form = {"name": name, "type": kind}
    if kind == "enum":
        form["symbols"] = schema["symbols"]
    elif kind == "fixed":
        form["size"] = schema["size"]
    else:
        within = name.rpartition(".")[0]
        form["fields"] = [{"name": f["name"], "type": canonical(f["type"], within)} for f in schema["fields"]]
    return form


def full(name, namespace):
    return f"{namespace}.{name}" if namespace else name


EMPTY = 0xC15D213AA4D7A795


def fingerprint(text):
    """CRC-64-AVRO as in the specification, least significant byte first."""
    form = json.dumps(canonical(json.loads(text)), separators=(",", ":"), ensure_ascii=False)
    crc = EMPTY
    for byte in form.encode("utf-8"):
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (EMPTY if crc & 1 else 0)
    return crc.to_bytes(8, "little")
