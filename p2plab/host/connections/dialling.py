"""How a node reaches a peer: by the connection there is, or by dialling the peer's addresses, one after another or, in
a world that says when each begins, at the same time.

Verbs that want the same peer at the same time share one dial, which fails for all of them or for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from p2plab.admission.request import RefusedError
from p2plab.errors import DialError, ResolutionError
from p2plab.host.connections.black_holes import BlackHoles
from p2plab.host.connections.racing import Race
from p2plab.host.names import Target, target_of
from p2plab.host.protocols import HostConnection
from p2plab.identity.address import parse_address
from p2plab.typing import Waiter

if TYPE_CHECKING:
    from p2plab.host.verbs.peers import PeerVerbs

__all__ = ["TIMEOUT", "Dialler"]

C = TypeVar("C", bound=HostConnection)

TIMEOUT: Final = 10.0  # seconds a verb waits for another node, unless told otherwise

Attempt = tuple[str, float, str]  # address, seconds, why it came to nothing


class _Dial:
    """A dial under way, which others who want the same peer wait for."""

    __slots__ = ("done", "error")

    def __init__(self, done: Waiter) -> None:
        self.done = done
        self.error: DialError | None = None


class Dialler(Generic[C]):
    """One node's ways to its peers."""

    __slots__ = ("_dials", "black_holes", "host")

    def __init__(self, host: PeerVerbs[C]) -> None:
        self.host = host
        self.black_holes = BlackHoles()
        self._dials: dict[int, _Dial] = {}

    async def __call__(self, text: str, timeout: float | None = None) -> C:
        """The open connection to a peer, dialled if there is none; then the peer has been identified too.

        UnknownNodeError, PeerIdError or AddressError for what names nobody; DialError, ClosedError."""
        host, limit = self.host, TIMEOUT if timeout is None else timeout
        await host.awake()
        if text.startswith("/dnsaddr/") and parse_address(text).peer_id is None:
            return await self._through_names(text, timeout)
        target = target_of(host, text)
        if target.peer_id is None:
            return await self._dial(target, -1, limit)
        if target.peer_id == host.peer_id:
            raise DialError(f"{host.name} cannot dial itself")
        peer = host.world.index_of(target.peer_id)
        while True:
            under_way = self._dials.get(peer)
            if under_way is not None:
                await self._wait(under_way, target, peer, limit)
                continue
            known = host.connections_to(peer)
            connection = known[0] if known else await self._lead(target, peer, limit)
            await host.introduced(connection)
            if connection.usable:
                return connection
            ended = None if known else host.ended_at_once(connection)
            if ended is not None:
                raise self._closed_at_once(target, connection, *ended)

    async def _lead(self, target: Target, peer: int, limit: float) -> C:
        """Dial, on behalf of all who want this peer."""
        if peer < 0:
            return await self._dial(target, peer, limit)
        under_way = self._dials[peer] = _Dial(self.host.world.runtime.waiter())
        try:
            return await self._dial(target, peer, limit)
        except DialError as error:
            under_way.error = error
            raise
        finally:
            del self._dials[peer]
            under_way.done.set()

    async def _wait(self, under_way: _Dial, target: Target, peer: int, limit: float) -> None:
        """Wait for somebody else's dial. DialError, as it had; where it was given up, dial anew."""
        runtime = self.host.world.runtime
        began = runtime.now()
        try:
            await runtime.within(limit, under_way.done.wait)
        except TimeoutError:
            late = self.attempt(target.addresses[-1], began, self.host.unreachable.format(seconds=limit))
            raise self.failed(target, peer, [late]) from None
        if under_way.error is not None:
            raise self.failed(target, peer, under_way.error.attempts)

    async def _dial(self, target: Target, peer: int, limit: float) -> C:
        """Try the addresses in turn, each for at most ``limit`` seconds, or at their times, for ``limit`` in all."""
        host = self.host
        dial = _Attempts(self, target, peer)
        resolved = dial.without_black_holes(await self._resolved(target.addresses, dial.failed))
        ranked = host.dial_times(resolved) if len(resolved) > 1 else None
        if ranked is not None:
            won: C | None = await Race(host.world.runtime, ranked, partial(dial.until, limit), host.beside).run()
            if won is not None:
                return won
        else:
            addresses = list(host.in_order(resolved))
            for place, address in enumerate(addresses):
                connection: C | None = await dial.one(
                    address, host.patience(address, place + 1 == len(addresses), limit)
                )
                if connection is not None:
                    return connection
        raise self.failed(target, peer, dial.failed, host.why_failed(target, dial.event))

    async def _resolved(self, addresses: Sequence[str], attempts: list[Attempt]) -> Sequence[str]:
        """The same, with those that begin with names as what these stand for; why one stands for nothing is an
        attempt."""
        if not any(address.startswith("/dns") for address in addresses):
            return addresses
        found: dict[str, None] = {}
        for address in addresses:
            began = self.host.world.runtime.now()
            try:
                found.update(dict.fromkeys(await self.host.resolve(address)))
            except ResolutionError as error:
                attempts.append(self.attempt(address, began, str(error)))
        return list(found)

    async def _through_names(self, text: str, timeout: float | None) -> C:
        """Connect to the first that answers of the peers that an address with a name stands for."""
        attempts: list[Attempt] = []
        for address in await self._resolved([text], attempts):
            if parse_address(address).peer_id is None:
                attempts.append((address, 0.0, "unsupported: it does not say whom to expect there"))
                continue
            try:
                return await self(address, timeout)
            except DialError as error:
                attempts += error.attempts
        raise self.failed(Target(text, None, (text,)), -1, attempts)

    def attempt(self, address: str, began: float, why: str) -> Attempt:
        """What came of one address, for the error and the log."""
        return address, round(self.host.world.runtime.now() - began, 9), why

    def failed(self, target: Target, peer: int, attempts: Sequence[Attempt], cause: int | None = None) -> DialError:
        """The error of a target that could not be reached, on record."""
        host = self.host
        tried = "; ".join(f"{address} ({seconds:.3f} s): {why}" for address, seconds, why in attempts)
        text = f"{host.name} could not reach {target.named}: {tried or 'no address of it is known'}"
        error = DialError(text, list(attempts))
        data = {"target": target.named, "tried": [list(attempt) for attempt in attempts]}
        error.event = host.record("connection.failed", peer, _reason(attempts), data, cause)
        return error

    def _closed_at_once(self, target: Target, connection: C, reason: str, cause: int | None) -> DialError:
        host, info = self.host, connection.info
        text = f"{host.name} could not stay connected to {target.named}: the connection was closed at once"
        open_for = host.world.runtime.now() - info.opened_at
        remote = info.remote_address  # without /p2p/ in some worlds; the one that was dialled has it
        address = next((dialled for dialled in target.addresses if dialled.partition("/p2p/")[0] == remote), remote)
        why = f"{reason}: the connection was closed at once"
        error = DialError(f"{host.name} could not stay connected to {target.named}: {why}", [(address, open_for, why)])
        data: dict[str, Any] = {"target": target.named, "text": text}
        error.event = host.record("connection.failed", connection.peer, reason, data, cause)
        return error


class _Attempts:
    """Dials of one target's addresses; ``failed`` are those that came to nothing, ``event`` is the last one's."""

    def __init__(self, dialler: Dialler[Any], target: Target, peer: int) -> None:
        self._dialler = dialler
        self._host = dialler.host
        self._target = target
        self._peer = peer
        self._began = self._host.world.runtime.now()
        self.failed: list[Attempt] = []
        self.event = -1

    def without_black_holes(self, addresses: Sequence[str]) -> list[str]:
        """Those that are worth a dial; why another is not counts as its attempt."""
        refusals = self._dialler.black_holes.refusals(addresses)
        self.failed += [(address, 0.0, why) for address, why in refusals.items()]
        return [address for address in addresses if address not in refusals]

    async def one(self, address: str, patience: float) -> Any:
        """The connection, or None."""
        host, world, target = self._host, self._host.world, self._target
        began = world.runtime.now()
        self.event = host.record("connection.dialled", self._peer, data={"address": address})
        host.dialled(target, self.event)
        connected, tried = False, True
        try:
            connection = await world.runtime.within(patience, partial(host.dial, address, target))
            connected = True
            return connection
        except TimeoutError as late:
            why = host.why_late(late, patience)
        except DialError as error:
            why = str(error)
            tried = not why.startswith("unsupported")
        except RefusedError as error:  # this node's own admission, which says nothing of the way
            why, tried = str(error), False
            if error.event is not None:
                world.events.continue_from(error.event)
        finally:
            if tried:
                self._dialler.black_holes.tried(address, connected)
        self.failed.append(self._dialler.attempt(address, began, why))
        return None

    async def until(self, limit: float, address: str) -> Any:
        """The same, until ``limit`` seconds after the beginning of all."""
        left = self._began + limit - self._host.world.runtime.now()
        begun = self.event >= 0 or bool(self.failed)
        return await self.one(address, max(left, 0.0)) if left > 0 or not begun else None


def _reason(attempts: Sequence[Attempt]) -> str:
    """Of the last address that could be dialled at all, if any could."""
    reasons = [why.partition(":")[0] for _, _, why in attempts]
    return next((reason for reason in reversed(reasons) if reason != "unsupported"), *reasons[-1:] or ["no address"])
