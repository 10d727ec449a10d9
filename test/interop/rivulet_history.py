"""A reader of topics with history, with a stock Avro library: docs/reference/protocol, section History, and nothing of Rivulet's code.

It follows the topics of one pattern by their numbers: what history has comes first, what is missing is fetched or named, and no
message comes twice. It reads frames; history_steps.py has the sockets.
"""
import io
import json

import rivulet_wire as wire
from rivulet_calls import Caller

TOPICS = json.dumps(json.loads((wire.PROTOCOL / "topics.avpr").read_text(encoding="utf-8")))
SERVICE = "rivulet.topics.Topics"
LINKS = wire.load("topic-links.avsc")
WILDCARDS = ("0.0.0.0", "*", "[::]")


def links_of(answer):
    """The addresses in an answer; None if its publisher keeps no history."""
    value = answer["extensions"].get("links")
    return None if value is None else wire.decode(LINKS, io.BytesIO(value))["addresses"]


def way_to(addresses, connected):
    """The address to dial: of the transport that is connected to, and with its host in place of a wildcard."""
    transport, rest = connected.split("://", 1)
    for address in addresses:
        if address.startswith(f"{transport}://"):
            host, _, port = address.split("://", 1)[1].rpartition(":")
            if transport == "tcp" and host in WILDCARDS:
                return f"tcp://{rest.rpartition(':')[0]}:{port}"
            return address
    raise wire.BadFrame(f"no way to {addresses}")


def fits(pattern, topic):
    """Whether a topic, without its last dot, fits a pattern."""
    wanted, words = pattern.split("."), topic.split(".")
    if wanted[-1] == "#":
        wanted.pop()
        words = words[: len(wanted)]
    return len(wanted) == len(words) and all(want in ("*", word) for want, word in zip(wanted, words))


class History:
    """The service of history over one link."""

    def __init__(self, link):
        self.caller = Caller(link, SERVICE, TOPICS)
        self.caller.agree()

    def stream(self, method, request):
        """The responses of a call, one by one; ends with it, and raises what it was refused with."""
        stream = self.caller.begin(method, request)
        while "value" in (one := self.caller.next(stream, method)):
            yield one["value"]
        if "end" not in one:
            raise Refused(one["error"]["value"]["code"] if "error" in one else one["failure"]["code"])

    def sources(self):
        """Whose messages are kept now; changes are not waited for."""
        stream = self.caller.begin("sources", {})
        present = self.caller.next(stream, "sources")["value"]["present"]
        self.caller.cancel(stream)
        return present

    def replay(self, source, pattern, after=0, up_to=0, last=0, since=None, retained=False):
        wanted = {"pattern": pattern, "after": after, "upTo": up_to, "last": last, "since": since, "retained": retained}
        return self.stream("replay", {"source": source, "ranges": [wanted]})

    def heads(self, source, patterns, after=0):
        """The heads, and the position that they are complete up to."""
        parts = list(self.stream("heads", {"source": source, "patterns": patterns, "after": after}))
        return [head for part in parts for head in part["heads"]], parts[-1]["position"]

    def missed(self, source, messages):
        self.caller.begin("missed", {"source": source, "messages": messages})


class Refused(Exception):
    """A call of the service was refused; the argument is the code."""


class Topic:
    """Where a topic stands: the number of its next message, None if any may be; and up to which position it is complete.

    With `open` messages may be missing before the next one that were not asked for.
    """

    def __init__(self, following, position, is_open):
        self.next = following
        self.position = position
        self.open = is_open


class Follower:
    """The topics of one source that fit a pattern, in order."""

    def __init__(self, source, pattern, say, history=None):
        self.source = source
        self.pattern = pattern
        self.say = say
        self.history = history
        self.reader = wire.Reader()
        self.topics = {}
        # messages above this position are wanted, of every topic; with `whole` from its first number
        self.served_from = 0
        self.whole = False
        # of a topic, the first number that is wanted
        self.floors = {}
        self.counts = {"messages": 0, "duplicates": 0, "repaired": 0}
        # everything up to here is delivered or named
        self.position = 0

    def begin(self, up_to, after=0, topics=None, last=0, since=None, retained=False):
        """Takes what history has between two positions, before what is live; `after` and `topics` are those of a cursor."""
        self.position = self.served_from = after
        self.whole = after == 0 and not (last or since or retained)
        for name, following in (topics or {}).items():
            self.topics[name] = Topic(following, after, False)
        if last:
            heads, _ = self.history.heads(self.source, [self.pattern])
            self.floors = {head["topic"]: head["next"] - last for head in heads}
        for part in self.history.replay(self.source, self.pattern, after, up_to, last, since, retained):
            self.take_part(part, "retained" if retained else "history", after)
            self.position = part["position"]
        self.position = max(self.position, up_to)
        # what was not asked for is not missing
        if last or since or retained:
            self.served_from = self.position

    def cursor(self):
        return {"after": self.position, "topics": {name: topic.next for name, topic in self.topics.items()}}

    def take_part(self, part, way, after):
        for schema in part["schemas"]:
            self.reader.know(schema["schemaId"], schema["text"])
        for one in part["expired"]:
            self.expire(one["topic"], one["sequence"], one["position"])
        for kept in part["frames"]:
            for header, values in self.reader.read(kept["frame"], kept["topic"].encode("utf-8") + b"."):
                self.take(kept["topic"], header, values, way, after)

    def take_live(self, topic, frame):
        """Takes a frame of the socket; `topic` is its part, with the last dot."""
        name = topic.decode("utf-8")[:-1]
        if not fits(self.pattern, name):
            return
        for header, values in self.reader.read(frame, topic):
            if header["source"] == self.source:
                self.take(name, header, values, "live")

    def topic(self, name):
        if name not in self.topics:
            self.topics[name] = Topic(1 if self.whole else None, self.served_from, not self.whole)
        return self.topics[name]

    def take(self, name, header, values, way, after=0):
        """Takes a frame in its order; what is missing before it is fetched, or named."""
        sequence, previous = header["sequence"], header["previous"]
        topic = self.topic(name)
        if topic.next is None and way != "live":
            # a frame may begin before what was asked for
            topic.next = max(self.floors.get(name, 0), sequence + max(0, after + 1 - header["position"]))
        is_behind = topic.next is None or sequence > topic.next
        if way == "live" and is_behind and previous > (self.served_from if topic.open else 0):
            self.repair(name, topic, sequence, previous)
        if way != "live" and not topic.open and previous > 0 and sequence > topic.next:
            # a replay that neither brings nor names them: a hub has never had them
            self.gap(name, topic, sequence - 1, "expired")
        if topic.next is None or sequence > topic.next:
            # its publisher has forgotten the topic, or what is between was not asked for
            topic.next = sequence
        skipped = min(max(0, topic.next - sequence), len(values))
        self.counts["duplicates"] += skipped if way == "live" else 0
        for index in range(skipped, len(values)):
            self.deliver(name, header, index, values[index], way)
        topic.next = max(topic.next, sequence + len(values))
        end = header["position"] + len(values) - 1 if values else previous
        # behind a retained value, others may be missing
        topic.open = way == "retained"
        topic.position = max(topic.position, self.served_from if topic.open else end)
        if header["kind"] != "data":
            self.say(mark=header["kind"], topic=name, next=sequence)

    def deliver(self, name, header, index, value, way):
        self.counts["messages"] += 1
        self.counts["repaired"] += way == "repair"
        place = {"topic": name, "sequence": header["sequence"] + index, "position": header["position"] + index}
        self.say(message=value, **place, way=way, time=header["time"], retained="retain" in header["extensions"])

    def repair(self, name, topic, sequence, previous):
        """Fetches what is missing of a topic before a number; names what does not come."""
        after = max(topic.position, self.served_from if topic.open else 0)
        if self.history is not None:
            for part in self.history.replay(self.source, name, after, previous):
                self.take_part(part, "repair", after)
        if topic.next is not None and topic.next < sequence:
            self.gap(name, topic, sequence - 1, "lost" if self.history is None else "expired")

    def expire(self, name, sequence, position):
        """Names messages that are not kept any more; those up to this number that have come are not among them."""
        topic = self.topic(name)
        if topic.next is None:
            # how many they were is not known
            topic.next = sequence
        if sequence >= topic.next:
            self.gap(name, topic, sequence, "expired")
        topic.position = max(topic.position, position)
        topic.open = False

    def gap(self, name, topic, last, reason):
        self.say(gap={"topic": name, "from": topic.next, "to": last, "reason": reason})
        topic.next = last + 1

    def look_again(self):
        """Asks where the topics stand, and takes each as a beacon: then everything up to there is delivered or named."""
        heads, position = self.history.heads(self.source, [self.pattern], self.position)
        for head in heads:
            header = {"kind": "beacon", "sequence": head["next"], "previous": head["previous"]}
            self.take(head["topic"], {**header, "position": head["previous"] + 1}, [], "live")
        self.position = position
