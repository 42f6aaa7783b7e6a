"""Records: what may stand under which key, and which of two is better (kad-dht/README.md, "Entry validation").

A key is ``/namespace/rest``; each namespace has a validator. ``/pk`` holds public keys under the id made of them,
``/ipns`` signed pointers under the id of the key that signs (ipns.py), and any other namespace, such as the lessons'
own ``/lab``, must be given one. A validator is pure: the time, where it matters, is given.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from p2plab.constants import KAD_ID
from p2plab.errors import LabError, ValidationError
from p2plab.errors.checked import utf8
from p2plab.identity.keys import peer_id_bytes, peer_id_from_bytes, peer_id_of
from p2plab.text import RAISABLE, plural, said_by

__all__ = [
    "PlainValidator",
    "PublicKeyValidator",
    "Validator",
    "check_record",
    "judge",
    "key_text",
    "namespace_of",
    "record_key",
    "validators_for",
]

_BINARY: Final = ("pk", "ipns")  # namespaces whose rest is a peer id in binary


class Validator(Protocol):
    """The rules of one namespace."""

    def validate(self, key: bytes, value: bytes, now: float) -> None:
        """ValidationError says what is wrong with this value under this key. ``now`` is unix time in seconds."""

    def select(self, key: bytes, values: Sequence[bytes]) -> int:
        """The index of the best of these valid values; the first of several that are equally good."""


class PlainValidator:
    """Anything goes: for lessons. No value says of itself that it is newer, so the one that most of those asked hold is
    taken to be the best, and of two that are equally often there the one given first: a holder that is sent another
    value takes it, and a get returns what the majority says."""

    def validate(self, key: bytes, value: bytes, now: float) -> None:
        """Every value is valid."""

    def select(self, key: bytes, values: Sequence[bytes]) -> int:
        """The index of the value that occurs most often; of several, the first."""
        counts: dict[bytes, int] = {}
        for value in values:
            counts[value] = counts.get(value, 0) + 1
        return max(range(len(values)), key=lambda index: (counts[values[index]], -index))


class PublicKeyValidator:
    """``/pk/<peer id>``: the marshalled public key that the id is made of (ipfs/specs routing/kad-dht, "Public
    Keys")."""

    def validate(self, key: bytes, value: bytes, now: float) -> None:
        wanted = key.partition(b"/pk/")[2]
        if peer_id_bytes(peer_id_of(value)) != wanted:
            raise ValidationError(f"this public key is that of {peer_id_of(value)}, not of the peer the key names")

    def select(self, key: bytes, values: Sequence[bytes]) -> int:
        return 0


def check_namespaces(protocol: str, more: Mapping[str, Validator]) -> None:
    """ValidationError where the public network's DHT is to carry other namespaces than its two."""
    if protocol == KAD_ID and more:
        raise ValidationError(
            f"{KAD_ID} carries /pk and /ipns records only (ipfs/specs routing/kad-dht); "
            f"give the DHT a protocol id of its own to use {', '.join(f'/{name}' for name in more)}"
        )


def validators_for(protocol: str, more: Mapping[str, Validator]) -> dict[str, Validator]:
    """The validators of a node that speaks ``protocol``, by namespace: pk and ipns, ``more``, and, except on the public
    network's ``/ipfs/kad/1.0.0``, the plain one for ``/lab``."""
    from p2plab.kademlia.storage.ipns import IpnsValidator

    check_namespaces(protocol, more)
    found: dict[str, Validator] = {"pk": PublicKeyValidator(), "ipns": IpnsValidator()}
    if protocol != KAD_ID:
        found["lab"] = PlainValidator()
    return {**found, **more}


def check_record(
    key: bytes, value: bytes, validators: Mapping[str, Validator], max_key: int, max_value: int, now: float
) -> Validator:
    """The validator of a record that may be put; ``max_key`` and ``max_value`` are bytes, ``now`` is unix time.
    ValidationError where it may not, saying why."""
    if len(value) > max_value:
        raise ValidationError(
            f"the value has {plural(len(value), 'byte')}, over the limit of {max_value} (DhtParams.max_value_size)"
        )
    if len(key) > max_key:
        raise ValidationError(f"the key has {plural(len(key), 'byte')}, over the limit of {max_key}")
    namespace = namespace_of(key)
    validator = validators.get(namespace)
    if validator is None:
        known = ", ".join(f"/{name}" for name in validators)
        raise ValidationError(
            f"{key_text(key)}: nobody here knows the namespace /{namespace}; known are {known} "
            "(DhtParams(validators={...}) adds more)"
        )
    validated(validator, key, value, now)
    return validator


def validated(validator: Validator, key: bytes, value: bytes, now: float) -> None:
    """ValidationError for a record that the validator does not take, or that makes it raise: no record is valid of
    which that cannot be said."""
    try:
        judge(validator, key, value, now)
    except LabError:
        raise
    except RAISABLE as error:
        raise ValidationError(
            f"{key_text(key)}: its validator {type(validator).__name__} raised {type(error).__name__}: {said_by(error)}"
        ) from error


def judge(validator: Validator, key: bytes, value: bytes, now: float) -> None:
    """Have the validator raise for a record that is not valid. TypeError where it answers instead: False, or a
    coroutine that nobody awaits, must not stand for a yes."""
    answer: object = validator.validate(key, value, now)  # type: ignore[func-returns-value]  # a user's may
    if answer is not None and answer is not True:
        if inspect.iscoroutine(answer):
            answer.close()
        raise TypeError(f"validate raises for a record that is not valid, and is no coroutine; it gave {answer!r}")


def namespace_of(key: bytes) -> str:
    """The namespace of a key. ValidationError for a key without one, or with nothing after it."""
    empty, slash, rest = key[:1], key[:1] == b"/", key[1:]
    word, second, name = rest.partition(b"/")
    if not (empty and slash and word and second and name and word.isascii()):
        shown = key.decode() if key.isascii() and key.decode().isprintable() else key_text(key)
        raise ValidationError(f"{shown[:80]!r} is not the key of a record: one is /namespace/name, as in /lab/greeting")
    return word.decode()


def record_key(key: str | bytes) -> bytes:
    """The key of a record as messages carry it. Text is a path; behind ``/pk/`` and ``/ipns/`` stands a peer id or an
    IPNS name as text, which becomes binary. Bytes are taken as they are. Raises ValidationError, PeerIdError."""
    if isinstance(key, bytes):
        data = key
    elif isinstance(key, str):
        data = utf8(key, "the key")
    else:
        raise ValidationError(f"the key of a record is text or bytes, not {key!r}")
    namespace = namespace_of(data)
    if isinstance(key, str) and namespace in _BINARY:
        return f"/{namespace}/".encode() + peer_id_bytes(key.split("/", 2)[2])
    return data


def key_text(key: bytes) -> str:
    """A key for people: a path or a peer id where it is one, else hex, at most about 80 characters."""
    for namespace in _BINARY:
        prefix = f"/{namespace}/".encode()
        if key.startswith(prefix) and len(key) > len(prefix):
            return f"/{namespace}/{key_text(key[len(prefix) :])}"
    if key.startswith(b"/"):
        try:
            text = key.decode()
        except UnicodeDecodeError:
            text = ""
        if text.isprintable() and text:
            return text if len(text) <= 80 else text[:79] + "…"
    try:
        return str(peer_id_from_bytes(key)) if len(key) <= 64 else key[:32].hex() + "…"
    except ValidationError:
        return key[:40].hex() + ("…" if len(key) > 40 else "")
