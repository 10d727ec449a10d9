"""A peer of Rivulet for its tests: one JSON command a line on stdin, what it saw as JSON lines on stdout.

It moves frames over ZeroMQ sockets; what is in them is the business of rivulet_wire.py, and rivulet_link.py for links.
"""
import datetime
import json
import os
import sys

try:
    import zmq

    from zmq.utils import z85

    import call_steps
    import history_steps
    import rivulet_wire as wire
    from rivulet_calls import Caller
    from rivulet_link import Link
    from rivulet_node import Node
except ImportError as error:
    sys.exit(f"{error}: install Debian's packages python3-zmq and python3-avro")

SILENCE_MS = 20_000


def to_json(value):
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, datetime.datetime):
        return {"$time": round(value.timestamp() * 1000)}
    raise TypeError(type(value).__name__)


def from_json(value):
    if "$bytes" in value:
        return bytes.fromhex(value["$bytes"])
    if "$time" in value:
        return datetime.datetime.fromtimestamp(value["$time"] / 1000, datetime.timezone.utc)
    return value


def say(**fields):
    print(json.dumps(fields, default=to_json), flush=True)


def open_socket(kind, command):
    socket = zmq.Context.instance().socket(kind)
    socket.set(zmq.RCVTIMEO, SILENCE_MS)
    socket.set(zmq.SNDTIMEO, SILENCE_MS)
    socket.set(zmq.LINGER, SILENCE_MS)
    socket.set(zmq.MAXMSGSIZE, 131_072 if kind == zmq.DEALER else 1_179_648)
    if kind == zmq.PULL:
        socket.set(zmq.RCVHWM, 4)
    if kind in (zmq.PUSH, zmq.DEALER):
        socket.set(zmq.IMMEDIATE, 1)
    if kind == zmq.DEALER:
        socket.set(zmq.HEARTBEAT_IVL, 1000)
        socket.set(zmq.HEARTBEAT_TIMEOUT, 10_000)
    if kind == zmq.XPUB:
        socket.set(zmq.XPUB_VERBOSER, 1)
    if kind in (zmq.SUB, zmq.XSUB):
        socket.set(zmq.SNDHWM, 0)
    if "keys" in command:
        socket.set(zmq.CURVE_SERVERKEY, command["keys"]["serverKey"].encode())
        socket.set(zmq.CURVE_PUBLICKEY, command["keys"]["publicKey"].encode())
        socket.set(zmq.CURVE_SECRETKEY, command["keys"]["secretKey"].encode())
    if "bind" in command:
        socket.bind(command["bind"])
    else:
        socket.connect(command["connect"])
    return socket


def tell(reader, frame, topic, wanted):
    """Says what is in a frame; returns how many messages of it were wanted."""
    for header, values in reader.read(frame, topic):
        right = wire.fingerprint(header["writerSchema"]) if header["writerSchema"] else None
        header["fingerprint"] = None if right is None else header["fingerprint"] == right
        header["announced"] = header.pop("writerSchema") is not None
        say(header=header, values=values, topic=topic.decode("utf-8"))
        wanted -= len(values)
    return wanted


def pull(command):
    """Takes so many messages from a queue."""
    reader, wanted = wire.Reader(), command["messages"]
    with open_socket(zmq.PULL, command) as socket:
        while wanted > 0:
            (frame,) = socket.recv_multipart()
            wanted = tell(reader, frame, b"", wanted)


def push(command):
    """Puts frames on a queue."""
    writer = wire.Writer(command["schema"])
    with open_socket(zmq.PUSH, command) as socket:
        for frame in command["frames"]:
            options = {name: frame[name] for name in ("announce", "sized", "kind") if name in frame}
            bytes_ = bytearray(writer.write(*frame["blocks"], **options))
            if "spoil" in frame:
                bytes_[frame["spoil"]] ^= 0xFF
            socket.send(bytes(bytes_))


def subscribe(command):
    """Takes so many messages from topics, with a plain SUB socket."""
    reader, wanted = wire.Reader(), command["messages"]
    with open_socket(zmq.SUB, command) as socket:
        socket.subscribe(command["prefix"])
        while wanted > 0:
            topic, frame = socket.recv_multipart()
            if topic[0:1] != b"\0":
                wanted = tell(reader, frame, topic, wanted)


def subscribe_ready(command):
    """Takes so many messages from topics, and asks first whether the subscription is in force."""
    inbox, nonce = b"\0" + os.urandom(16), os.urandom(16)
    reader, wanted, source = wire.Reader(), command["messages"], None
    with open_socket(zmq.XSUB, command) as socket:
        socket.send(b"\1" + inbox)
        socket.send(b"\1" + command["prefix"].encode("utf-8"))
        socket.send(wire.write_record(wire.REQUEST, {"kind": "ready", "inbox": inbox, "nonce": nonce}))
        while wanted > 0 or source is None:
            topic, frame = socket.recv_multipart()
            if topic == inbox:
                answer = wire.read_record(wire.ANSWER, frame, inbox)
                if answer["nonce"] == nonce:
                    source = answer["source"]
                    say(ready=True, source=source, position=answer["position"])
            elif topic[0:1] != b"\0":
                wanted = tell(reader, frame, topic, wanted)


def publish(command):
    """Answers requests; publishes what it has when the prefix is subscribed and somebody has asked."""
    writer, topic = wire.Writer(command["schema"]), command["topic"].encode("utf-8")
    subscribed = False
    with open_socket(zmq.XPUB, command) as socket:
        while True:
            upstream = socket.recv()
            if upstream[0] == 1:
                subscribed = subscribed or upstream[1:] == command["prefix"].encode("utf-8")
            elif upstream[0] != 0:
                request = wire.read_record(wire.REQUEST, upstream)
                answer = {
                    "nonce": request["nonce"],
                    "source": writer.source,
                    "position": writer.sequence - 1,
                    "time": wire.now(),
                }
                socket.send_multipart([request["inbox"], wire.write_record(wire.ANSWER, answer, request["inbox"])])
                if subscribed:
                    break
        for frame in command["frames"]:
            if frame.get("lose"):
                writer.write(*frame["blocks"], topic=topic)
            else:
                socket.send_multipart([topic, writer.write(*frame["blocks"], topic=topic)])
        say(source=writer.source)


def call(command):
    """Dials a server, agrees on a service, and does one step after the other."""
    keys = {name: z85.decode(key) for name, key in command["keys"].items()} if "keys" in command else None
    link = Link(lambda: open_socket(zmq.DEALER, command), keys)
    caller = Caller(link, command["service"], command["protocol"])
    say(agreement=caller.agree())
    for step in command["steps"]:
        say(**call_steps.STEPS[step["step"]](caller, step))
    link.leave()


def join(command):
    """Joins as a named peer: sends, takes messages, asks and answers, and leaves when it has seen what it waits for."""
    link = Link(lambda: open_socket(zmq.DEALER, command))
    answers = [(one["ask"], one["protocol"], lambda query, times=one["times"]: query * times) for one in command["answers"]]
    node = Node(link, command["name"], answers)
    node.join()
    say(peers=sorted(node.peers), incarnation=node.incarnation)
    for sending in command["sends"]:
        say(**node.send(sending["to"], sending["schema"], sending["values"]))
    for ask in command["asks"]:
        say(**node.ask(ask["to"], ask["ask"], ask["protocol"], ask["query"], ask.get("sender", 1)))
    node.wait(lambda: len(node.messages) >= command["messages"] and len(node.asked) >= command["queries"])
    say(messages=node.messages, asked=node.asked)
    node.leave()


def follow(command):
    """Follows topics, with what history has of them first."""
    history_steps.follow(command, open_socket, say)


def ask_history(command):
    """Calls the service of history."""
    history_steps.ask(command, open_socket, say)


COMMANDS = {
    "follow": follow,
    "ask-history": ask_history,
    "join": join,
    "pull": pull,
    "push": push,
    "subscribe": subscribe,
    "subscribe-ready": subscribe_ready,
    "publish": publish,
    "call": call,
}

for line in sys.stdin:
    request = json.loads(line, object_hook=from_json)
    COMMANDS[request["do"]](request)
zmq.Context.instance().term()
