"""A process with one named peer, with a stock Avro library: docs/reference/protocol, section Message passing, and nothing of Rivulet's code.

It dials one other process, says who it is, sends and takes messages, asks and answers. Both sides of the link call and serve; calls are
those of rivulet_calls.py, written here for both sides.
"""
import hashlib
import io
import json
import os

import avro.protocol
import avro.schema
import rivulet_wire as wire
from rivulet_calls import BIND, BOUND, END, ERROR, FAILURE, NEED_TEXT, RECORDS, REFUSED, REQUEST, TEXT, VALUE, hash_of, read_all
from rivulet_link import LAST, Broken, check

UNBIND = 26
MESSAGING = json.dumps(json.loads((wire.PROTOCOL / "messaging.avpr").read_text(encoding="utf-8")))
SERVICE = "rivulet.messaging.Messaging"
METHODS = list(json.loads(MESSAGING)["messages"])
CALLER = 65_536
MY_NUMBER = 1


class Bound:
    """A service that this side calls."""

    def __init__(self, text, first):
        self.text = text
        self.mine = avro.protocol.parse(text)
        self.first = first
        self.theirs_text = ""
        self.theirs = None
        self.refusals = []


class Node:
    """One node with one peer, and one link."""

    def __init__(self, link, name, answers):
        self.link = link
        self.name = name
        self.incarnation = os.urandom(16).hex()
        # asks by their number: the name, the text of the protocol, and what makes an answer of a query
        self.answers = {number + 1: answer for number, answer in enumerate(answers)}
        self.bound = {}
        self.served = {}
        self.outcomes = {}
        self.open = {}
        self.accepted = set()
        self.refused = {}
        self.peers = {}
        self.complete = False
        self.messages = []
        self.asked = []
        self.attempts = 0

    def wait(self, holds):
        while not holds():
            self.link.pump()
            while self.link.arrived:
                one = self.link.arrived.pop(0)
                self.take(one)
                if not one["flags"] & LAST:
                    self.link.consumed(one["stream"], len(one["body"]))

    def take(self, one):
        stream, kind, body = one["stream"], one["kind"], one["body"]
        if stream == 0:
            self.agree(kind, body)
        elif stream > 0:
            self.outcomes[stream].append((kind, body))
        elif kind == REQUEST:
            self.begin(stream, body)
        elif stream in self.open:
            self.next(stream, kind, body)

    # what this side calls

    def bind(self, service, text):
        """Agrees on a service; returns its binding."""
        number = len(self.bound)
        self.bound[number] = Bound(text, 100 * number)
        self.say(BIND, number, service=service, hash=hash_of(text), firstMethod=100 * number)
        self.wait(lambda: self.bound[number].theirs is not None)
        return number

    def unbind(self, number):
        self.link.send_item(0, UNBIND, 0, wire.encode(wire.load("call-unbind.avsc"), {"binding": number, "extensions": {}}))

    def say(self, kind, binding, **fields):
        self.link.send_item(0, kind, 0, wire.encode(RECORDS[kind], {"binding": binding, "extensions": {}, **fields}))

    def call(self, number, method, flags=0, body=b"", caller=0):
        """Opens a stream with a request; returns the stream."""
        bound, stream = self.bound[number], self.link.open_stream()
        at = list(json.loads(bound.text)["messages"]).index(method)
        head = {"method": bound.first + at + CALLER * caller, "deadline": 0, "headers": {}, "extensions": {}}
        self.outcomes[stream] = []
        self.link.send_item(stream, REQUEST, flags, wire.encode(RECORDS[REQUEST], head) + body)
        return stream

    def outcome(self, stream):
        self.wait(lambda: self.outcomes[stream])
        return self.outcomes[stream].pop(0)

    # the agreement, of both sides

    def agree(self, kind, body):
        if kind == UNBIND:
            return
        record = read_all(RECORDS[kind], body)
        number = record["binding"]
        if kind == BIND:
            self.serve(record)
        elif kind == TEXT and number < 0:
            theirs = self.served[number]
            theirs["text"] += record["piece"]
            if record["complete"]:
                self.agreed(number)
        elif kind == NEED_TEXT:
            self.say(TEXT, number, piece=self.bound[number].text, complete=True)
        elif kind == TEXT:
            self.bound[number].theirs_text += record["piece"]
        elif kind == REFUSED:
            self.bound[number].refusals.append(record["code"])
        elif kind == BOUND:
            bound = self.bound[number]
            bound.theirs = avro.protocol.parse(bound.theirs_text or bound.text)

    def serve(self, record):
        """The other side will call something."""
        number, service = record["binding"], record["service"]
        check(number < 0, "a side that accepted has bindings below 0")
        mine = {f"{self.incarnation}/{ask}": text for ask, (_, text, _) in self.answers.items()}
        mine[SERVICE] = MESSAGING
        if service not in mine:
            self.say(REFUSED, number, method="", code="RIVULET_UNIMPLEMENTED", message="there is no such service", issues=[])
            self.say(BOUND, number, hash=record["hash"])
            return
        one = {"service": service, "mine": mine[service], "text": "", "first": record["firstMethod"]}
        self.served[number] = one
        if record["hash"] != hash_of(one["mine"]):
            self.say(NEED_TEXT, number)
            return
        one["text"] = one["mine"]
        self.agreed(number)

    def agreed(self, number):
        one = self.served[number]
        if one["text"] != one["mine"]:
            self.say(TEXT, number, piece=one["mine"], complete=True)
        one["theirs"], one["protocol"] = avro.protocol.parse(one["text"]), avro.protocol.parse(one["mine"])
        self.say(BOUND, number, hash=hash_of(one["mine"]))

    # what the other side calls

    def begin(self, stream, body):
        rest = io.BytesIO(body)
        head = wire.decode(RECORDS[REQUEST], rest)
        for one in self.served.values():
            names = list(json.loads(one["text"])["messages"])
            at = head["method"] % CALLER - one["first"]
            if 0 <= at < len(names):
                break
        method = names[at]
        request = one["theirs"].messages[method].request
        self.open[stream] = {"method": method, "request": request, "response": one["protocol"].messages[method].response}
        if method == "ask":
            asker = next(name for name, entry in self.peers.items() if entry["number"] == head["method"] // CALLER)
            query = read_all(request, rest.read())["query"]
            name, _, answer = self.answers[int(one["service"].split("/")[1])]
            self.asked.append({"ask": name, "query": query, "from": asker})
            self.respond(stream, answer(query), LAST)

    def respond(self, stream, value, flags=0):
        self.link.send_item(stream, VALUE, flags, wire.encode(self.open[stream]["response"], value))

    def next(self, stream, kind, body):
        call = self.open[stream]
        if kind == END:
            return
        check(kind == VALUE, f"an item of kind {kind} in a stream of requests")
        request = read_all(call["request"], body)
        if call["method"] == "meet":
            self.met(stream, request)
        elif request["open"] is not None:
            check(request["open"]["to"] == {"name": self.name, "incarnation": self.incarnation}, "messages for another")
            call.update(sender=request["open"]["from"], expected=1, schemas={})
            self.respond(stream, {"opened": {"maxMessageBytes": 1_048_576, "expected": 1}, "taken": [], "refused": []})
        else:
            self.took(stream, call, request["batch"])

    def met(self, stream, request):
        if request["hello"] is not None:
            check(len(request["hello"]["node"]) == 32, "a node without an id")
        for entry in request["joined"]:
            self.peers[entry["name"]] = entry
        gone = set(request["left"])
        self.peers = {name: entry for name, entry in self.peers.items() if entry["incarnation"] not in gone}
        self.complete = self.complete or request["complete"]
        self.respond(stream, {"accepted": [entry["incarnation"] for entry in request["joined"]], "refused": []})

    def took(self, stream, call, batch):
        check(batch["sequence"] == call["expected"], "a sequence that was not expected")
        if batch["schema"] is not None:
            call["schemas"][batch["schemaId"]] = avro.schema.parse(batch["schema"])
        schema, bodies = call["schemas"][batch["schemaId"]], io.BytesIO(batch["bodies"])
        for length in batch["lengths"]:
            value = read_all(schema, bodies.read(length))
            self.messages.append({"from": call["sender"]["name"], "sequence": call["expected"], "value": value})
            call["expected"] += 1
        self.respond(stream, {"opened": None, "taken": [{"number": batch["number"]}], "refused": []})

    # what this peer does

    def join(self):
        """Says who it is, and waits until the other side accepts it and has said who is there."""
        self.messaging = self.bind(SERVICE, MESSAGING)
        self.meeting = self.call(self.messaging, "meet")
        answers = [{"ask": ask, "number": number} for number, (ask, _, _) in self.answers.items()]
        entry = {"name": self.name, "incarnation": self.incarnation, "epoch": 1, "takeover": False, "answers": answers, "number": MY_NUMBER}
        hello = {"node": os.urandom(16).hex(), "endpoints": []}
        self.request(self.meeting, "meet", hello=hello, joined=[entry], left=[], complete=True)
        while self.incarnation not in self.accepted:
            _, body = self.outcome(self.meeting)
            answer = read_all(self.bound[self.messaging].theirs.messages["meet"].response, body)
            check(not answer["refused"], f"the claim is refused: {answer['refused']}")
            self.accepted.update(answer["accepted"])
        self.wait(lambda: self.complete)

    def request(self, stream, method, **fields):
        body = wire.encode(self.bound[self.messaging].mine.messages[method].request, fields)
        self.link.send_item(stream, VALUE, 0, body)

    def send(self, to, text, values):
        """Sends messages of one schema, in one batch; returns when they are taken."""
        self.attempts += 1
        stream = self.call(self.messaging, "deliver")
        sender = {"name": self.name, "incarnation": self.incarnation, "epoch": 1}
        receiver = {"name": to, "incarnation": self.peers[to]["incarnation"]}
        opening = {"attempt": self.attempts, "from": sender, "to": receiver}
        self.request(stream, "deliver", open=opening, batch=None)
        sequence = self.answer_of(stream)["opened"]["expected"]
        schema = avro.schema.parse(text)
        bodies = [wire.encode(schema, value) for value in values]
        batch = {
            "number": 1,
            "sequence": sequence,
            "schemaId": hashlib.sha256(text.encode("utf-8")).digest()[:16],
            "schema": text,
            "lengths": [len(body) for body in bodies],
            "bodies": b"".join(bodies),
        }
        self.request(stream, "deliver", open=None, batch=batch)
        answer = self.answer_of(stream)
        self.link.send_item(stream, END, LAST)
        return {"sequence": sequence, "taken": answer["taken"], "refused": answer["refused"]}

    def answer_of(self, stream):
        kind, body = self.outcome(stream)
        if kind == ERROR:
            raise Broken(f"the stream was refused: {body!r}")
        return read_all(self.bound[self.messaging].theirs.messages["deliver"].response, body)

    def ask(self, to, ask, text, query, sender=MY_NUMBER):
        """Asks a peer, and returns what became of it."""
        number = next(entry["number"] for entry in self.peers[to]["answers"] if entry["ask"] == ask)
        bound = self.bind(f"{self.peers[to]['incarnation']}/{number}", text)
        mine, theirs = self.bound[bound].mine.messages["ask"], self.bound[bound].theirs.messages["ask"]
        stream = self.call(bound, "ask", LAST, wire.encode(mine.request, {"query": query}), sender)
        kind, body = self.outcome(stream)
        self.unbind(bound)
        if kind == VALUE:
            return {"value": read_all(theirs.response, body)}
        check(kind == FAILURE, f"an item of kind {kind} for an ask")
        record = read_all(RECORDS[FAILURE], body)
        return {"failure": {name: record[name] for name in ("code", "executed")}}

    def leave(self):
        """Says that the peer leaves, and goes."""
        self.request(self.meeting, "meet", hello=None, joined=[], left=[self.incarnation], complete=False)
        self.link.send_item(self.meeting, END, LAST)
        self.link.leave()
