"""What a test may ask of a caller, step by step; each step returns what was seen.

It knows nothing of bytes: rivulet_calls.py does.
"""
from rivulet_link import LIMITS, SILENCE_S, check


def call(caller, step):
    """Calls a method and waits for its outcome."""
    return caller.next(begin(caller, step), step["method"])


def begin(caller, step):
    options = {"timeout_ms": step.get("timeoutMs"), "headers": step.get("headers"), "lose": step.get("lose", False)}
    return caller.begin(step["method"], step["request"], **options)


def start(caller, step):
    """Begins a call, whose outcome a later step waits for; or nobody, if it is one-way."""
    return {"stream": begin(caller, step)}


def outcome(caller, step):
    """Waits for the outcome of a call that was begun."""
    return caller.next(step["stream"], step["method"])


def watch(caller, step):
    """Takes a stream of responses to its end, or so many of them and then cancels.

    With `meanwhile` it first consumes nothing until there is no more credit, and does that step.
    """
    stream, method = begin(caller, step), step["method"]
    seen = {"values": []}
    if "meanwhile" in step:
        while caller.link.outstanding.get(stream, 0) < LIMITS["streamWindowBytes"]:
            caller.link.pump()
        seen["meanwhile"] = STEPS[step["meanwhile"]["step"]](caller, step["meanwhile"])
        seen["ahead"] = caller.link.outstanding[stream]
    while len(seen["values"]) < step.get("count", float("inf")):
        one = caller.next(stream, method)
        if "value" not in one:
            return {**seen, "ended": one}
        seen["values"].append(one["value"])
    caller.cancel(stream)
    return seen


def upload(caller, step):
    """Sends a stream of requests as far as credit goes, and waits for the one response.

    With `meanwhile` it does that step when there is no more credit, as there must be; with `open` it says no end.
    """
    stream, method = caller.begin(step["method"]), step["method"]
    seen = {"sent": 0}
    for request in step["requests"]:
        if "meanwhile" in step and caller.link.credit[stream] <= 0:
            seen["ahead"] = seen["sent"]
            seen["meanwhile"] = call(caller, step.pop("meanwhile"))
        if not caller.send_request(stream, method, request):
            break
        seen["sent"] += 1
    check("meanwhile" not in step, "the peer gives credit without end")
    if not step.get("open"):
        caller.end_requests(stream)
    return {**seen, "outcome": caller.next(stream, method)}


def converse(caller, step):
    """Sends a stream of requests and waits for a response to each before the next."""
    stream, method = caller.begin(step["method"]), step["method"]
    values = []
    for request in step["requests"]:
        caller.send_request(stream, method, request)
        values.append(caller.next(stream, method)["value"])
    caller.end_requests(stream)
    return {"values": values, "ended": caller.next(stream, method)}


def attend(caller, step):
    """Speaks with the host of a directory until so much is confirmed, shown and gone; the stream stays open."""
    stream = step.get("stream") or caller.begin("attend")
    for request in step["requests"]:
        caller.send_request(stream, "attend", request)
    answers = []

    def count(name):
        changes = [change for answer in answers for change in answer["changes"]]
        return sum(len(one[name]) for one in (answers if name == "confirmed" else changes))

    while any(count(name) < number for name, number in step["until"].items()):
        answers.append(caller.next(stream, "attend")["value"])
    return {"stream": stream, "answers": answers}


def redial(caller, step):
    """Cuts the connection and resumes the session over another one; what has come and was not read is lost.

    With `whenReadable` there is something to lose.
    """
    link = caller.link
    if step.get("whenReadable"):
        check(link.socket.poll(SILENCE_S * 1000), "nothing has come")
    link.enter(resume=True)
    return {"connection": link.connection, "resent": len(link.retained)}


STEPS = {
    "call": call,
    "start": start,
    "outcome": outcome,
    "watch": watch,
    "upload": upload,
    "converse": converse,
    "attend": attend,
    "redial": redial,
}
