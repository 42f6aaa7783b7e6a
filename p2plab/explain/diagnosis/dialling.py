"""The layers up to a connection: the address, the network, the port, security, the peer id, the muxer, admission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from p2plab.errors import AddressError, DialError, LabError
from p2plab.events import EventLog
from p2plab.explain.diagnosis.addresses import from_elsewhere
from p2plab.explain.diagnosis.answer import Diagnosis
from p2plab.explain.diagnosis.port import PortAnswer
from p2plab.explain.faults import fault_between, refusal_of
from p2plab.identity.address import parse_address

__all__ = [
    "lines_of",
    "lossy",
    "not_dialled",
    "of_port",
    "of_way",
    "standing_fault",
    "to_probe",
    "wrong_peer",
]

SAME_KEY = "give both the same key (psk=), or neither of them one"
SPEAKS = {
    "http": "give the port of the libp2p listener: what answers here is a web server (or add /ws for a WebSocket)",
    "tls": "give the port of the libp2p listener; for a secure WebSocket end the address in /tls/ws",
    "ssh": "give the port of the libp2p listener: what answers here is a login server",
    "unknown": "give the port of the libp2p listener, and look which program has this one",
}


AFTER_SECURITY = "closed the connection once security was agreed"  # as p2plab.real.connections.dial says it


def standing_fault(log: EventLog, a: str, b: str | None) -> Diagnosis | None:
    """What stands between two nodes at present, by the log."""
    fault = None if b is None else fault_between(log, a, b)
    return None if fault is None else Diagnosis(fault.layer, fault.reason, (str(fault.event),), fault.remedy)


def to_probe(error: Exception) -> tuple[str, int] | None:
    """Host and TCP port of the address whose failed dial a look at the port can explain."""
    if not isinstance(error, DialError) or not error.attempts:
        return None
    address = parse_address(error.attempts[-1][0])
    why = error.attempts[-1][2]
    if address.transport not in ("tcp", "ws") or address.host is None or address.port is None:
        return None
    return (address.host, address.port) if why.startswith(("handshake failed", "timeout", "refused")) else None


def of_port(answer: PortAnswer, where: str, private: bool = False) -> Diagnosis | None:
    """What a look at the port says is wrong; None where libp2p answers there. ``private``: whoever dials is in a
    private network."""
    websocket = parse_address(where).transport in ("ws", "wss")
    seen = (f"port: {where}",)
    if answer.speaks == "libp2p" and websocket:
        reason = f"{where} is said to be a WebSocket, and libp2p over plain TCP answers there"
        return Diagnosis("transport", reason, seen, "leave /ws (and /tls) out of the address")
    if answer.speaks == "libp2p" and private:
        return Diagnosis("private network", "the peer is in no private network, and this node is", seen, SAME_KEY)
    if answer.speaks == "libp2p" or (answer.speaks == "http" and websocket):
        return None
    if answer.speaks == "private":
        reason = "the peer is in another private network, or knows another key" if private else answer.text
        return Diagnosis("private network", reason, seen, SAME_KEY)
    if answer.speaks == "shut":
        reason = f"{answer.text}: a limit of connections is reached, or a gate turns this address away"
        return Diagnosis("limit", reason, seen, "look at the limits and the gate of the node; its log says which")
    if answer.speaks == "closed":
        remedy = "start the node, or give the port that it listens at; its addresses tell that"
        if parse_address(where).ip in ("127.0.0.1", "::1"):
            remedy += f"; {parse_address(where).ip} is this machine itself: a node elsewhere has another address"
    elif answer.speaks in ("silent", "unreachable"):
        elsewhere = from_elsewhere(parse_address(where))
        if elsewhere is not None:
            return elsewhere.after((*seen, f"port: {answer.text}"))
        remedy = "look at the address, and at firewalls between the two"
    elif answer.speaks == "mute":
        remedy = "look at the program: it hangs, is stopped, or waits for something that is not libp2p"
    else:
        remedy = SPEAKS[answer.speaks]
    return Diagnosis("port", answer.text, seen, remedy)


def not_dialled(log: EventLog, a: str, b: str, error: Exception, loss: float) -> Diagnosis:
    """What a dial that came to nothing shows. ``loss``: the chance, 0 to 1, that a packet is lost."""
    if isinstance(error, AddressError):
        return Diagnosis("address", str(error), remedy="give an address that ends in /p2p/<peer id>")
    attempts = getattr(error, "attempts", [])
    tried = tuple(f"dial: {address} ({seconds:.3f} s): {why}" for address, seconds, why in attempts)
    event = None if getattr(error, "event", None) is None else log.by_seq(error.event)  # type: ignore[attr-defined]
    refused = None if event is None else refusal_of(log, event) or _refused_there(log, a, b, event.seq)
    if refused is not None:
        return Diagnosis(refused.layer, refused.reason, (*tried, str(refused.event)), refused.remedy)
    why = attempts[-1][2] if attempts else str(error)
    if isinstance(error, LabError) and not attempts:
        return _without_address(a, b, why)
    return _by_text(a, b, why, attempts[-1][0], loss).after(tried)


def _refused_there(log: EventLog, a: str, b: str, failed: int) -> Any:
    """The refusal of the listener's that ended the dial, where no cause leads there: the first of it since the dial."""
    dialled = [event for event in log.filter(kind="connection.dialled", node=a) if event.seq < failed]
    since = dialled[-1].seq if dialled else -1
    for event in log.filter(kind="connection.refused", node=b):
        if since < event.seq and event.peer in (None, a):
            return refusal_of(log, event)
    return None


def _without_address(a: str, b: str, why: str) -> Diagnosis:
    if "itself" in why:
        return Diagnosis("address", why, remedy="name two different nodes")
    if "no address" in why:
        return Diagnosis(
            "address",
            f"{a} knows no address of {b}",
            (why,),
            f"give a multiaddr of it that ends in /p2p/<peer id>, or {a}.register_peer(peer_id, addresses)",
        )
    return Diagnosis("dial", why, remedy="see the evidence")


def _by_text(a: str, b: str, why: str, address: str, loss: float) -> Diagnosis:
    """By the reason that the last attempt gives, as ``p2plab.events.kinds.network`` lists them."""
    reason, _, text = why.partition(": ")
    if reason == "wrong peer":
        return wrong_peer(address, text)
    if "no security protocol in common" in text:
        return Diagnosis("security", text, remedy=f"give {a} and {b} a security protocol in common: noise or tls")
    if "no muxer in common" in text:
        return Diagnosis("muxer", text, remedy=f"give {a} and {b} a muxer in common: yamux or mplex")
    if reason == "private network":
        return Diagnosis("private network", text, remedy=SAME_KEY)
    if reason == "name not found" or "could not be resolved" in text:
        told = f"the name has no address: {text}" if reason == "name not found" else text
        return Diagnosis("address", told, remedy="look at the spelling of the name, or give an /ip4/... address")
    if reason == "unsupported":
        return Diagnosis("transport", text, remedy=f"give {a} that transport, or {b} an address of one that {a} has")
    if AFTER_SECURITY in text:
        return Diagnosis(
            "gate",
            f"{b} closed the connection once security was agreed, when it knew who asks: its gate or a limit turns "
            f"{a} away",
            remedy=f"look at the gate and the limits of {b}; only its own log says which",
        )
    if loss > 0 and reason in ("unreachable", "timeout"):
        return lossy(a, b, loss)
    if reason == "refused":
        return Diagnosis("port", f"nobody listens at {address}", remedy=f"start {b}, or give the port it listens at")
    if reason == "too many handshakes":
        return Diagnosis("limit", text, remedy="wait, or dial fewer peers at once")
    if reason in ("unreachable", "timeout", "no route"):
        # Real nodes share this machine's loopback; of simulated ones each has its own.
        elsewhere = from_elsewhere(parse_address(address), loopback=reason == "unreachable")
        if elsewhere is not None:
            return elsewhere
        return Diagnosis(
            "network", f"nothing comes back from {address}: {text or reason}", remedy="look at the links between them"
        )
    return Diagnosis("handshake", why, remedy=f"compare the security and muxers of {a} and {b}")


def lossy(a: str, b: str, loss: float) -> Diagnosis:
    """A link that loses packets, and a question over it that was not answered."""
    return Diagnosis(
        "loss",
        f"the link between {a} and {b} loses {loss:.0%} of what is sent: no answer came through in time",
        remedy="lab.network.set_link(loss=0), or lab.network.clear() after a drop",
    )


def wrong_peer(address: str, text: str) -> Diagnosis:
    """Somebody else is at the address."""
    return Diagnosis(
        "peer id",
        f"whoever answers at {address} is another peer than the one dialled: {text}",
        remedy="take the peer id that the node tells now (its key has changed, or the port is another node's)",
    )


def of_way(way: Any, a: str, b: str) -> Diagnosis | None:
    """What the simulated NATs keep from happening; None where a way is there."""
    if way.how != "no" or "not running" in way.reason or "partition" in way.reason:
        return None
    return Diagnosis(
        "NAT",
        f"{a} cannot dial {b} through the NAT between them: {way.reason}",
        remedy="start a relay, lab.start_node('relay', role='relay'), or forward a port of the box",
    )


def lines_of(connection: Any, before: bool) -> Sequence[str]:
    """A connection that is there, as evidence."""
    state = "connected" if before else "was not connected; the dial worked, so connected now"
    over = ", ".join(str(part) for part in (connection.transport, connection.security, connection.muxer) if part)
    relayed = ", over a relay" if connection.relayed else ""
    return (f"connection: {state} ({over}{relayed})",)
