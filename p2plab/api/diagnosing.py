"""``p2plab.diagnose``: why two nodes do not talk, wherever they run."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from typing import Any, Final

from p2plab.api.arguments import check_seconds
from p2plab.api.backends import HAS_LIBP2P
from p2plab.api.faces.node import NodeFace
from p2plab.errors import LabError, ValidationError
from p2plab.errors.frames import faced
from p2plab.explain.diagnosis import Diagnosis
from p2plab.explain.diagnosis.addresses import CircuitAddress, address_fault
from p2plab.explain.diagnosis.dialling import of_port
from p2plab.explain.diagnosis.implementations import in_words_of
from p2plab.explain.diagnosis.port import probe
from p2plab.explain.diagnosis.protocols import nothing_in_common
from p2plab.identity.address import Address, parse_address
from p2plab.typing import PeerInfo

__all__ = ["diagnose", "settings_for"]

PROBE: Final = "p2plab"  # what the node is called that dials
_PLACE: Final = re.compile(r"[^/\s]+:\d+")  # as in 127.0.0.1:4001
UPGRADED: Final = ("tcp", "ws", "wss")  # transports over TCP, on which security and muxer are negotiated


@faced
def diagnose(
    a: Any,
    b: Any = None,
    *,
    topic: str | None = None,
    protocol: str | None = None,
    dht: bool = False,
    timeout: float = 5.0,
) -> Any:
    """Say why two nodes do not talk, or that they do.

    Nodes of a lab look at each other (``a.diagnose(b)``). Addresses are of nodes that run anywhere: each is tried from
    here, by plain sockets first and then by a node of p2plab's that dials and asks, where py-libp2p is installed;
    whether the two reach each other cannot be seen from here, and the diagnosis says so.

    Args:
        a: a node, the name of one of the default lab's, or a multiaddr
        b: another; left out, only ``a`` is tried, which then is an address
        topic: the topic that two nodes are to talk about; for nodes of a lab
        protocol: the protocol they are to talk in
        dht: whether the DHT is looked at too; for nodes of a lab
        timeout: seconds after which a dial or an answer is given up

    Returns:
        Diagnosis: ``layer`` (None where nothing fails), ``reason``, ``evidence`` (lines), ``remedy``. For a node of an
        ``AsyncLab`` a coroutine that gives it.

    Raises:
        AddressError, UnknownNodeError, ValidationError: what was given names no node.

    Example:
        >>> import p2plab
        >>> p2plab.diagnose("/ip4/0.0.0.0/tcp/4001").layer
        'address'
    """
    if check_seconds(timeout, "timeout") == 0:
        raise ValidationError("a diagnosis needs a timeout above 0 seconds")
    nodes = [_node(one) for one in (a, b)]
    if nodes[0] is not None and b is not None:
        return nodes[0].diagnose(b, topic, protocol, dht, timeout)
    if nodes[1] is not None:
        return nodes[1].diagnose(a, topic, protocol, dht, timeout)
    if topic is not None or dht:
        raise ValidationError("topic= and dht= are for nodes of a lab: of a node outside only its answers are seen")
    addresses = [_address(one) for one in (a, b) if one is not None]
    seen: list[str] = []
    for address in addresses:
        dialled = _dialled(address)
        found = _before(dialled, timeout) if dialled is address else address_fault(address) or _before(dialled, timeout)
        if found is not None:
            words = in_words_of(found.layer or "", None)
            return replace(found.after(seen), remedy="; ".join(filter(None, (found.remedy, words))))
        seen.append(f"port: {dialled.base} can be reached")
    if not HAS_LIBP2P:
        reason = "the ports answer as libp2p does; what is above them needs py-libp2p: pip install 'p2plab[real]'"
        return Diagnosis(None, reason, tuple(seen))
    return _asked(addresses, protocol, timeout)


def _node(one: Any) -> Any:
    """A node of a lab, given as itself or by a name of the default lab's; None for an address."""
    if isinstance(one, NodeFace):
        return one
    if isinstance(one, str) and _PLACE.fullmatch(one):
        return None  # parse_address says how such a place is written
    if isinstance(one, str) and one and not one.startswith("/"):
        from p2plab.api.default import default_lab

        return default_lab()[one]
    return None


def _address(one: Any) -> Address:
    if not isinstance(one, str):
        raise ValidationError(f"diagnose takes nodes, names of nodes or multiaddrs, not {one!r}")
    return parse_address(one)


def _dialled(address: Address) -> Address:
    """The address itself; of one through a relay, the relay's."""
    circuit = CircuitAddress.of(address)
    return address if circuit is None else parse_address(circuit.relay)


def _before(address: Address, timeout: float) -> Diagnosis | None:
    """What plain sockets show of an address."""
    wrong = address_fault(address)
    if wrong is not None:
        return wrong
    host, port = address.host, address.port
    if host is not None and address.ip is None and address.parts[0][0] != "dnsaddr":
        try:
            socket.getaddrinfo(host, port)
        except OSError as error:
            reason = f"the name {host} has no address: {error.strerror or error}"
            return Diagnosis("address", reason, remedy="look at the spelling, or give an /ip4/... address")
    if address.transport in UPGRADED and host is not None and port is not None:
        answer = probe(host, port, timeout)
        if address.transport == "tcp" or answer.speaks in ("closed", "silent", "unreachable", "ssh"):
            found = of_port(answer, address.base)
            if found is not None:
                return found
    if address.peer_id is None:
        return Diagnosis(
            "address",
            f"{address} does not say whom to expect there",
            remedy="end it in /p2p/<peer id>, which the node tells where it logs its addresses",
        )
    return None


def _asked(addresses: list[Address], protocol: str | None, timeout: float) -> Diagnosis:
    """What a real node finds that dials them, and asks who they are."""
    from p2plab.api.blocking.lab import Lab

    infos: list[PeerInfo] = []
    seen: list[str] = []
    with Lab("real", recording="messages") as lab:
        for number, address in enumerate(addresses):
            try:
                node = lab.start_node(f"{PROBE}{number or ''}", **settings_for(_dialled(address)))
            except LabError as error:
                return Diagnosis("transport", f"{address} cannot be tried from here: {error}", tuple(seen))
            found = node.diagnose(str(address), protocol=protocol, timeout=timeout)
            if not found.healthy:
                return found.after(seen)
            seen += found.evidence
            infos += [] if address.relayed else [node.identify(str(address), timeout)]
    if len(addresses) == 1:
        if addresses[0].relayed:
            return Diagnosis(None, found.reason, tuple(seen))
        reason = f"{addresses[0]} answers, and talks to a node of p2plab's: no layer fails"
        return Diagnosis(None, reason, tuple(seen))
    apart = nothing_in_common(*(info.protocols for info in infos)) if len(infos) == 2 else None
    if apart is not None:
        return apart.after(seen)
    reason = (
        "either answers a node of p2plab's, and they have protocols in common; whether the two reach each other (NAT, "
        "firewalls, gates, topics) cannot be seen from here"
    )
    return Diagnosis(None, reason, tuple(seen))


def settings_for(address: Address) -> dict[str, Any]:
    """The settings of a node that dials there, and takes whatever the other one offers."""
    if address.transport in UPGRADED:
        both = {"security": ("noise", "tls"), "muxers": ("yamux", "mplex")}
        return both if address.transport == "tcp" else {**both, "transports": (address.transport,)}
    return {"transports": (address.transport,)}
