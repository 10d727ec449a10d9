"""Topics with history over sockets: subscribes, asks for the links, dials them, and follows until enough has come.

It knows nothing of numbers: rivulet_history.py does.
"""
import io
import os

import rivulet_history as history_of
import rivulet_wire as wire
import zmq
from rivulet_link import HEARTBEAT_MS, NO_ITEMS, SILENCE_S, Link, check


TOPIC_HUB = wire.load("topic-hub.avsc")


def role_of(answer):
    """What a hub says of an answer; None of a publisher."""
    value = answer["extensions"].get("hub")
    return None if value is None else wire.decode(TOPIC_HUB, io.BytesIO(value))["role"]


class Subscription:
    """A SUB or XSUB socket."""

    def __init__(self, socket):
        self.socket = socket
        self.inbox = b"\0" + os.urandom(16)

    def subscribe(self, prefix):
        if self.socket.type == zmq.SUB:
            self.socket.subscribe(prefix)
        else:
            self.socket.send(b"\1" + prefix)

    def ask(self):
        """Asks whether what was subscribed is in force; returns the answer, and what came before it."""
        nonce, before = os.urandom(16), []
        self.socket.send(wire.write_record(wire.REQUEST, {"kind": "ready", "inbox": self.inbox, "nonce": nonce}))
        while True:
            topic, frame = self.socket.recv_multipart()
            if topic == self.inbox:
                answer = wire.read_record(wire.ANSWER, frame, topic)
                if answer["nonce"] == nonce and role_of(answer) != "ready":
                    return answer, before
            elif topic[0:1] != b"\0":
                before.append((topic, frame))


def follow(command, open_socket, say):
    """Follows the topics of a pattern from some beginning, until so many messages and marks have come."""
    with open_socket(getattr(zmq, command["socket"]), command) as socket:
        live = Subscription(socket)
        addresses, position, held = [], 0, []
        if command["socket"] == "XSUB":
            live.subscribe(live.inbox)
        live.subscribe(command["prefix"].encode("utf-8"))
        if command["socket"] == "XSUB":
            answer, held = live.ask()
            addresses, position = history_of.links_of(answer), answer["position"]
            say(answer={"position": position, "links": addresses, "role": role_of(answer)})
        while len(held) < command.get("hold", 0):
            held.append(socket.recv_multipart())
        link = dial(command, addresses, open_socket)
        history = history_of.History(link)
        sources = history.sources()
        say(sources=sources)
        check(command["socket"] == "SUB" or sources[0]["source"] == answer["source"], "a source that has not answered")
        follower = history_of.Follower(sources[0]["source"], command["pattern"], say, history)
        follower.begin(position if command.get("upTo") == "answer" else 0, **command.get("since", {}))
        losing = Losing(command.get("lose", {}), follower.reader)
        for topic, frame in held:
            if not losing.loses(topic, frame):
                follower.take_live(topic, frame)
        say(live=True)
        live.subscribe(b"at.live.")
        listen(command, live, link, follower, losing)
        if command.get("heads"):
            follower.look_again()
        if "missed" in command:
            history.missed(follower.source, command["missed"])
        say(counts=follower.counts, cursor=follower.cursor(), lost=losing.lost)
        link.leave()


def listen(command, live, link, follower, losing):
    """Takes live frames; gives the link its sign of life meanwhile."""
    poller = zmq.Poller()
    poller.register(live.socket, zmq.POLLIN)
    poller.register(link.socket, zmq.POLLIN)
    marks, silence_ms, wanted = [], 0, command["until"]
    said = follower.say

    def say(**seen):
        said(**seen)
        marks.append(seen.get("mark"))

    follower.say = say
    while follower.counts["messages"] < wanted.get("messages", 0) or any(one not in marks for one in wanted.get("marks", [])):
        ready = dict(poller.poll(HEARTBEAT_MS))
        silence_ms = 0 if live.socket in ready else silence_ms + HEARTBEAT_MS
        check(silence_ms < SILENCE_S * 1000, f"no more topics after {follower.counts}")
        if live.socket not in ready:
            link.transmit(link.sequence, NO_ITEMS)
        if link.socket in ready:
            link.pump()
        if live.socket in ready:
            topic, frame = live.socket.recv_multipart()
            if topic[0:1] != b"\0" and not losing.loses(topic, frame):
                follower.take_live(topic, frame)


class Losing:
    """Loses frames of messages by the number that they begin with, as a network does."""

    def __init__(self, numbers, reader):
        self.numbers = {f"{topic}.".encode(): list(lost) for topic, lost in numbers.items()}
        self.reader = reader
        self.lost = 0

    def loses(self, topic, frame):
        header = wire.decode(wire.HEADER, wire.open_frame(frame, topic)[1])
        lost = header["kind"] == "data" and header["sequence"] in self.numbers.get(topic, [])
        self.lost += lost
        return lost


def ask(command, open_socket, say):
    """Calls the service: each ask is `sources`, `heads` or `replay` with what it wants."""
    with open_socket(zmq.XSUB, command) as socket:
        live = Subscription(socket)
        live.subscribe(live.inbox)
        answer, _ = live.ask()
    addresses = history_of.links_of(answer)
    if addresses is None:
        return say(answer={"position": answer["position"], "links": None})
    link = dial(command, addresses, open_socket)
    history = history_of.History(link)
    for one in command["asks"]:
        source = one.pop("source", answer["source"])
        method = one.pop("method")
        try:
            if method == "sources":
                say(sources=history.sources())
            elif method == "heads":
                heads, position = history.heads(source, **one)
                say(heads=heads, position=position)
            else:
                parts = list(history.replay(source, **one))
                frames = [kept for part in parts for kept in part["frames"]]
                say(
                    frames=[seen(kept) for kept in frames],
                    expired=[expired for part in parts for expired in part["expired"]],
                    schemas=[schema["schemaId"] for part in parts for schema in part["schemas"]],
                    position=parts[-1]["position"] if parts else None,
                )
        except history_of.Refused as refused:
            say(refused=str(refused))
    link.leave()


def seen(kept):
    _, body = wire.open_frame(kept["frame"], kept["topic"].encode("utf-8") + b".")
    header = wire.decode(wire.HEADER, body)
    names = ("schemaId", "position", "sequence", "previous", "count", "time")
    return {"topic": kept["topic"], "retained": "retain" in header["extensions"], **{name: header[name] for name in names}}



def dial(command, addresses, open_socket):
    """Dials the links of an answer; of a PUB or a SUB socket, which has none, those that its user names."""
    address = command["links"] if "links" in command else history_of.way_to(addresses, command["connect"])
    return Link(lambda: open_socket(zmq.DEALER, {"connect": address}))
