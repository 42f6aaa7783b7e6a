"""How a mock node reaches a peer: by the connection there is, or by dialling the peer's addresses one after another.

Verbs that want the same peer at the same time share one dial.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from p2plab.admission.request import RefusedError
from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ClosedError, DialError, UnknownNodeError
from p2plab.identity.address import parse_address
from p2plab.identity.keys import parse_peer_id
from p2plab.mock.admission import named
from p2plab.mock.dial import dial
from p2plab.mock.driver.tasks import Signal

if TYPE_CHECKING:
    from p2plab.mock.connection import End
    from p2plab.mock.host import MockHost

TIMEOUT = 10.0  # seconds a verb waits for another node, unless told otherwise
SHORTEST_PEER_ID = 32  # characters; what is shorter was meant as a name

Attempt = tuple[str, float, str]  # address, seconds, why it came to nothing


class Dial:
    """A dial under way, which others who want the same peer wait for."""

    def __init__(self, done: Signal) -> None:
        self.done = done
        self.error: DialError | None = None


class Reach:
    """One node's ways to its peers."""

    def __init__(self, host: MockHost) -> None:
        self._host = host
        self._dials: dict[int, Dial] = {}

    async def __call__(self, target: str, timeout: float | None = None) -> End:
        """The open connection to a peer, dialled if there is none; then the peer has been identified too."""
        host, limit = self._host, TIMEOUT if timeout is None else timeout
        if not host.running:
            raise ClosedError(f"{host.name} is not running")
        known, addresses = self._sought(target)
        if known is host:
            raise DialError(f"{host.name} cannot dial itself")
        if known is None:
            return await self._dial(target, None, addresses, limit)
        under_way = self._dials.get(known.index)
        if under_way is not None:
            return await self._join(under_way, target, known, addresses, limit)
        if known.index in host.ends:
            return host.ends[known.index][0]
        return await self._lead(target, known, addresses, limit)

    def _sought(self, target: str) -> tuple[MockHost | None, list[str]]:
        """The node that a target means, if it is one of this lab, and the multiaddrs to try.

        UnknownNodeError, PeerIdError or AddressError where it is no target."""
        host, world = self._host, self._host.world
        if target.startswith("/"):
            address = parse_address(target)
            if address.peer_id is not None:
                return world.find(address.peer_id), [str(address)]
            return world.listener_at(address.ip, address.port), [str(address)]
        known = world.find(target)
        if known is not None:
            return known, known.addresses
        if len(target) < SHORTEST_PEER_ID or not target.isalnum():
            raise UnknownNodeError(f"no node of this lab is {target!r}; lab.nodes lists them")
        peer_id = parse_peer_id(target)
        return None, [f"{parse_address(text).base}/p2p/{peer_id}" for text in host.addresses_in_book(peer_id)]

    async def _lead(self, target: str, known: MockHost, addresses: list[str], limit: float) -> End:
        """Dial, on behalf of all who want this peer."""
        under_way = self._dials[known.index] = Dial(Signal(self._host.world.clock))
        try:
            return await self._dial(target, known, addresses, limit)
        except DialError as error:
            under_way.error = error
            raise
        finally:
            del self._dials[known.index]
            under_way.done.set()

    async def _join(self, under_way: Dial, target: str, known: MockHost, addresses: list[str], limit: float) -> End:
        """Wait for somebody else's dial, which fails for both or for none; where it was given up, dial anew."""
        began = self._host.world.clock.now
        try:
            await self._host.world.runtime.within(limit, under_way.done.wait)
        except TimeoutError:
            raise self.failed(
                target, known, [self._attempt(addresses[-1], began, "unreachable: nothing came back")]
            ) from None
        if under_way.error is not None:
            raise self.failed(target, known, under_way.error.attempts)
        return await self(target, limit)

    async def _dial(self, target: str, known: MockHost | None, addresses: list[str], limit: float) -> End:
        """Try the addresses in turn, each for at most ``limit`` seconds."""
        world, index = self._host.world, -1 if known is None else known.index
        attempts: list[Attempt] = []
        for address in addresses:
            began = world.clock.now
            world.events.record("connection.dialled", self._host.index, index, data={"address": address})
            try:
                return await world.runtime.within(limit, partial(self._dial_one, address))
            except TimeoutError:
                why = "unreachable: nothing came back"
            except DialError as error:
                why = str(error)
            except RefusedError as error:  # this node's own no
                why = str(error)
                if error.event is not None:
                    world.events.cause = error.event
            attempts.append(self._attempt(address, began, why))
        raise self.failed(target, known, attempts)

    async def _dial_one(self, text: str) -> End:
        host = self._host
        address, spoken = parse_address(text), "quic-v1" if host.world.transport == "quic" else "tcp"
        if address.transport != spoken:
            raise DialError(f"this lab's nodes dial {spoken} addresses, and {text} is {address.transport or 'none'}")
        entry = None if host.door is None else host.door.dial(named(host, address.peer_id), address.base)
        listener = host.world.listener_at(address.ip, address.port)
        if listener is None:
            await host.world.runtime.waiter().wait()  # nobody is there to say anything: the time limit ends this
        assert listener is not None
        if listener is host:
            raise DialError(f"{host.name} cannot dial itself")
        end = await dial(host, listener, address.peer_id, entry)
        await host.introduce(end)
        if end.is_closed:
            raise DialError("closed by peer: the connection was closed as soon as it was open")
        return end

    def _attempt(self, address: str, began: int, why: str) -> Attempt:
        return address, (self._host.world.clock.now - began) / TICKS_PER_SECOND, why

    def failed(self, target: str, known: MockHost | None, attempts: list[Attempt]) -> DialError:
        """The error of a target that could not be reached, on record."""
        host = self._host
        tried = "; ".join(f"{address} ({seconds:.3f} s): {why}" for address, seconds, why in attempts)
        error = DialError(f"{host.name} could not reach {target}: {tried or 'no address of it is known'}", attempts)
        error.event = host.world.events.record(
            "connection.failed",
            host.index,
            -1 if known is None else known.index,
            reason=attempts[-1][2].split(":")[0] if attempts else "no address",
            data={"target": target, "tried": [list(attempt) for attempt in attempts]},
        )
        return error
