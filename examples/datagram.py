"""A sensor in Python's standard library, for `datagram.ts display`: `python3 examples/datagram.py [PORT]`."""
import hashlib
import os
import socket
import struct
import sys
import zlib

GROUP = ("239.255.70.70", int(sys.argv[1]) if len(sys.argv) > 1 else 5070)
SCHEMA = (
    b'{"type":"record","name":"Reading","fields":'
    b'[{"name":"sensor","type":"string"},{"name":"celsius","type":"double"}]}'
)
DATAGRAM, ANNOUNCEMENT, REQUEST = 11, 12, 13

source = os.urandom(8)
schema_id = hashlib.sha256(SCHEMA).digest()[:16]


def long(number):
    """A number as Avro writes it."""
    zigzag, out = (number << 1) ^ (number >> 63), b""
    while zigzag > 127:
        out, zigzag = out + bytes([zigzag & 127 | 128]), zigzag >> 7
    return out + bytes([zigzag])


def frame(kind, body):
    """The prelude of docs/reference/protocol, and the checksum in it."""
    head = b"Rv\x02" + bytes([kind << 1])
    return head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body


def announcement(next_number):
    piece = long(next_number) + long(len(SCHEMA)) + long(0) + long(len(SCHEMA)) + SCHEMA
    return frame(ANNOUNCEMENT, source + schema_id + piece + long(0))


def reading(number, sensor, celsius):
    message = long(len(sensor)) + sensor.encode() + struct.pack("<d", celsius)
    header = source + schema_id + long(number) + long(1) + long(0)
    return frame(DATAGRAM, header + long(1) + message + long(0))


def read_long(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        number, at, shift = number | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return (number >> 1) ^ -(number & 1), at


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sensor:
    sensor.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    sensor.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
    sensor.bind(("127.0.0.1", 0))
    sensor.settimeout(60)
    sensor.sendto(announcement(1), GROUP)
    for number in (1, 2, 4):  # the third is lost on the way
        sensor.sendto(reading(number, "python", 20.5 + number), GROUP)
    while True:
        data = sensor.recv(65536)
        assert data == frame(data[3] >> 1, data[8:]), "the checksum does not match"
        if data[3] >> 1 == REQUEST:
            sensor.sendto(announcement(5), GROUP)
        if data[3] >> 1 == DATAGRAM:
            number, at = read_long(data, 32)
            count, at = read_long(data, at)
            items, at = read_long(data, at + 1)  # behind a header without extensions
            length, at = read_long(data, at)
            name, celsius = data[at : at + length].decode(), struct.unpack_from("<d", data, at + length)[0]
            print(f"{name} #{number}, {count} of {items}: {celsius}")
            break
