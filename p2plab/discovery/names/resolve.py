"""Resolving a multiaddr that begins with a name into those that begin with an IP address.

Rules, from multiaddr's protocols/DNSADDR.md and go-libp2p's bounds:
- ``/dns4/name`` becomes an ``/ip4`` for each A record, ``/dns6/name`` an ``/ip6`` for each AAAA record, ``/dns/name``
  both. What follows stays.
- ``/dnsaddr/name`` becomes what the TXT records of ``_dnsaddr.name`` say that begin with ``dnsaddr=``, of those that
  end in what follows the name (such as ``/p2p/...``). They may begin with names again.
- At most four ``/dnsaddr`` after each other, 32 questions and 100 addresses; an address that comes again is not
  followed again. What was left out for that is told.

A core: whom to ask is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from p2plab.errors import AddressError, ResolutionError
from p2plab.identity.address import Address, parse_address

__all__ = ["MAX_ADDRESSES", "MAX_DEPTH", "MAX_QUERIES", "NameServer", "Resolved", "begins_with_name", "resolve"]

MAX_DEPTH: Final = 4  # go-libp2p's maximumDNSADDRRecursionDepth
MAX_ADDRESSES: Final = 100  # go-libp2p's maximumResolvedAddresses
MAX_QUERIES: Final = 32
_TEXT: Final = "dnsaddr="
_VERSIONS: Final = {"dns4": (4,), "dns6": (6,), "dns": (4, 6)}


class NameServer(Protocol):
    """Who answers. ResolutionError: ``name not found: ...`` or ``no name server: ...``."""

    async def addresses(self, name: str, version: int) -> Sequence[str]:
        """The IP addresses of a name, of version 4 or 6; none where it has others only."""

    async def texts(self, name: str) -> Sequence[str]:
        """The TXT records of a name."""


@dataclass(slots=True)
class Resolved:
    """``addresses``: multiaddrs that begin with an IP address, or with what cannot be resolved; ``left_out``: what was
    not followed, and why; ``queries``: how many questions were asked."""

    addresses: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    queries: int = 0


def begins_with_name(address: str) -> bool:
    """Whether an address has to be resolved."""
    return address.startswith(("/dns4/", "/dns6/", "/dns/", "/dnsaddr/"))


async def resolve(text: str, server: NameServer) -> Resolved:
    """What an address stands for. ResolutionError where that is nothing."""
    search = _Search(server)
    await search.follow(text)
    if not search.found.addresses:
        why = "; ".join(search.found.left_out[:4]) or "it has no address"
        reason = "" if why.startswith(("name not found", "no name server")) else "name not found: "
        raise ResolutionError(f"{reason}{why}")
    return search.found


class _Search:
    def __init__(self, server: NameServer) -> None:
        self.found = Resolved()
        self._server = server
        self._seen: set[str] = set()
        self._answers: dict[tuple[str, str], Sequence[str]] = {}

    async def follow(self, text: str) -> None:
        """Breadth first, so that what is near is kept where there is too much."""
        level = [parse_address(text)]
        for depth in range(MAX_DEPTH + 1):
            following: list[Address] = []
            for address in level:
                following += await self._one(address, depth)
            if not following:
                return
            level = following

    async def _one(self, address: Address, depth: int) -> list[Address]:
        """Put an address into what was found, or give those it stands for."""
        text = str(address)
        if text in self._seen:
            if begins_with_name(text):
                self._leave(f"{text} again: a loop")
            return []
        self._seen.add(text)
        kind, name = address.parts[0] if address.parts else ("", None)
        if name is None or (kind != "dnsaddr" and kind not in _VERSIONS):
            self._keep(text)
            return []
        if kind == "dnsaddr":
            if depth >= MAX_DEPTH:
                self._leave(f"{text}: over {MAX_DEPTH} /dnsaddr after each other")
                return []
            return await self._dnsaddr(address, name)
        for version in _VERSIONS[kind]:
            for ip in await self._ask(name, f"ip{version}"):
                self._keep(str(Address(((f"ip{version}", ip), *address.parts[1:]), address.peer_id)))
        return []

    async def _dnsaddr(self, address: Address, name: str) -> list[Address]:
        ending = str(Address(address.parts[1:], address.peer_id))
        following: list[Address] = []
        for text in await self._ask(f"_dnsaddr.{name}", "txt"):
            if not text.startswith(_TEXT):
                continue
            try:
                entry = parse_address(text.removeprefix(_TEXT))
            except AddressError as error:
                self._leave(str(error)[:200])
                continue
            if not str(entry).endswith(ending):
                continue
            if len(following) >= MAX_ADDRESSES:
                self._leave(f"more than {MAX_ADDRESSES} addresses of {name}")
                break
            following.append(entry)
        return following

    async def _ask(self, name: str, kind: str) -> Sequence[str]:
        known = self._answers.get((name, kind))
        if known is not None:
            return known
        if self.found.queries >= MAX_QUERIES:
            self._leave(f"{name} was not asked for: over {MAX_QUERIES} questions")
            return ()
        self.found.queries += 1
        try:
            if kind == "txt":
                answer = await self._server.texts(name)
            else:
                answer = await self._server.addresses(name, int(kind[-1]))
        except ResolutionError as error:
            self._leave(str(error))
            answer = ()
        self._answers[name, kind] = answer
        return answer

    def _keep(self, text: str) -> None:
        if len(self.found.addresses) < MAX_ADDRESSES:
            if text not in self.found.addresses:
                self.found.addresses.append(text)
        else:
            self._leave(f"more than {MAX_ADDRESSES} addresses")

    def _leave(self, why: str) -> None:
        if why not in self.found.left_out and len(self.found.left_out) < MAX_QUERIES:
            self.found.left_out.append(why)
