"""Talks to `stream.ts serve` with Python's standard library alone: `python3 examples/stream.py PORT`."""
import socket
import sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60) as connection:
    answers = connection.makefile("r", encoding="utf-8", newline="\n")

    def ask(line):
        connection.sendall(f"{line}\n".encode())
        return answers.readline().rstrip("\n")

    print(ask("set drink café au lait"))
    print(ask("get drink"))

    # cut anywhere, with the line ends of other systems, and several lines at once
    for piece in (b"se", b"t food b", b"read\r", b"\nget food\r\nlist", b"\n"):
        connection.sendall(piece)
    while (line := answers.readline()) != "end\n":
        print(line.rstrip("\n"))

    # this half ends, and what was asked is still answered
    connection.sendall(b"get nothing\nstop\n")
    connection.shutdown(socket.SHUT_WR)
    print(answers.read().split())
