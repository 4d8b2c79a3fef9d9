"""Counted once: what a profile remembers of the items it has already taken (DESIGN.md section 4).

Two memories, each one byte string of a fixed layout, pure functions over both:

* numbered items: for each of the last 16 clients the highest number and a bitmap of the 64 numbers up to it, after the
  anti-replay window of RFC 6479. 24 bytes a client (a 64-bit hash of its id, the number, the bitmap), the client heard
  of last at the end;
* named items: 64-bit hashes of the last 128 ids, oldest first.
"""

from functools import lru_cache
from hashlib import blake2b
from struct import Struct

CLIENTS = 16
WINDOW = 64
IDS = 128

_HASH = 8
_client = Struct(">8sQQ")
_ALL = (1 << WINDOW) - 1


def _hash(identifier: str) -> bytes:
    return blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=_HASH).digest()


_hash_of_client = lru_cache(maxsize=1024)(_hash)
"""One client sends many items, most of them in a row."""


def take_number(memory: bytes, client: str, n: int) -> bytes | None:
    """The memory with item `n` of the client in it; None if it is there already, or older than the window.

    Raises ValueError for what is no such memory.
    """
    if len(memory) % _client.size:
        raise ValueError(f"{memory!r} is no memory of clients")
    key = _hash_of_client(client)
    start = len(memory) - _client.size
    if memory[start : start + _HASH] != key:  # nearly always it is the client heard of last
        start = next((at for at in range(0, start, _client.size) if memory[at : at + _HASH] == key), -1)
        if start < 0:
            return memory[-(CLIENTS - 1) * _client.size :] + _client.pack(key, n, 1)
    _, highest, window = _client.unpack_from(memory, start)
    if n > highest:  # bit k of the window stands for the number `highest - k`
        ahead = n - highest
        highest, window = n, ((window << ahead) | 1) & _ALL if ahead < WINDOW else 1
    else:
        bit = 1 << (highest - n) if highest - n < WINDOW else 0
        if bit == 0 or window & bit:
            return None
        window |= bit
    taken = _client.pack(key, highest, window)
    return taken if len(memory) == _client.size else memory[:start] + memory[start + _client.size :] + taken


def take_id(memory: bytes, identifier: str) -> bytes | None:
    """The memory with the id in it; None if it is there already."""
    key = _hash(identifier)
    if any(memory[start : start + _HASH] == key for start in range(0, len(memory), _HASH)):
        return None
    return memory[-(IDS - 1) * _HASH :] + key
