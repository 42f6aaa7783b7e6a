"""Network address translators: what a home router or a carrier does to packets (RFC 4787 for UDP, RFC 5382 for TCP).

A box has a mapping behaviour, which says when two packets from one inside endpoint leave by the same outside port, and
a filtering behaviour, which says who may send to that port (RFC 4787, sections 4.1 and 5):

- endpoint-independent (``EIM``, ``EIF``): one port for all; anybody may answer.
- address-dependent (``ADM``, ``ADF``): by the IP address at the other end.
- address- and port-dependent (``APDM``, ``APDF``): by address and port.

A firewall filters and translates nothing. Boxes may stand behind boxes. A realm is the network behind one box; ``None``
is the public one. Nothing here knows the time or draws numbers: both come in as arguments, the time in ticks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from p2plab.errors import ConfigurationError, ValidationError

__all__ = [
    "FILTERINGS",
    "KINDS",
    "MAPPINGS",
    "Arrived",
    "Box",
    "DropReason",
    "Dropped",
    "Endpoint",
    "Realms",
    "Transport",
    "Underway",
    "behaviour",
]

MAPPINGS: Final = ("EIM", "ADM", "APDM")
FILTERINGS: Final = ("EIF", "ADF", "APDF")
# The names of RFC 3489, section 5, which people still use.
KINDS: Final[dict[str, tuple[str | None, str]]] = {
    "full-cone": ("EIM", "EIF"),
    "restricted": ("EIM", "ADF"),
    "port-restricted": ("EIM", "APDF"),
    "symmetric": ("APDM", "APDF"),
    "firewall": (None, "APDF"),
}
UDP_TIMEOUT: Final = 120.0  # seconds; RFC 4787, REQ-5: at least two minutes
TCP_TIMEOUT: Final = 7440.0  # seconds of an established connection; RFC 5382, REQ-5: at least 2 h 4 min
TCP_TRANSITORY: Final = 240.0  # seconds until the other end has answered; RFC 5382, REQ-5: at least 4 min
FIRST_PORT: Final = 40_000  # where a box that cannot keep the inside port begins to look
LAST_PORT: Final = 65_535

Transport = Literal["udp", "tcp"]


class Endpoint(NamedTuple):
    """An IP address and a port."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"{self.ip}:{self.port}"


DropReason = Literal["filtered", "mapping expired", "no mapping", "no hairpinning", "private address", "ports taken"]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A packet did not get through: ``box`` names where it was dropped (empty: no box), ``rule`` says by which rule,
    ``reason`` is its short form, as the event log has it."""

    box: str
    rule: str
    reason: DropReason

    def __str__(self) -> str:
        return f"{self.box}: {self.rule}" if self.box else self.rule


@dataclass(slots=True)
class Mapping:
    """One outside port: whose it is, to whom its owner sent (and when, in ticks), and whether they answered."""

    inside: Endpoint
    outside: Endpoint
    key: tuple[object, ...]
    sent: dict[Endpoint, int] = field(default_factory=dict)
    answered: set[Endpoint] = field(default_factory=set)
    last: int = 0  # the tick of the last packet that kept it alive


def behaviour(kind: str | None, mapping: str | None, filtering: str | None) -> tuple[str | None, str]:
    """Mapping and filtering of a box, from a kind's name or from RFC 4787's names; the latter win where both are given.

    ValidationError names what there is.
    """
    if kind is not None and (not isinstance(kind, str) or kind not in KINDS):
        from difflib import get_close_matches

        near = get_close_matches(str(kind), list(KINDS), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValidationError(f"there is no NAT of kind {kind!r}: take {', '.join(KINDS)}{hint}")
    if mapping is not None and mapping not in MAPPINGS:
        raise ValidationError(f"mapping={mapping!r}: RFC 4787 has {', '.join(MAPPINGS)}")
    if filtering is not None and filtering not in FILTERINGS:
        raise ValidationError(f"filtering={filtering!r}: RFC 4787 has {', '.join(FILTERINGS)}")
    by_kind = KINDS[kind] if kind is not None else ("EIM", "APDF")
    if by_kind[0] is None and mapping is not None:
        raise ValidationError(f"a firewall translates nothing, so mapping={mapping!r} has no meaning; leave it out")
    return (mapping or by_kind[0]), (filtering or by_kind[1])


class Box:
    """One NAT or firewall. ``ip`` is its outside address (a firewall has none), ``outer`` the box it stands behind."""

    def __init__(
        self,
        name: str,
        ip: str,
        mapping: str | None,
        filtering: str,
        *,
        outer: Box | None = None,
        udp_timeout: int,
        tcp_timeout: int,
        tcp_transitory: int,
        port_preservation: bool = True,
        hairpinning: bool = False,
        upnp: bool = False,
    ) -> None:
        self.name = name
        self.ip = ip
        self.mapping = mapping
        self.filtering = filtering
        self.outer = outer
        self.udp_timeout = udp_timeout
        self.tcp_timeout = tcp_timeout
        self.tcp_transitory = tcp_transitory
        self.port_preservation = port_preservation
        self.hairpinning = hairpinning
        self.upnp = upnp
        self._by_key: dict[tuple[object, ...], Mapping] = {}
        self._by_port: dict[tuple[Transport, Endpoint], Mapping] = {}
        self._pinned: dict[tuple[Transport, Endpoint], Endpoint] = {}  # port mappings asked for by UPnP
        self._next = FIRST_PORT

    @property
    def translates(self) -> bool:
        """Whether it is a NAT; a firewall only filters."""
        return self.mapping is not None

    @property
    def kind(self) -> str:
        """The name people know it by, else RFC 4787's: ``symmetric``, ``APDM/EIF``."""
        for name, pair in KINDS.items():
            if pair == (self.mapping, self.filtering):
                return name
        return f"{self.mapping or 'firewall'}/{self.filtering}"

    def blank(self, outer: Box | None) -> Box:
        """A box of the same kind that has seen no packet yet, for predictions; ports mapped on request stay mapped."""
        box = Box(
            self.name,
            self.ip,
            self.mapping,
            self.filtering,
            outer=outer,
            udp_timeout=self.udp_timeout,
            tcp_timeout=self.tcp_timeout,
            tcp_transitory=self.tcp_transitory,
            port_preservation=self.port_preservation,
            hairpinning=self.hairpinning,
            upnp=self.upnp,
        )
        box._pinned.update(self._pinned)
        return box

    # -- packets

    def outbound(self, transport: Transport, inside: Endpoint, to: Endpoint, now: int) -> Endpoint | Dropped:
        """A packet leaves: the endpoint that the outside sees it come from."""
        for (kind, mapped), owner in self._pinned.items():
            if kind == transport and owner == inside:
                return mapped
        key = self._key(transport, inside, to)
        found = self._by_key.get(key)
        if found is not None and self._expired(transport, found, now):
            self._forget(transport, found)
            found = None
        if found is None:
            outside = self._outside(transport, inside)
            if outside is None:
                return Dropped(self.name, "every port is taken", "ports taken")
            found = Mapping(inside, outside, key)
            self._by_key[key] = found
            self._by_port[transport, outside] = found
        found.sent[to] = found.last = now
        return found.outside

    def inbound(self, transport: Transport, at: Endpoint, source: Endpoint, now: int) -> Endpoint | Dropped:
        """A packet arrives at one of its outside endpoints: the inside endpoint it is for, or the rule against it.

        It is dropped without a word, TCP's SYN too: an answer would end a simultaneous open (RFC 5382, REQ-4).
        """
        pinned = self._pinned.get((transport, at))
        if pinned is not None:
            return pinned
        found = self._by_port.get((transport, at))
        if found is None:
            return Dropped(self.name, f"nothing behind it has sent from port {at.port}", "no mapping")
        if self._expired(transport, found, now):
            self._forget(transport, found)
            return Dropped(self.name, f"the mapping of port {at.port} has expired", "mapping expired")
        if self.filtering == "ADF" and not any(peer.ip == source.ip for peer in found.sent):
            rule = f"address-dependent filtering: nothing was sent to {source.ip} from there"
            return Dropped(self.name, rule, "filtered")
        if self.filtering == "APDF" and source not in found.sent:
            rule = f"address- and port-dependent filtering: nothing was sent to {source} from there"
            return Dropped(self.name, rule, "filtered")
        found.answered.add(source)
        return found.inside

    def alive(self, transport: Transport, inside: Endpoint, to: Endpoint, now: int) -> bool:
        """Whether the mapping that packets to ``to`` leave by has not expired; changes nothing."""
        found = self._by_key.get(self._key(transport, inside, to))
        return found is not None and not self._expired(transport, found, now)

    def pin(self, transport: Transport, inside: Endpoint) -> Endpoint | Dropped:
        """Map a port on request, as UPnP and NAT-PMP do: whoever sends there reaches ``inside``, for good."""
        if not self.upnp:
            return Dropped(self.name, "it takes no requests for port mappings", "no mapping")
        for (kind, outside), owner in self._pinned.items():
            if kind == transport and owner == inside:
                return outside
        free = self._outside(transport, inside)
        if free is None:
            return Dropped(self.name, "every port is taken", "ports taken")
        self._pinned[transport, free] = inside
        return free

    def _key(self, transport: Transport, inside: Endpoint, to: Endpoint) -> tuple[object, ...]:
        if self.mapping == "ADM":
            return transport, inside, to.ip
        if self.mapping == "APDM":
            return transport, inside, to
        return transport, inside

    def _expired(self, transport: Transport, found: Mapping, now: int) -> bool:
        if transport == "udp":
            limit = self.udp_timeout
        else:
            limit = self.tcp_timeout if found.answered else self.tcp_transitory
        return now - found.last > limit

    def _forget(self, transport: Transport, found: Mapping) -> None:
        del self._by_key[found.key]
        self._by_port.pop((transport, found.outside), None)

    def _outside(self, transport: Transport, inside: Endpoint) -> Endpoint | None:
        """A free outside endpoint; None where there is none left."""
        if not self.translates:
            return inside
        if self.port_preservation and self._is_free(transport, kept := Endpoint(self.ip, inside.port)):
            return kept
        for _ in range(LAST_PORT - FIRST_PORT + 1):
            candidate = Endpoint(self.ip, self._next)
            self._next = self._next + 1 if self._next < LAST_PORT else FIRST_PORT
            if self._is_free(transport, candidate):
                return candidate
        return None

    def _is_free(self, transport: Transport, outside: Endpoint) -> bool:
        return (transport, outside) not in self._by_port and (transport, outside) not in self._pinned

    def __repr__(self) -> str:
        behind = "" if self.outer is None else f" behind {self.outer.name}"
        return f"<Box {self.name}: {self.kind}{' at ' + self.ip if self.ip else ''}{behind}>"


Realm: TypeAlias = Box | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """A packet got through: to ``at`` in ``realm``, where it seems to come from ``source``."""

    realm: Realm
    at: Endpoint
    source: Endpoint


class Underway(NamedTuple):
    """A packet between the boxes: the realm it is in, where it seems to come from and goes to, and the last box that
    it came out of."""

    realm: Realm
    source: Endpoint
    to: Endpoint
    came_out: Box | None


class Realms:
    """Which address is in which realm, and how a packet gets from one to another."""

    def __init__(self) -> None:
        self._realm_of: dict[str, Realm] = {}  # by IP address: of nodes and of boxes' outsides
        self._box_at: dict[str, Box] = {}  # by outside IP address
        self.boxes: list[Box] = []

    def add_box(self, box: Box) -> None:
        """A box stands in its outer realm. ConfigurationError where its outside address is taken."""
        if box.translates:
            if box.ip in self._realm_of:
                raise ConfigurationError(f"{box.ip} is taken already; give the box an address of its own")
            self._realm_of[box.ip] = box.outer
            self._box_at[box.ip] = box
        self.boxes.append(box)

    def remove_box(self, box: Box) -> None:
        """Undo ``add_box``; the nodes behind it are to be placed anew."""
        self.boxes.remove(box)
        if box.translates:
            del self._realm_of[box.ip], self._box_at[box.ip]

    def place(self, ip: str, realm: Realm) -> None:
        """A node has this address in this realm."""
        self._realm_of[ip] = realm

    def realm_of(self, ip: str) -> Realm:
        """The realm that an address belongs to; the public one for addresses nobody placed."""
        return self._realm_of.get(ip)

    def send(self, transport: Transport, source: Endpoint, to: Endpoint, now: int) -> Arrived | Dropped:
        """Carry one packet from a node's own endpoint to an address: out through the boxes in front of the sender, in
        through those in front of the receiver. Boxes note what passes."""
        left = self.leave(transport, source, to, now)
        return left if isinstance(left, Dropped) else self.enter(transport, left, now)

    def leave(self, transport: Transport, source: Endpoint, to: Endpoint, now: int) -> Underway | Dropped:
        """The first half of ``send``: out of the sender's boxes, when the packet is sent."""
        realm = self.realm_of(source.ip)
        came_out: Box | None = None
        while not self._is_local(realm, to.ip):
            if realm is None:
                return Dropped("", f"{to.ip} is a private address of another network", "private address")
            seen = realm.outbound(transport, source, to, now)
            if isinstance(seen, Dropped):
                return seen
            source, came_out, realm = seen, realm, realm.outer
        return Underway(realm, source, to, came_out)

    def enter(self, transport: Transport, packet: Underway, now: int) -> Arrived | Dropped:
        """The second half: into the receiver's boxes, when the packet arrives."""
        realm, source, to, came_out = packet
        while True:
            box = self._box_at.get(to.ip)
            if box is None:
                inner = self._realm_of.get(to.ip)
                if inner is realm or inner is None:
                    return Arrived(realm, to, source)
                box = self._outermost(inner, realm)
            elif box is came_out and not box.hairpinning:
                rule = "no hairpinning: it does not send back in what comes from inside"
                return Dropped(box.name, rule, "no hairpinning")
            passed = box.inbound(transport, to, source, now)
            if isinstance(passed, Dropped):
                return passed
            to, realm = passed, box

    def _is_local(self, realm: Realm, ip: str) -> bool:
        """Whether an address can be sent to in a realm: it is there, or behind firewalls that stand there."""
        if ip not in self._realm_of:
            return realm is None
        there = self._realm_of[ip]
        while there is not realm:
            if there is None or there.translates:
                return False
            there = there.outer
        return True

    @staticmethod
    def _outermost(inner: Box, realm: Realm) -> Box:
        """Of the firewalls between a realm and an address in ``inner``, the first that a packet meets."""
        while inner.outer is not realm:
            assert inner.outer is not None
            inner = inner.outer
        return inner
