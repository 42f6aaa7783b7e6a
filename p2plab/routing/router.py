"""What a content router is asked and what it finds: the DHT, the local index, servers, routers of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from p2plab.errors import LabError, ValidationError
from p2plab.kademlia.lookups.result import Lookup
from p2plab.typing import PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.identity.cid import Cid

__all__ = ["MAX_FOUND", "VERBS", "ContentRouter", "RouterFinding", "finding_of", "verbs_of"]

VERBS: Final = ("find_providers", "find_peer", "provide", "get", "put")
MAX_FOUND: Final = 1_000  # peers that one answer of a router may have
MAX_VALUE: Final = 65_536  # bytes of a value; a DHT's record is smaller


class ContentRouter(Protocol):
    """A router of one's own: an object with a ``name`` and any of these verbs, plain or async.

    They run inside the lab. What a router lacks, it is not asked. Peers may be given as ``PeerInfo``, node, name or
    peer id; a ``Lookup`` is taken as it is. What it raises is an ``error`` event and counts as no answer.
    """

    name: str

    async def find_providers(self, cid: Cid, count: int) -> Iterable[Any] | Lookup:
        """Who provides it; ``count`` are enough (0: as many as there are)."""

    async def find_peer(self, peer_id: PeerId) -> Any:
        """The peer with its addresses, or None."""

    async def provide(self, cid: Cid) -> Any:
        """Take note that the node provides it. False: refused."""

    async def get(self, key: bytes) -> bytes | None:
        """The value under a key, or None."""

    async def put(self, key: bytes, value: bytes) -> Any:
        """Store a value. False: refused."""


@dataclass(frozen=True, slots=True)
class RouterFinding:
    """What a router answered, in one form. ``took``: whether it took what it was given (``provide``, ``put``); ``note``
    says in words why it found what it did, where it knows."""

    providers: tuple[PeerInfo, ...] = ()
    peer: PeerInfo | None = None
    value: bytes | None = None
    peers: tuple[PeerInfo, ...] = ()
    took: bool = False
    note: str = ""
    lookup: Lookup | None = None

    @property
    def found(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.providers or self.took) or self.peer is not None or self.value is not None


def verbs_of(router: object) -> tuple[str, ...]:
    """The verbs that a router has."""
    return tuple(verb for verb in VERBS if callable(getattr(router, verb, None)))


def finding_of(kind: str, answer: Any, peer_of: Callable[[Any], PeerInfo]) -> RouterFinding:
    """What a router gave, in one form; ``peer_of`` makes a PeerInfo of what names a peer. ValidationError where it is
    of no use."""
    if isinstance(answer, RouterFinding):
        return answer
    if isinstance(answer, Lookup):
        took = kind in ("provide", "put") and answer.found
        return RouterFinding(
            tuple(answer.providers[:MAX_FOUND]), answer.peer, answer.value, tuple(answer.peers), took, "", answer
        )
    if kind in ("provide", "put"):
        return RouterFinding(took=answer is not False)
    if answer is None:
        return RouterFinding()
    if kind == "get":
        if not isinstance(answer, bytes) or len(answer) > MAX_VALUE:
            raise ValidationError(f"a router's get gives bytes (at most {MAX_VALUE}) or None, not {_shown(answer)}")
        return RouterFinding(value=answer)
    if kind == "find_peer":
        return RouterFinding(peer=_peer(answer, peer_of))
    if isinstance(answer, (str, bytes)) or not isinstance(answer, Iterable):
        raise ValidationError(f"a router's find_providers gives a list of peers, not {_shown(answer)}")
    found: list[PeerInfo] = []
    for one in answer:
        if len(found) == MAX_FOUND:
            raise ValidationError(f"a router's find_providers gives at most {MAX_FOUND} peers")
        found.append(_peer(one, peer_of))
    return RouterFinding(providers=tuple(found))


def _peer(answer: Any, peer_of: Callable[[Any], PeerInfo]) -> PeerInfo:
    try:
        return peer_of(answer)
    except LabError as error:
        raise ValidationError(f"a router named a peer that is none: {error}") from error


def _shown(answer: object) -> str:
    text = repr(answer)
    return text if len(text) <= 80 else f"{text[:79]}…"
