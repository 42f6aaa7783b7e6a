"""A relay's decisions (relay/circuit-v2.md): who gets a reservation, who may connect to whom, and when a circuit ends.

Rules of this core:
- A reservation ends when it expires, or with the last connection of its peer to the relay ("Reservation").
- No reservation and no circuit over a connection that is itself relayed.
- A refusal for room is RESERVATION_REFUSED at the reservation, RESOURCE_LIMIT_EXCEEDED at the circuit.
- The data limit counts each direction by itself; over it, or past the duration, both streams are reset.

Peers are peer ids, times ticks. It sends nothing and reads no clock: whoever drives it does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ValidationError
from p2plab.errors.checked import LONGEST
from p2plab.errors.likely import known_fields
from p2plab.nat.relay_messages import RelayLimit, RelayStatus
from p2plab.typing import PeerId

__all__ = ["Circuit", "Refused", "RelayParams", "RelayServer"]


@known_fields
@dataclass(frozen=True, slots=True)
class RelayParams:
    """The limits of a relay. The defaults are go-libp2p's (p2p/protocol/circuitv2/relay/resources.go).

    ``reservations`` in all, of which a peer has one, ``per_ip`` of one IP address, ``circuits`` of one peer at a time;
    ``ttl`` seconds a reservation lasts; ``duration`` seconds and ``data`` bytes each way that a circuit may take
    (None: no limit). go's 32 reservations of one autonomous system are left out: addresses of a lab belong to none.
    """

    reservations: int = 128
    per_ip: int = 8
    circuits: int = 16
    ttl: float = 3600.0
    duration: float | None = 120.0
    data: int | None = 128 * 1024

    def __post_init__(self) -> None:
        for name in ("reservations", "per_ip", "circuits"):
            value = getattr(self, name)
            if value < 0:
                raise ValidationError(f"{name}={value!r}: a relay's limit is a whole number from 0 up")
        for name in ("ttl", "duration"):
            value = getattr(self, name)
            if value is not None and not 0 < value < LONGEST:
                raise ValidationError(f"{name}={value!r}: seconds, more than 0 and less than {LONGEST:g}")
        if self.data is not None and self.data < 1:
            raise ValidationError(f"data={self.data!r}: bytes in each direction, from 1 up, or None for no limit")

    @classmethod
    def go(cls) -> RelayParams:
        """go-libp2p's (v0.41, circuitv2/relay/resources.go): the same as the defaults."""
        return cls()

    @classmethod
    def rust(cls) -> RelayParams:
        """rust-libp2p's (libp2p-relay 0.19, behaviour.rs): four reservations and circuits of one peer."""
        return cls(circuits=4)

    def replace(self, **changes: object) -> RelayParams:
        """These parameters with some values changed, as a new object."""
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def limit(self) -> RelayLimit | None:
        """The limit of a relayed connection as messages carry it (circuit-v2.md, ``Limit``); None: no limit."""
        if self.duration is None and self.data is None:
            return None
        return RelayLimit(int(self.duration or 0), self.data or 0)


@dataclass(frozen=True, slots=True)
class Refused:
    """A relay's no: the code that the peer is told, and the words for the log, with the numbers it was decided on."""

    status: RelayStatus
    reason: str


@dataclass(slots=True)
class Slot:
    """A reservation that holds until the tick ``expires``."""

    peer: PeerId
    ip: str
    expires: int


@dataclass(slots=True)
class Circuit:
    """A relayed connection: who began it and who is at its end; bytes that have passed each way, and its last tick."""

    number: int
    source: PeerId
    target: PeerId
    limit: int | None
    ends: int | None = None
    passed: dict[PeerId, int] = field(default_factory=dict)

    def pass_on(self, sender: PeerId, size: int) -> bool:
        """Count ``size`` bytes on their way from ``sender``; False, passing nothing, where that is over the limit."""
        total = self.passed.get(sender, 0) + size
        if self.limit is not None and total > self.limit:
            return False
        self.passed[sender] = total
        return True


class RelayServer:
    """The relay's side. ``allow(source, target)`` may refuse peers (circuit-v2.md: ACLs); the target is None at a
    reservation."""

    def __init__(
        self, params: RelayParams | None = None, allow: Callable[[PeerId, PeerId | None], bool] | None = None
    ) -> None:
        self.params = params or RelayParams()
        self._allow = allow
        self._slots: dict[PeerId, Slot] = {}
        self._circuits: dict[int, Circuit] = {}
        self._number = 0

    # -- reservations

    def reserve(self, peer: PeerId, ip: str, now: int, relayed: bool = False) -> int | Refused:
        """A peer wants a slot, or to renew the one it has: the tick until which it holds, or the refusal."""
        params = self.params
        if relayed:
            return Refused(RelayStatus.PERMISSION_DENIED, "no reservation over a relayed connection")
        if self._allow is not None and not self._allow(peer, None):
            return Refused(RelayStatus.PERMISSION_DENIED, "this relay does not serve the peer")
        self._expire(now)
        held = self._slots.get(peer)
        if held is None:
            if len(self._slots) >= params.reservations:
                return Refused(RelayStatus.RESERVATION_REFUSED, f"all {params.reservations} reservations are taken")
            same = sum(slot.ip == ip for slot in self._slots.values())
            if same >= params.per_ip:
                return Refused(RelayStatus.RESERVATION_REFUSED, f"{ip} has {same} of {params.per_ip} reservations")
        expires = now + int(params.ttl * TICKS_PER_SECOND)
        self._slots[peer] = Slot(peer, ip, expires)
        return expires

    def reservations(self, now: int) -> list[Slot]:
        """The slots that hold now, in the order in which they were given."""
        self._expire(now)
        return list(self._slots.values())

    def peer_gone(self, peer: PeerId) -> bool:
        """The last connection to a peer is gone, and its reservation with it; whether it had one."""
        return self._slots.pop(peer, None) is not None

    def _expire(self, now: int) -> None:
        for peer in [slot.peer for slot in self._slots.values() if slot.expires <= now]:
            del self._slots[peer]

    # -- circuits

    def connect(
        self, source: PeerId, target: PeerId, now: int, connected: bool = True, relayed: bool = False
    ) -> Circuit | Refused:
        """A peer wants a circuit to another: the circuit, which counts at once, or the refusal."""
        params = self.params
        if relayed:
            return Refused(RelayStatus.PERMISSION_DENIED, "no circuit over a relayed connection")
        if self._allow is not None and not self._allow(source, target):
            return Refused(RelayStatus.PERMISSION_DENIED, "this relay does not connect the two")
        self._expire(now)
        if target not in self._slots or not connected:
            return Refused(RelayStatus.NO_RESERVATION, f"{target!r} has no reservation here")
        for peer in (source, target):
            busy = sum(peer in (circuit.source, circuit.target) for circuit in self._circuits.values())
            if busy >= params.circuits:
                return Refused(
                    RelayStatus.RESOURCE_LIMIT_EXCEEDED, f"{peer!r} has {busy} of {params.circuits} circuits"
                )
        self._number += 1
        circuit = Circuit(self._number, source, target, params.data)
        self._circuits[circuit.number] = circuit
        return circuit

    def joined(self, circuit: Circuit, now: int) -> None:
        """The target has taken it: its time begins."""
        if self.params.duration is not None:
            circuit.ends = now + int(self.params.duration * TICKS_PER_SECOND)

    def circuits(self) -> list[Circuit]:
        """Those that are open."""
        return list(self._circuits.values())

    def closed(self, circuit: Circuit) -> None:
        """A circuit has ended; one that has ended already changes nothing."""
        self._circuits.pop(circuit.number, None)


MAX_STREAM_SECONDS: Final = 60.0  # go-libp2p: how long a hop or stop stream may take until the circuit is there
CONNECT_SECONDS: Final = 30.0  # go-libp2p: how long the relay waits for the target
