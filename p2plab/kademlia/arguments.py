"""What the verbs of a DHT are given, checked: the same whatever carries them out."""

from __future__ import annotations

from collections.abc import Callable

from p2plab.errors import PeerIdError, UnknownNodeError, ValidationError
from p2plab.errors.checked import utf8
from p2plab.identity.cid import Cid, as_cid
from p2plab.kademlia.key_space import KeySpace
from p2plab.kademlia.storage.records import record_key

__all__ = ["place_of", "someone_else", "value_bytes", "wanted_count"]


def value_bytes(value: bytes | str) -> bytes:
    """A value as bytes. Raises ValidationError."""
    data = utf8(value, "the value") if isinstance(value, str) else value
    if not isinstance(data, bytes):
        raise ValidationError(f"a value is bytes, or text that becomes UTF-8, not {value!r}")
    return data


def wanted_count(given: int | None, default: int) -> int:
    """How many answers end a search (0: none do). Raises ValidationError."""
    if given is None:
        return default
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise ValidationError(f"a number of answers to wait for is a whole number from 0 up, not {given!r}")
    return given


def place_of(key: str | bytes | Cid, space: KeySpace, find: Callable[[str], int]) -> bytes:
    """The bytes whose sha256 is the place of a key: of a path, of a peer (whom ``find`` knows), of a CID, which is its
    multihash's (libp2p/specs kad-dht, "Content provider advertisement"), or of the bytes given. Text that names a peer
    is the peer's. Raises ValidationError, PeerIdError, UnknownNodeError."""
    if isinstance(key, Cid):
        return key.multihash
    if isinstance(key, bytes):
        if not key:
            raise ValidationError("an empty key has no place")
        return key
    if not isinstance(key, str):
        raise ValidationError(f"a key is a path, a peer id, a CID or bytes, not {key!r}")
    if key.startswith("/"):
        return record_key(key)
    try:
        return space.binary(find(key))
    except (UnknownNodeError, PeerIdError) as nobody:
        try:
            return as_cid(key).multihash
        except ValidationError:
            raise nobody from None


def someone_else(peer: int, me: int, space: KeySpace) -> int:
    """The peer that is looked for. ValidationError where that is the node itself."""
    if peer == me:
        raise ValidationError(f"{space.peer_id(peer)!r} is the node that was asked: it need not be looked for")
    return peer
