"""Dialling with py-libp2p, one address at a time, and why it came to nothing.

Remedy "address by address": the library's own ``dial_peer`` is not used.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import trio
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import IncompleteReadError
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PERMANENT_ADDR_TTL
from libp2p.transport.exceptions import MuxerUpgradeFailure
from multiaddr import Multiaddr

from p2plab.admission.request import RefusedError
from p2plab.errors import AddressError, DialError
from p2plab.host.names import Target
from p2plab.identity.address import parse_address
from p2plab.real.connections.interfaces import check_dialable, resolved
from p2plab.real.pylibp2p.swarm import LabSwarm, TooManyHandshakes, raw_connection
from p2plab.real.transports.memory import NoRoute
from p2plab.real.transports.private.private_network import AnotherNetwork

_OFFERED = re.compile(r"protocols not supported: tried \[([^\]]{1,200})\]")  # how the library puts it
UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EADDRNOTAVAIL)


async def dial_address(swarm: LabSwarm, address: str, peer_id: str) -> Any:
    """The library's connection to one address; a cancelled dial closes what it has opened.

    DialError, whose text begins with a reason of ``p2plab.events.kinds.network``, or the RefusedError of the node's own
    admission."""
    gater = swarm.gater
    try:
        with nullcontext() if gater is None else gater.dialling(peer_id, parse_address(address).base):
            return await _dial_one(swarm, address, peer_id)
    except RefusedError:
        raise
    except Exception as error:
        raise _explained(error) from error


async def dial_over(swarm: LabSwarm, stream: ReadWriteCloser, address: str, peer_id: str) -> Any:
    """The library's connection over a stream that leads to a peer, as ``dial_address``."""
    gater = swarm.gater
    try:
        with nullcontext() if gater is None else gater.dialling(peer_id, parse_address(address).base):
            return await swarm.upgrade_outbound_raw_conn(raw_connection(stream, True), ID.from_string(peer_id))
    except RefusedError:
        raise
    except Exception as error:
        raise _explained(error) from error


async def dial_as_the_library_does(swarm: LabSwarm, addresses: Sequence[str], peer_id: str) -> Any:
    """The library's connection to whichever address it likes. Raises DialError."""
    library_id = ID.from_string(peer_id)
    bases = [Multiaddr(parse_address(address).base) for address in addresses]
    swarm.peerstore.add_addrs(library_id, bases, PERMANENT_ADDR_TTL)
    try:
        return (await Swarm.dial_peer(swarm, library_id))[0]
    except Exception as error:
        raise _explained(error) from error


async def dial_in_turn(swarm: LabSwarm, target: Target, timeout: float) -> tuple[Any, list[tuple[str, float, str]]]:
    """The library's connection to the first address that answers (None: to none), and how the others failed."""
    attempts: list[tuple[str, float, str]] = []
    for address in in_order(target.addresses, swarm.transport_names):
        began = trio.current_time()
        try:
            with trio.fail_after(timeout):
                return await dial_address(swarm, address, str(target.peer_id)), attempts
        except trio.TooSlowError:
            why = f"timeout: no connection within {timeout:g} s"
        except (DialError, RefusedError) as error:
            why = str(error)
        attempts.append((address, trio.current_time() - began, why))
    return None, attempts


def _explained(error: Exception) -> DialError | RefusedError:
    refused = own_no(error)
    if refused is not None:
        return refused
    reason, text = explain(error)
    return DialError(f"{reason}: {text}")


async def _dial_one(swarm: LabSwarm, address: str, peer_id: str) -> Any:
    parsed = parse_address(address)
    if parsed.transport not in swarm.transport_names:
        raise Unsupported(
            f"this node has no transport for it: it has {', '.join(swarm.transport_names)}, "
            f"and that is {parsed.transport or 'an address without one'}"
        )
    check_dialable(parsed)
    found = await resolved(parsed)
    for one in found[:-1]:
        try:
            return await swarm.dial_addr(Multiaddr(one.base), ID.from_string(peer_id))
        except SwarmException:
            continue  # the last one's reason is told
    return await swarm.dial_addr(Multiaddr(found[-1].base), ID.from_string(peer_id))


def in_order(addresses: Iterable[str], transports: Sequence[str]) -> list[str]:
    """By preference of transport, then those over a relay, and at the end those that cannot be dialled here."""
    ranks = {name: rank for rank, name in enumerate(transports)}
    ranks["p2p-circuit"] = len(ranks)
    return sorted(addresses, key=lambda address: ranks.get(parse_address(address).transport or "", len(ranks)))


class Unsupported(Exception):
    """An address of a kind that is not dialled here."""


def own_no(error: BaseException) -> RefusedError | None:
    """The refusal of the node's own admission that is in an exception or its causes, if one is."""
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
        if isinstance(link, NoRoute):
            return "no route", str(link)
        if isinstance(link, (Unsupported, AddressError)):
            return "unsupported", str(link)
        if isinstance(link, OSError) and link.errno == errno.ECONNREFUSED:
            return "refused", "nobody listens there"
        if isinstance(link, OSError) and link.errno == errno.ECONNRESET:
            return "handshake failed", _closed(chain)
        if isinstance(link, OSError) and link.errno in UNREACHABLE:
            return "unreachable", str(link.strerror)
    if any(isinstance(link, IncompleteReadError) for link in chain):
        return "handshake failed", _closed(chain)
    texts = [str(link) or type(link).__name__ for link in chain]
    text = " because ".join(texts)
    offered = _OFFERED.search(text)
    if offered is not None:
        kind = "muxer" if "multiplexer" in text else "security protocol"
        return "handshake failed", f"the two have no {kind} in common: the peer took none of {offered[1]}"
    return "handshake failed", text[:500]


def _closed(chain: Sequence[BaseException]) -> str:
    """How far the handshake was. Whoever closes after security knows who asks: most often its gate did."""
    known = any(isinstance(link, MuxerUpgradeFailure) for link in chain)
    return f"whoever answered closed the connection{' once security was agreed' if known else ''}"


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
