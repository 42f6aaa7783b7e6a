"""What a node asks a rendezvous point, over a stream that is fresh and closed afterwards (rendezvous/README.md).

Of an answer only those registrations are believed whose signed record holds; the others are counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from p2plab.discovery.rendezvous.messages import (
    MAX_MESSAGE,
    Discover,
    Discovered,
    Register,
    Registered,
    Status,
    Unregister,
    decode_message,
    encode_message,
)
from p2plab.errors import DiscoveryError, ProtocolViolation
from p2plab.identity.peer_record import PeerRecord, read_record
from p2plab.stream import NetStream, StreamError

__all__ = ["Page", "believed", "discover", "granted", "register", "registration", "request", "unregister"]

A = TypeVar("A", Registered, Discovered)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to DISCOVER. ``records``: those that were believed, each with its namespace; ``refused``: how many
    were not; ``cookie``: what to ask with for what comes after."""

    records: tuple[tuple[str, PeerRecord], ...]
    refused: int
    cookie: bytes


def registration(namespace: str, record: bytes, ttl: float | None) -> Register:
    """A REGISTER; a TTL that is no whole number of seconds is rounded up."""
    return Register(namespace.encode(), record, None if ttl is None else math.ceil(ttl))


def request(namespace: str | None, limit: int | None, cookie: bytes) -> Discover:
    """A DISCOVER; ``namespace`` None asks for all."""
    return Discover(None if namespace is None else namespace.encode(), limit, cookie)


async def register(stream: NetStream, message: Register) -> float:
    """Register; the seconds for which it was granted. DiscoveryError with the point's code, ProtocolViolation,
    StreamError."""
    return granted(await _ask(stream, message, Registered), message)


async def unregister(stream: NetStream, namespace: str) -> None:
    """Unregister. There is no answer; StreamError where it could not be said."""
    async with stream:
        await stream.write_message(encode_message(Unregister(namespace.encode())))
        await stream.close_write()


async def discover(stream: NetStream, message: Discover) -> Page:
    """Ask for registrations. DiscoveryError with the point's code, ProtocolViolation, StreamError."""
    return believed(await _ask(stream, message, Discovered), message)


async def _ask(stream: NetStream, message: Register | Discover, kind: type[A]) -> A:
    async with stream:
        await stream.write_message(encode_message(message))
        data = await stream.read_message(MAX_MESSAGE)
        if data is None:
            raise StreamError("closed", f"{stream.peer!r} ended {stream.protocol} without an answer")
        answer = decode_message(data)
    if not isinstance(answer, kind):
        asked = type(message).__name__.upper()
        raise ProtocolViolation(f"{stream.peer!r} answered {asked} with {type(answer).__name__}")
    return answer


def granted(answer: Registered, asked: Register) -> float:
    """The seconds that an answer grants. DiscoveryError with its code."""
    if answer.status != Status.OK:
        raise _refused(answer)
    return float(answer.ttl if answer.ttl is not None else asked.ttl or 0)


def believed(answer: Discovered, asked: Discover) -> Page:
    """What is to be believed of an answer. DiscoveryError with its code; ProtocolViolation for more than was asked
    for."""
    if answer.status != Status.OK:
        raise _refused(answer)
    if asked.limit and len(answer.registrations) > asked.limit:
        raise ProtocolViolation(
            f"{len(answer.registrations)} registrations, where at most {asked.limit} were asked for"
        )
    found, refused = [], 0
    for one in answer.registrations:
        try:
            namespace = one.namespace.decode()
            record = read_record(one.record, legacy=True)
        except (UnicodeDecodeError, ProtocolViolation):
            refused += 1
            continue
        if asked.namespace and one.namespace != asked.namespace:
            refused += 1
            continue
        found.append((namespace, record))
    return Page(tuple(found), refused, answer.cookie)


def _refused(answer: Registered | Discovered) -> DiscoveryError:
    code = answer.status.name
    return DiscoveryError(f"{code}: {answer.text}" if answer.text else code, code)
