"""The layer of the address: what nobody can dial, what reaches only its own network, names, and relays.

Loopback and private networks: RFC 6890; names: multiformats/multiaddr protocols/DNS.md; relays: relay/circuit-v2.md.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from p2plab.explain.diagnosis.answer import Diagnosis
from p2plab.identity.address import Address, parse_address

__all__ = ["CircuitAddress", "address_fault", "from_elsewhere"]


def address_fault(address: Address) -> Diagnosis | None:
    """What of an address itself keeps anybody from dialling it."""
    if address.ip in ("0.0.0.0", "::"):
        return Diagnosis(
            "address",
            f"{address} names every interface of a machine ({address.ip}): one listens there, and cannot dial it",
            remedy="give the address of one interface, such as /ip4/127.0.0.1/... on the same machine",
        )
    if address.port == 0:
        return Diagnosis(
            "address",
            f"{address} has port 0, which asks for any free port: nobody listens at it",
            remedy="give the port that the node took; its addresses tell it when it listens",
        )
    if address.parts and address.parts[0][0] == "dnsaddr":
        return Diagnosis(
            "address",
            f"{address} is the name of a list of addresses, and says none itself",
            remedy=f"ask the DNS for the list, dig +short TXT _dnsaddr.{address.host}, and give one of its addresses",
        )
    if address.relayed:
        return _circuit_fault(address)
    if address.transport is None:
        return Diagnosis(
            "address",
            f"{address} names no transport",
            remedy="give an address such as /ip4/192.0.2.1/tcp/4001/p2p/12D3...",
        )
    return None


def _circuit_fault(address: Address) -> Diagnosis | None:
    circuit = CircuitAddress.of(address)
    if circuit is None:
        return Diagnosis(
            "address",
            f"{address} leads through a relay, and does not say through which, or to whom",
            remedy="give it as .../p2p/<the relay>/p2p-circuit/p2p/<the peer>",
        )
    return address_fault(parse_address(circuit.relay))


@dataclass(frozen=True, slots=True)
class CircuitAddress:
    """An address through a relay, in its two halves: the ``relay``'s own address, and the peer id of the ``target``."""

    relay: str
    target: str

    @classmethod
    def of(cls, address: Address) -> CircuitAddress | None:
        """None for an address that names no relay, or nobody behind it."""
        base, through, rest = str(address).partition("/p2p-circuit")
        if not through or rest != f"/p2p/{address.peer_id}" or parse_address(base).peer_id is None:
            return None
        return cls(base, str(address.peer_id))

    def of_relay(self, found: Diagnosis) -> Diagnosis:
        """What is wrong between the dialler and the relay itself."""
        if found.layer == "protocols":
            return replace(found, layer="relay", remedy="take another relay, or have this one relay for others")
        return replace(found, reason=f"the relay cannot be reached: {found.reason}")

    def answered(self, status: str | None) -> Diagnosis:
        """What the relay answered when it was asked for the peer (None: nothing)."""
        short = f"…{self.target[-6:]}"
        if status == "OK":
            return Diagnosis(None, f"the relay carries connections to {short}: no layer fails on the way through it")
        reasons = {
            "NO_RESERVATION": f"the relay has no reservation of {short}, which is not connected to it, or not any more",
            "CONNECTION_FAILED": f"the relay has a reservation of {short}, and could not reach it",
            "PERMISSION_DENIED": f"the relay does not let this node connect to {short}",
            "RESOURCE_LIMIT_EXCEEDED": "the relay has as many circuits as it carries at a time",
        }
        said = "nothing" if status is None else status
        remedies = {
            "NO_RESERVATION": f"have {short} reserve a slot there; its addresses tell through which relays it listens",
            "PERMISSION_DENIED": "look at what the relay allows, or take another",
            "RESOURCE_LIMIT_EXCEEDED": "wait, take another relay, or have them meet directly",
        }
        reason = reasons.get(said, f"the relay answered {said} when it was asked for {short}")
        return Diagnosis(
            "relay", reason, (f"relay: {self.relay}",), remedies.get(said, f"look at the relay and at {short}")
        )


def from_elsewhere(address: Address, loopback: bool = False) -> Diagnosis | None:
    """What an address says that may lead nowhere from here: a private network's, or the loopback's, where that leads
    elsewhere (``loopback``)."""
    if address.ip is None:
        return None
    ip = ipaddress.ip_address(address.ip)
    if ip.is_loopback and not loopback:
        return None
    if ip.is_loopback:
        return Diagnosis(
            "address",
            f"{address.ip} is the loopback, which every machine has: it leads to what runs on the dialler's own",
            remedy="give an address by which the node's machine is reached",
        )
    if (
        ip.is_link_local
        or ip.is_private
        or ip in ipaddress.ip_network("100.64.0.0/10" if ip.version == 4 else "fc00::/7")
    ):
        return Diagnosis(
            "address",
            f"{address.ip} is an address of a private network, which is reached from within it alone",
            remedy="give a public address of the node, one through a relay, or dial from within its network",
        )
    return None
