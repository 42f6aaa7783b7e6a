"""The ledger: what one node's connections and streams take, in every scope, and whether more fits.

Rules it lives by:
- An entry is written before the thing is opened and is struck out when it has ended, whatever became of it meanwhile.
- An entry that does not fit into one of its scopes is written into none.
- What is known later (who the peer is, which protocol was agreed) is added to the entry then, and must fit too.
- With the same limits throughout, no scope ever holds more than its limit. Limits that are lowered close nothing; they
  let nothing new in until there is room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from p2plab.admission.limits import RESOURCES, Limit, Limits
from p2plab.admission.request import Refusal
from p2plab.text import says
from p2plab.typing import Direction, PeerId

__all__ = ["Admitted", "ResourceLedger", "Usage"]

NODE: Final = ("node", "")


@says
@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a resource one scope holds: ``used``, of at most ``limit``. ``scope`` is ``node``, ``peer`` or
    ``protocol``, ``name`` says which; The limit is None where there is none."""

    scope: str
    name: str
    resource: str
    used: int
    limit: int | None

    def __str__(self) -> str:
        whose = f"{self.scope} {self.name}".rstrip()
        return (
            f"of the {whose}: {self.used} {self.resource}, {'no limit' if self.limit is None else f'of {self.limit}'}"
        )


class Admitted:
    """One connection or stream. ``takes`` is how much of each resource; ``connection`` its number, once it has one."""

    __slots__ = ("connection", "direction", "opened_at", "peer", "protocol", "scopes", "takes")

    def __init__(self, direction: Direction, takes: dict[str, int]) -> None:
        self.direction: Direction = direction
        self.takes = takes
        self.scopes: list[tuple[str, str]] = []  # in which it is written
        self.peer: PeerId | None = None
        self.protocol: str | None = None
        self.connection = -1
        self.opened_at = 0

    @property
    def is_stream(self) -> bool:
        """Whether it is a stream."""
        return "streams" in self.takes


class ResourceLedger:
    """One node's."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._held: dict[tuple[str, str], dict[str, int]] = {}
        self._entries: dict[Admitted, None] = {}  # those that hold something
        self._names: dict[str, str | None] = {}  # by id, of the peers that hold something

    # -- writing

    def connection(self, direction: Direction, peer: PeerId | None) -> Admitted | Refusal:
        """A connection that is about to be opened."""
        entry = Admitted(direction, {"connections": 1, f"connections_{direction}": 1})
        return self._begin(entry, peer)

    def stream(self, direction: Direction, peer: PeerId, memory: int) -> Admitted | Refusal:
        """A stream that is about to be opened, before its protocol is known."""
        entry = Admitted(direction, {"streams": 1, f"streams_{direction}": 1, "memory": memory})
        return self._begin(entry, peer)

    def _begin(self, entry: Admitted, peer: PeerId | None) -> Admitted | Refusal:
        scopes = [NODE] if peer is None else [NODE, ("peer", str(peer))]
        if peer is not None:
            self._names.setdefault(str(peer), peer.name)
        refusal = self._excess(entry, scopes)
        if refusal is not None:
            self._forget(peer)
            return refusal
        entry.peer = peer
        self._write(entry, scopes)
        return entry

    def proved(self, entry: Admitted, peer: PeerId) -> Refusal | None:
        """The peer of a connection has proved who it is."""
        if entry.peer is not None:
            return None
        self._names.setdefault(str(peer), peer.name)
        refusal = self._excess(entry, [("peer", str(peer))])
        if refusal is None:
            entry.peer = peer
            self._write(entry, [("peer", str(peer))])
        else:
            self._forget(peer)
        return refusal

    def agreed(self, entry: Admitted, protocol: str) -> Refusal | None:
        """The protocol of a stream is agreed."""
        if entry.protocol is not None:
            return None
        refusal = self._excess(entry, [("protocol", protocol)])
        if refusal is None:
            entry.protocol = protocol
            self._write(entry, [("protocol", protocol)])
        return refusal

    def fits(self, direction: Direction, protocol: str, memory: int) -> Refusal | None:
        """Whether a protocol has room for one stream more."""
        takes = {"streams": 1, f"streams_{direction}": 1, "memory": memory}
        return self._excess(Admitted(direction, takes), [("protocol", protocol)])

    def adopt(self, entry: Admitted, peer: PeerId, protocol: str | None = None) -> None:
        """Write down what was there before the ledger, whether it fits or not."""
        self._names.setdefault(str(peer), peer.name)
        entry.peer, entry.protocol = peer, protocol
        self._write(entry, [NODE, ("peer", str(peer)), *([] if protocol is None else [("protocol", protocol)])])

    def strike(self, entry: Admitted) -> None:
        """It has ended; striking it out again changes nothing."""
        for scope in entry.scopes:
            held = self._held[scope]
            for resource, amount in entry.takes.items():
                held[resource] -= amount
            if not any(held.values()):
                del self._held[scope]
                self._names.pop(scope[1], None)
        entry.scopes.clear()
        self._entries.pop(entry, None)

    def strike_all(self) -> None:
        """Everything has ended."""
        for entry in list(self._entries):
            self.strike(entry)

    def _write(self, entry: Admitted, scopes: list[tuple[str, str]]) -> None:
        for scope in scopes:
            held = self._held.setdefault(scope, {})
            for resource, amount in entry.takes.items():
                held[resource] = held.get(resource, 0) + amount
        entry.scopes += scopes
        self._entries[entry] = None

    def _forget(self, peer: PeerId | None) -> None:
        """Strangers that are refused leave nothing behind."""
        if peer is not None and ("peer", str(peer)) not in self._held:
            self._names.pop(str(peer), None)

    # -- judging

    def _excess(self, entry: Admitted, scopes: list[tuple[str, str]]) -> Refusal | None:
        for scope in scopes:
            limit, held = self._limit(scope), self._held.get(scope, {})
            for resource, amount in entry.takes.items():
                most = getattr(limit, resource)
                used = held.get(resource, 0)
                if most is not None and used + amount > most:
                    return self._refusal(scope, resource, used, amount, most)
        return None

    def _limit(self, scope: tuple[str, str]) -> Limit:
        kind, name = scope
        if kind == "node":
            return self.limits.node
        if kind == "peer":
            return self.limits.of_peer(name, self._names.get(name))
        return self.limits.of_protocol(name)

    def _refusal(self, scope: tuple[str, str], resource: str, used: int, wanted: int, most: int) -> Refusal:
        kind, name = scope
        whose = "the node" if kind == "node" else name[:200]
        if kind == "peer":
            whose = repr(PeerId(name, self._names.get(name)))
        what = resource.replace("connections_", "").replace("streams_", "")
        noun = "connections" if resource.startswith("connections") else "streams"
        counted = noun if what == noun else f"{what} {noun}"
        if resource == "memory":
            text = f"{wanted} bytes more would take {whose} over the limit of {most} bytes: {used} are taken"
        else:
            text = f"{whose} has {used} {counted}, and the limit is {most}"
        numbers = {"scope": kind, "resource": resource, "used": used, "wanted": wanted, "limit": most}
        return Refusal("limit", text, {**numbers, "name": name[:200]} if name else numbers)

    # -- looking

    def used(self, kind: str, name: str, resource: str) -> int:
        """How much of a resource a scope holds."""
        return self._held.get((kind, name), {}).get(resource, 0)

    def usage(self) -> list[Usage]:
        """All that is held or limited: the node's first, then peers and protocols in the order in which they came."""
        rows = []
        order = {"node": 0, "peer": 1, "protocol": 2}
        for scope in sorted({NODE: None, **self._held}, key=lambda scope: order[scope[0]]):
            limit, held = self._limit(scope), self._held.get(scope, {})
            for resource in RESOURCES:
                used, most = held.get(resource, 0), getattr(limit, resource)
                if used or most is not None:
                    name = scope[1] if scope[0] != "peer" else self._names.get(scope[1]) or scope[1]
                    rows.append(Usage(scope[0], name, resource, used, most))
        return rows
