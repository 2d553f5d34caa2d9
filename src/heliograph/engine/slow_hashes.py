"""Hashes of secrets that are too short for a fast one, such as passwords of 8 characters: scrypt, with a salt.

The numbers of scrypt stand in each hash, so that they can be raised for new ones. A hash takes its time without the
interpreter's lock: it is for a thread.
"""

import hashlib
import hmac
from typing import Final

SCRYPT_R: Final = 8
SCRYPT_P: Final = 1
SCRYPT_MEMORY_BYTES: Final = 64 * 1024 * 1024
"""What OpenSSL may take for one hash: 128 * N * r is 16 MiB for N = 2**14, and room for hashes made with larger
numbers."""
SALT_BYTES: Final = 16


def hashed(secret: str, salt: bytes, n: int) -> str:
    """`scrypt$n$r$p$salt$hash`, the last two in hex. `n`: a power of 2; 2**14 takes some 50 ms of a core."""
    digest = _digest(secret, salt, n, SCRYPT_R, SCRYPT_P)
    return f"scrypt${n}${SCRYPT_R}${SCRYPT_P}${salt.hex()}${digest.hex()}"


def matches(stored: str, secret: str) -> bool:
    """Whether the hash is this secret's; the comparison takes constant time."""
    _, n, r, p, salt, wanted = stored.split("$")
    digest = _digest(secret, bytes.fromhex(salt), int(n), int(r), int(p))
    return hmac.compare_digest(digest, bytes.fromhex(wanted))


def of_nobody(n: int) -> str:
    """A hash that no secret has: to take as long over an unknown name as over a known one."""
    return f"scrypt${n}${SCRYPT_R}${SCRYPT_P}${'00' * SALT_BYTES}${'00' * 32}"


def _digest(secret: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    given = secret.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(given, salt=salt, n=n, r=r, p=p, maxmem=SCRYPT_MEMORY_BYTES, dklen=32)
