"""The proof of a key inside the handshake of a link: docs/reference/protocol, section Proof of identity, and nothing of Rivulet's code.

X25519 is here in full (RFC 7748, section 5), so that no package is needed beside Python's own. It is slow and not safe
against those who measure its time: for tests alone.
"""
import hashlib
import hmac
import os

PRIME = 2**255 - 19
CAPABILITY = "proof"
LABEL = b"rivulet link proof 1\0"


def x25519(secret, public):
    """The 32 bytes that the owner of a secret key shares with the owner of a public one."""
    clamped = bytearray(secret)
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    scalar = int.from_bytes(clamped, "little")
    u = int.from_bytes(public, "little") & (2**255 - 1)
    x2, z2, x3, z3, swapped = 1, 0, u, 1, 0
    for at in reversed(range(255)):
        bit = scalar >> at & 1
        if swapped ^ bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swapped = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x2, z2, x3, z3 = aa * bb % PRIME, e * (aa + 121665 * e) % PRIME, (da + cb) ** 2 % PRIME, u * (da - cb) ** 2 % PRIME
    if swapped:
        x2, z2 = x3, z3
    return (x2 * pow(z2, PRIME - 2, PRIME) % PRIME).to_bytes(32, "little")


def prove(keys, hello, challenge):
    """The answer to a challenge of the server that this side expects."""
    assert challenge["publicKey"] == keys["serverKey"], "the challenge of another server"
    nonce = os.urandom(32)
    shared = x25519(keys["secretKey"], challenge["publicKey"])
    assert any(shared), "a public key that yields nothing"
    parts = [LABEL, number(1, 4), number(hello["connection"], 8), number(hello["resume"], 1)]
    parts += [keys["publicKey"], challenge["publicKey"]]
    for part in (nonce, challenge["nonce"], hello["session"]):
        parts += [number(len(part), 4), part]
    mac = hmac.new(shared, b"".join(parts), hashlib.sha256).digest()
    return {"connection": hello["connection"], "publicKey": keys["publicKey"], "nonce": nonce, "mac": mac}


def number(value, size):
    return int(value).to_bytes(size, "big")
