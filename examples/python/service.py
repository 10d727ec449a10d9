"""A service in Python: takes texts from a push of Rivulet, and sends their letters, counted, to a pull of Rivulet.

`main.ts` starts it: `python3 examples/python/service.py TEXTS COUNTS`, two endpoints. It needs stock libraries for ZeroMQ and Avro.
"""
import collections
import datetime
import hashlib
import io
import json
import os
import pathlib
import sys
import zlib

import avro.io
import avro.schema
import zmq

PROTOCOL = pathlib.Path(__file__).resolve().parents[2] / "docs" / "protocol"
HEADER = avro.schema.parse((PROTOCOL / "data-header.avsc").read_text())
START = b"Rv\x02\x02"  # magic, version 1, kind 1: data
COUNTS = """{"type": "record", "name": "Counts", "fields": [
  {"name": "id", "type": "int"}, {"name": "letters", "type": {"type": "map", "values": "int"}}]}"""
COUNTS_ID = hashlib.sha256(COUNTS.encode()).digest()[:16]


def array_of(text):
    return avro.schema.parse(json.dumps({"type": "array", "items": json.loads(text)}))


def read(schema, stream):
    return avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(stream))


def write(schema, value):
    out = io.BytesIO()
    avro.io.DatumWriter(schema).write(value, avro.io.BinaryEncoder(out))
    return out.getvalue()


def messages(frame, schemas={}):
    """The messages of a frame; the first one that a push sends to a worker brings the schema."""
    assert frame[:4] == START, "no data frame of version 1"
    assert zlib.crc32(frame[8:], zlib.crc32(frame[:4])) == int.from_bytes(frame[4:8], "big"), "a damaged frame"
    body = io.BytesIO(frame[8:])
    header = read(HEADER, body)
    if header["writerSchema"] is not None:
        schemas[header["schemaId"]] = array_of(header["writerSchema"])
    return read(schemas[header["schemaId"]], body)


def frame_of(values, sequence, source=os.urandom(8)):
    now = datetime.datetime.now(datetime.timezone.utc)
    numbers = {"position": sequence, "sequence": sequence, "previous": sequence - 1, "count": len(values)}
    names = {"fingerprint": bytes(8), "schemaId": COUNTS_ID, "writerSchema": COUNTS, "source": source}
    header = {"kind": "data", "time": now, "annotations": [], "extensions": {}, **numbers, **names}
    body = write(HEADER, header) + write(array_of(COUNTS), values)
    return START + zlib.crc32(body, zlib.crc32(START)).to_bytes(4, "big") + body


with zmq.Context() as context, context.socket(zmq.PULL) as texts, context.socket(zmq.PUSH) as counts:
    texts.set(zmq.RCVHWM, 4)
    counts.set(zmq.IMMEDIATE, 1)
    texts.connect(sys.argv[1])
    counts.connect(sys.argv[2])
    sequence = 1
    while True:
        found = []
        for text in messages(texts.recv()):
            if text["text"] == "":  # the end
                sys.exit()
            found.append({"id": text["id"], "letters": dict(collections.Counter(text["text"]))})
        if found:
            counts.send(frame_of(found, sequence))
            sequence += len(found)
