"""Dialling, address by address, with an account of what was tried.

Remedy "address by address": the library's own ``dial_peer`` is not used.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import trio
from libp2p.io.exceptions import IncompleteReadError
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PERMANENT_ADDR_TTL
from multiaddr import Multiaddr

from p2plab.admission.request import RefusedError
from p2plab.identity.address import parse_address
from p2plab.real.pylibp2p.swarm import LabSwarm, TooManyHandshakes
from p2plab.real.transports.private.private_network import AnotherNetwork

_OFFERED = re.compile(r"protocols not supported: tried \[([^\]]{1,200})\]")  # how the library puts it
UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EADDRNOTAVAIL)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to dial, and where. ``peer_id`` is what the peer will have to prove; ``named`` is how it was asked for."""

    named: str
    peer_id: str
    addresses: tuple[str, ...]


@dataclass(slots=True)
class Account:
    """What was tried: (address, seconds, why it failed), and the reason of the last dial that failed."""

    attempts: list[tuple[str, float, str]] = field(default_factory=list)
    reason: str = "no address"
    cause: int = -1  # the event that says why this node did not dial, if it did not want to
    answered: tuple[str, float] = ("", 0.0)  # the address that a connection came of, and after how long


async def dial(swarm: LabSwarm, target: Target, timeout: float, account: Account) -> Any:
    """The library's connection to the first address that answers as the peer it should be; None where none did.

    ``timeout`` is for each address. A cancelled dial closes what it has opened.
    """
    if not swarm.remedies.on("address by address"):
        return await _dial_as_the_library_does(swarm, target, timeout, account)
    entrance = swarm.entrance
    for address in in_order(target.addresses, swarm.transport_names):
        began = trio.current_time()
        try:
            with trio.fail_after(timeout):
                asking = nullcontext() if entrance is None else entrance.dialling(target.peer_id, _base(address))
                with asking:
                    connection = await _dial_one(swarm, address, target.peer_id)
            account.answered = (address, trio.current_time() - began)
            return connection
        except trio.TooSlowError:
            reason, text = "timeout", f"no connection within {timeout:g} s"
        except Exception as error:  # noqa: BLE001  # the library raises more kinds than it names
            reason, text = explain(error)
            refused = own_no(error)
            if refused is not None and refused.event is not None:
                account.cause = refused.event
        if reason != "unsupported" or not account.attempts:
            account.reason = reason
        account.attempts.append((address, trio.current_time() - began, f"{reason}: {text}"))
    return None


async def _dial_as_the_library_does(swarm: LabSwarm, target: Target, timeout: float, account: Account) -> Any:
    peer_id, began = ID.from_string(target.peer_id), trio.current_time()
    addresses = [Multiaddr(parse_address(address).base) for address in target.addresses]
    swarm.peerstore.add_addrs(peer_id, addresses, PERMANENT_ADDR_TTL)
    try:
        with trio.fail_after(timeout):
            connection = (await Swarm.dial_peer(swarm, peer_id))[0]
        account.answered = (", ".join(target.addresses), trio.current_time() - began)
        return connection
    except trio.TooSlowError:
        account.reason, text = "timeout", f"no connection within {timeout:g} s"
    except Exception as error:  # noqa: BLE001  # the library raises more kinds than it names
        account.reason, text = explain(error)
    named = ", ".join(target.addresses)
    account.attempts.append((named, trio.current_time() - began, f"{account.reason}: {text}"))
    return None


async def _dial_one(swarm: LabSwarm, address: str, peer_id: str) -> Any:
    parsed = parse_address(address)
    if parsed.transport not in swarm.transport_names:
        raise Unsupported(
            f"this node has no transport for it: it has {', '.join(swarm.transport_names)}, "
            f"and that is {parsed.transport or 'an address without one'}"
        )
    return await swarm.dial_addr(Multiaddr(parsed.base), ID.from_string(peer_id))


def in_order(addresses: Iterable[str], transports: Sequence[str]) -> list[str]:
    """By preference of transport, and at the end those that cannot be dialled here."""
    ranks = {name: rank for rank, name in enumerate(transports)}
    return sorted(addresses, key=lambda address: ranks.get(parse_address(address).transport or "", len(ranks)))


class Unsupported(Exception):
    """An address of a kind that is not dialled here."""


def _base(address: str) -> str:
    return parse_address(address).base


def own_no(error: BaseException) -> RefusedError | None:
    """The no of the node's own door that is in an exception or its causes, if one is."""
    return next((link for link in _chain(error) if isinstance(link, RefusedError)), None)


def explain(error: BaseException) -> tuple[str, str]:
    """A reason of ``p2plab.events.kinds.network`` and a text, found in an exception of the library's and its causes."""
    chain = list(_chain(error))
    refused = own_no(error)
    if refused is not None:
        return refused.refusal.reason, refused.refusal.text
    for link in chain:
        text = str(link).lower()
        if "mismatch" in text or "does not match /p2p/" in text or "PeerIDMismatch" in type(link).__name__:
            return "wrong peer", "whoever answered proved to be somebody else"
    for link in chain:
        if isinstance(link, AnotherNetwork):
            return "private network", str(link)
        if isinstance(link, TooManyHandshakes):
            return "too many handshakes", str(link)
        if isinstance(link, Unsupported):
            return "unsupported", str(link)
        if isinstance(link, OSError) and link.errno == errno.ECONNREFUSED:
            return "refused", "nobody listens there"
        if isinstance(link, OSError) and link.errno == errno.ECONNRESET:
            return "handshake failed", "whoever answered closed the connection"
        if isinstance(link, OSError) and link.errno in UNREACHABLE:
            return "unreachable", str(link.strerror)
    if any(isinstance(link, IncompleteReadError) for link in chain):
        return "handshake failed", "whoever answered closed the connection"
    texts = [str(link) or type(link).__name__ for link in chain]
    text = " because ".join(texts)
    offered = _OFFERED.search(text)
    if offered is not None:
        kind = "muxer" if "multiplexer" in text else "security protocol"
        return "handshake failed", f"the two have no {kind} in common: the peer took none of {offered[1]}"
    return "handshake failed", text[:500]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, what it was raised from, and what groups of them hold; bounded."""
    waiting: list[BaseException] = [error]
    for _ in range(32):
        if not waiting:
            return
        link = waiting.pop(0)
        yield link
        inner: Sequence[BaseException] = getattr(link, "exceptions", ())
        waiting += inner
        if link.__cause__ is not None:
            waiting.append(link.__cause__)
