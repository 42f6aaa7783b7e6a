"""Bootstrap lists: a node that starts dials the peers of its list, in the background, and joins the DHT through them.

Rules it lives by:
- A peer that does not answer is dialled again after pauses that double up to a bound, and then given up; nothing else
  is harmed. Each failure is an event that says when the next try is.
- The DHT is joined when the first of them has answered, and not once for each.
- The same in every world: what it needs of a node is ``Bootstrapping``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from p2plab.errors import ClosedError, DialError, LabError
from p2plab.identity.address import parse_address
from p2plab.typing import Connection, Runtime

if TYPE_CHECKING:
    from p2plab.events import EventLog
    from p2plab.kademlia.shell.dht import DhtVerbs

__all__ = ["FIRST", "LONGEST", "TRIES", "Bootstrap", "Bootstrapping"]

FIRST: Final = 1.0  # seconds before the second try, doubled each time
LONGEST: Final = 60.0  # seconds of a pause at most
TRIES: Final = 10  # about five minutes
AT_ONCE: Final = 8  # peers of one /dnsaddr that are dialled


class Bootstrapping(Protocol):
    """What it needs of a host."""

    name: str
    index: int

    @property
    def peer_id(self) -> str: ...
    @property
    def dht_verbs(self) -> DhtVerbs: ...

    async def connect(self, target: str, timeout: float | None = None) -> Connection: ...

    async def resolve(self, address: str) -> list[str]: ...

    def register_peer(self, peer_id: str, addresses: Sequence[str]) -> None: ...


class Bootstrap:
    """One node's. ``spawn`` runs a coroutine that ends with the node; ``joins``: whether it joins the DHT; ``reached``
    is told of each connection."""

    def __init__(
        self,
        host: Bootstrapping,
        targets: Sequence[str],
        runtime: Runtime,
        log: EventLog,
        spawn: Callable[[Callable[[], Awaitable[Any]], str], object],
        joins: bool = True,
        reached: Callable[[Connection], object] | None = None,
    ) -> None:
        self._host = host
        self._targets = tuple(targets)
        self._runtime = runtime
        self._log = log
        self._spawn = spawn
        self._reached = reached
        self._joins = joins
        self._under_way: set[str] = set()
        self._joined = False

    def begin(self, targets: Sequence[str] | None = None) -> None:
        """The node has come up, or these peers of the list are to be dialled again; what is under way goes on."""
        wanted = self._targets if targets is None else targets
        if not wanted:
            return
        if targets is None:
            self._joined = False
        for target in wanted:
            if target in self._under_way:
                continue
            if target not in (self._host.name, self._host.peer_id) and not target.endswith(f"/{self._host.peer_id}"):
                self._spawn(partial(self._reach, target), f"bootstrapping from {target}")

    async def _reach(self, target: str) -> None:
        self._under_way.add(target)
        try:
            await self._dial(target)
        finally:
            self._under_way.discard(target)

    async def _spread(self, target: str) -> bool:
        """Dial the peers that a ``/dnsaddr`` stands for, as many as are wanted, drawn at random; whether there was
        any."""
        peers: dict[str, list[str]] = {}
        for address in await self._host.resolve(target):
            peer = parse_address(address).peer_id
            if peer is not None and peer != self._host.peer_id:
                peers.setdefault(peer, []).append(address)
        draws = self._runtime.random(f"bootstrap/{self._host.name}")
        chosen = list(peers) if len(peers) <= AT_ONCE else draws.sample(list(peers), AT_ONCE)
        for one in chosen:
            self._host.register_peer(one, peers[one])
            if one not in self._under_way:
                self._spawn(partial(self._reach, one), f"bootstrapping from {one}")
        return bool(chosen)

    async def _once(self, target: str) -> Connection | None:
        """Connect; None where a name has led to peers that are being dialled by themselves."""
        if not target.startswith("/dnsaddr/") or parse_address(target).peer_id is not None:
            return await self._host.connect(target)
        if not await self._spread(target):
            raise DialError(f"no address: {target} names no other peer")
        return None

    async def _dial(self, target: str) -> None:
        pause = FIRST
        for tried in range(1, TRIES + 1):
            try:
                connection = await self._once(target)
            except ClosedError:
                return  # this node went down
            except (LabError, TimeoutError) as error:
                data: dict[str, Any] = {"target": target, "try": tried, "text": str(error)[:500]}
                if tried == TRIES:
                    self._note("bootstrap.given_up", _reason(error), data)
                    return
                self._note("bootstrap.failed", _reason(error), {**data, "again in": pause})
            else:
                if connection is None:
                    return
                self._note("bootstrap.reached", None, {"target": target, "try": tried})
                if self._reached is not None:
                    self._reached(connection)
                await self._join()
                return
            await self._runtime.sleep(pause)
            pause = min(LONGEST, 2 * pause)

    async def _join(self) -> None:
        if self._joined or not self._joins:
            return
        self._joined = True
        try:
            lookup = await self._host.dht_verbs.bootstrap()
        except ClosedError:
            return
        except (LabError, TimeoutError) as error:
            self._joined = False  # the next peer that answers may serve
            self._note("bootstrap.failed", "no answer", {"target": "the DHT", "text": str(error)[:500]})
        else:
            self._note("bootstrap.joined", None, {"peers": len(lookup.peers)})

    def _note(self, kind: str, reason: str | None, data: dict[str, Any]) -> None:
        self._log.record(kind, self._host.index, reason=reason, data=data)


def _reason(error: Exception) -> str:
    """The reason of the last attempt, as the event of the dial has it."""
    if isinstance(error, DialError) and error.attempts:
        return error.attempts[-1][2].partition(":")[0]
    return "timeout" if isinstance(error, TimeoutError) else "no address"
