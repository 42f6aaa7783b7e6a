"""Who is meant by a text: a node's name, a peer id in any of its forms (base58, CIDv1), or a multiaddr."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from p2plab.errors import AddressError, PeerIdError, UnknownNodeError, ValidationError
from p2plab.errors.likely import in_words, misspelt
from p2plab.identity.address import parse_address
from p2plab.identity.keys import parse_peer_id
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.host.basis import HostBasis

__all__ = ["Roster", "Target", "is_peer_id", "target_of"]

H = TypeVar("H", bound="HostBasis[Any]")

SHORTEST_PEER_ID: Final = 32  # characters; what is shorter was meant as a name


def is_peer_id(text: str) -> bool:
    """Whether a text was meant as a peer id, and not as a name or an address."""
    return len(text) >= SHORTEST_PEER_ID and text.isalnum()


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to dial, and where: ``named`` is how it was asked for, ``peer_id`` what it will have to prove (None:
    whoever answers), ``addresses`` multiaddrs."""

    named: str
    peer_id: PeerId | None
    addresses: tuple[str, ...]


class Roster(Generic[H]):
    """The nodes of a lab, in the order in which they were started."""

    def __init__(self) -> None:
        self.by_name: dict[str, H] = {}
        self._by_peer_id: dict[str, H] = {}

    def add(self, host: H) -> None:
        """A node is there from now on."""
        self.by_name[host.name] = host

    def remove(self, host: H) -> None:
        """A node could not start after all."""
        self.by_name.pop(host.name, None)
        self._by_peer_id = {}

    def __iter__(self) -> Iterator[H]:
        return iter(list(self.by_name.values()))

    def find(self, target: str) -> H | None:
        """The node of this name or peer id; None where there is none, and for an address."""
        found = self.by_name.get(target)
        if found is not None or target.startswith("/"):
            return found
        if len(self._by_peer_id) < len(self.by_name):  # identities are made when first asked for
            self._by_peer_id = {str(host.peer_id): host for host in self.by_name.values()}
        found = self._by_peer_id.get(target)
        if found is None and target[:1] in ("b", "f", "k", "z") and is_peer_id(target):
            try:
                found = self._by_peer_id.get(parse_peer_id(target))
            except PeerIdError:
                return None
        return found

    def named(self, target: str) -> H:
        """The node of this name or peer id. Raises UnknownNodeError."""
        found = self.find(target)
        if found is None:
            raise unknown(target, self.by_name)
        return found


def target_of(host: HostBasis[Any], text: str) -> Target:
    """What a user's text means to a node. Raises UnknownNodeError, PeerIdError or AddressError."""
    world = host.world
    known = world.find(text)
    if known is not None:
        return Target(text, known.peer_id, tuple(known.addresses))
    outside = world.outsider(text)
    if outside is not None:
        return outside
    if text.startswith("/"):
        address = parse_address(text)
        if address.peer_id is not None:
            return Target(text, address.peer_id, (str(address),))
        there = world.listener_at(address)
        if there is None and not host.dials_strangers:
            raise AddressError(
                f"{text} does not say whom to expect there: end it in /p2p/<peer id>, as in the node's addresses"
            )
        return Target(text, None if there is None else there.peer_id, (str(address),))
    peer_id = stranger(text, world.hosts())
    return Target(text, peer_id, tuple(host.book.addresses(peer_id)))


def peer_id_of(host: HostBasis[Any], text: str) -> PeerId:
    """The peer id of a node's name or a peer id. Raises UnknownNodeError or PeerIdError."""
    known: Any = host.world.find(text) or host.world.outsider(text)
    peer_id = stranger(text, host.world.hosts()) if known is None else known.peer_id
    index = host.world.index_of(peer_id)
    return peer_id if index < 0 else host.world.peer_id_at(index)


def stranger(text: str, names: Iterable[str]) -> PeerId:
    """A peer id that is of no node of the lab. UnknownNodeError for what was meant as a name (``names`` are the lab's),
    PeerIdError."""
    if not is_peer_id(text):
        raise unknown(text, names)
    return parse_peer_id(text)


def refuse_misspelt(given: Mapping[str, Iterable[str]], names: Iterable[str]) -> None:
    """ValidationError for a setting that names a misspelt one of ``names``; ``given`` are names by setting. A node of a
    name that nobody has may be started later, so the two have to be very like one another, and not of a series."""
    known = list(names)
    for what, name in [(what, name) for what, some in given.items() for name in some]:
        near = None if name in known or is_peer_id(name) else misspelt(name, known)
        if near is not None and _slip(name.casefold(), near.casefold()):
            raise ValidationError(
                f"{what} names {name!r}, which is no node of this lab and no peer id; did you mean {near}?"
            )


def _slip(name: str, meant: str) -> bool:
    """Whether the two differ by a slip of the hand alone: in their letters' order, or in one letter of five."""
    return sorted(name) == sorted(meant) or SequenceMatcher(None, name, meant).ratio() >= 0.8


def unknown(text: str, names: Iterable[str]) -> UnknownNodeError:
    """The error for a name that no node has, with the one of ``names`` that was likely meant, or else all of them."""
    shown = text if len(text) <= 80 else f"{text[:79]}…"
    if "/" in text:
        return UnknownNodeError(f"no node of this lab is {shown!r}: names have no slash, and an address begins with /")
    known = list(names)
    meant = misspelt(text, known)
    if meant is not None:
        return UnknownNodeError(f"no node of this lab is {shown!r}; did you mean {meant}? lab.nodes lists them")
    return UnknownNodeError(f"no node of this lab is {shown!r}; it has {in_words(known) or 'none yet'}")
