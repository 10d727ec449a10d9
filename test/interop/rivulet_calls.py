"""The calling side of calls, with a stock Avro library: docs/reference/protocol, section Calls, and nothing of Rivulet's code.

It has one service on one link. What a test wants to see of it is the business of call_steps.py.
"""
import hashlib
import io
import json

import avro.io
import avro.protocol
import rivulet_link as link_of
import rivulet_wire as wire
from rivulet_link import LAST, check

CANCEL, BIND, NEED_TEXT, TEXT, REFUSED, BOUND, REQUEST, VALUE, END, ERROR, FAILURE = 8, *range(16, 26)

RECORDS = {
    BIND: wire.load("call-bind.avsc"),
    NEED_TEXT: wire.load("call-need-text.avsc"),
    TEXT: wire.load("call-text.avsc"),
    REFUSED: wire.load("call-refusal.avsc"),
    BOUND: wire.load("call-bound.avsc"),
    REQUEST: wire.load("call-request.avsc"),
    FAILURE: wire.load("call-failure.avsc"),
}

BINDING = 3
FIRST_METHOD = 100
# short, so that even the text of a small service goes in pieces
PIECE_CHARACTERS = 100


def hash_of(text):
    return hashlib.sha256(text.encode("utf-8")).digest()[:16]


class Caller:
    """Calls the methods of a service, as this side knows it."""

    def __init__(self, link, service, text):
        self.link = link
        self.service = service
        self.text = text
        self.mine = avro.protocol.parse(text)
        self.numbers = {name: FIRST_METHOD + index for index, name in enumerate(json.loads(text)["messages"])}
        self.theirs = self.mine

    def agree(self):
        """Agrees on the service; returns how that went."""
        self.send(0, BIND, {"service": self.service, "hash": hash_of(self.text), "firstMethod": FIRST_METHOD})
        asked, refusals, pieces, theirs = False, [], [], self.text
        while True:
            kind, record = self.take_agreement()
            if kind == NEED_TEXT:
                asked = True
                self.send_text()
            elif kind == REFUSED:
                refusals.append({name: record[name] for name in ("method", "code", "message", "issues")})
            elif kind == TEXT:
                pieces.append(record["piece"])
                if record["complete"]:
                    theirs = "".join(pieces)
            else:
                break
        check(record["hash"] == hash_of(theirs), "a hash that is not that of the text")
        self.theirs = avro.protocol.parse(theirs)
        return {"asked": asked, "told": theirs if pieces else None, "refusals": refusals}

    def take_agreement(self):
        one = self.link.take(0)
        kind, body = one["kind"], one["body"]
        self.link.consumed(0, len(body))
        check(kind in (NEED_TEXT, REFUSED, TEXT, BOUND), f"an item of kind {kind} in an agreement")
        record = read_all(RECORDS[kind], body)
        check(record["binding"] == BINDING, "an agreement on something else")
        return kind, record

    def send_text(self):
        for start in range(0, len(self.text), PIECE_CHARACTERS):
            piece = self.text[start : start + PIECE_CHARACTERS]
            self.send(0, TEXT, {"piece": piece, "complete": start + PIECE_CHARACTERS >= len(self.text)})

    def send(self, stream, kind, record):
        body = wire.encode(RECORDS[kind], {"binding": BINDING, "extensions": {}, **record})
        self.link.send_item(stream, kind, 0, body)

    def begin(self, method, request=None, timeout_ms=None, headers=None, lose=False):
        """Sends a request, or the head of a stream of requests; returns its stream."""
        stream = self.link.open_stream()
        deadline = 0 if timeout_ms is None else link_of.now() + timeout_ms
        head = {"method": self.numbers[method], "deadline": deadline, "headers": headers or {}, "extensions": {}}
        body = wire.encode(RECORDS[REQUEST], head)
        if request is None:
            self.link.send_item(stream, REQUEST, 0, body, lose=lose)
        else:
            self.link.send_item(stream, REQUEST, LAST, body + self.request_body(method, request), lose=lose)
        return stream

    def send_request(self, stream, method, request):
        """Sends one of a stream of requests; returns False if the call has its outcome."""
        return self.link.send_item(stream, VALUE, 0, self.request_body(method, request))

    def end_requests(self, stream):
        return self.link.send_item(stream, END, LAST)

    def request_body(self, method, request):
        return wire.encode(self.mine.messages[method].request, request)

    def cancel(self, stream):
        self.link.send(link_of.item(stream, CANCEL, LAST))

    def next(self, stream, method):
        """Waits for what comes next of a call: a response, an end, an error or a failure; with its size and fragments."""
        one = self.link.take(stream)
        kind, body = one["kind"], one["body"]
        mine = self.mine.messages[method]
        theirs = self.theirs.messages.get(method, mine)
        self.link.consumed(stream, len(body))
        seen = {"last": bool(one["flags"] & LAST), "bytes": len(body), "fragments": one["fragments"]}
        check(seen["last"] or kind == VALUE, f"more is to follow an item of kind {kind}")
        if kind == VALUE:
            return {**seen, "value": read_all(theirs.response, body, mine.response)}
        if kind == END:
            check(body == b"", "an end with a body")
            return {**seen, "end": True}
        if kind == ERROR:
            return {**seen, "error": self.read_error(mine.errors, theirs.errors, body)}
        check(kind == FAILURE, f"an item of kind {kind} in a call")
        record = read_all(RECORDS[FAILURE], body)
        return {**seen, "failure": {name: record[name] for name in ("code", "message", "executed")}}

    def read_error(self, mine, theirs, body):
        """Reads a union of errors; a reader of unions does not tell which branch it has read."""
        stream = io.BytesIO(body)
        branch = theirs.schemas[avro.io.BinaryDecoder(stream).read_long()]
        known = next(schema for schema in mine.schemas if schema.fullname == branch.fullname)
        return {"name": branch.name, "value": read_all(branch, stream.read(), known)}


def read_all(written, body, wanted=None):
    """Reads a value and nothing behind it, by the rules of schema resolution."""
    stream = io.BytesIO(body)
    value = avro.io.DatumReader(written, wanted).read(avro.io.BinaryDecoder(stream))
    check(stream.read(1) == b"", "a body with more than its value")
    return value
