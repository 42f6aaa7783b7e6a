"""DCUtR at a node (relay/DCUtR.md): a relayed connection is made a direct one, at both of its ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from p2plab.errors import LabError
from p2plab.host.protocols import HostConnection
from p2plab.identity.address import parse_address
from p2plab.nat.dcutr import ATTEMPTS, DCUTR_ID, STREAM_SECONDS, Outcome, answer_connect, exchange
from p2plab.nat.publicness import is_public
from p2plab.stream import NetStream

if TYPE_CHECKING:
    from p2plab.host.host import Host

__all__ = ["Upgrader"]

GRACE: Final = 1.0  # seconds that the relayed connection is kept beside the direct one, for what is under way on it
REVERSAL_SECONDS: Final = 5.0  # go-libp2p's dialTimeout


class Upgrader:
    """One node's upgrades. The end at which a relayed connection came in begins."""

    def __init__(self, host: Host[Any], punchable: Callable[[], list[str]]) -> None:
        """``punchable`` gives the addresses to tell the other end."""
        self._host = host
        self._punchable = punchable
        self._under_way: dict[int, None] = {}  # by peer
        host.handle(DCUTR_ID, self.handle)

    def begin(self, connection: HostConnection) -> None:
        """A relayed connection has come in, and its peer is known by now."""
        peer = connection.peer
        if peer in self._under_way or self._direct(peer):
            return
        self._under_way[peer] = None
        host = self._host
        event = host.record("dcutr.started", peer)
        host.spawn(partial(self._upgrade, connection, event), f"{host.name} upgrading a relayed connection")

    def _direct(self, peer: int) -> bool:
        return any(not connection.info.relayed for connection in self._host.connections_to(peer))

    async def _upgrade(self, connection: HostConnection, event: int) -> None:
        host, peer = self._host, connection.peer
        outcome: Outcome = "CANCELLED"
        attempts = 0
        try:
            if await self._reverse(peer):
                outcome = "CONNECTION_REVERSED"
                return
            if not self._punchable():
                return  # nobody has seen it at a public address: there is nothing to tell the other end
            for attempts in range(1, ATTEMPTS + 1):
                if not connection.usable:
                    outcome = "NO_CONNECTION" if attempts == 1 else "CANCELLED"
                    return
                outcome = await self._attempt(connection, attempts)
                if outcome != "FAILED":
                    return
        finally:
            self._under_way.pop(peer, None)
            host.record("dcutr.ended", peer, outcome, {"attempts": attempts}, cause=event)
            if outcome in ("SUCCESS", "CONNECTION_REVERSED"):
                self._retire(connection)

    async def _reverse(self, peer: int) -> bool:
        """The other may have a public address: then this end dials it, and nothing has to be punched."""
        host = self._host
        said = host.said(peer)
        public = [] if said is None else [text for text in said.addresses if is_public(parse_address(text))]
        for address in public:
            try:
                await host.world.runtime.within(REVERSAL_SECONDS, partial(host.dial_direct, peer, address))
            except (LabError, TimeoutError):
                continue  # on record as a dial that failed
            return True
        return False

    async def _attempt(self, connection: HostConnection, attempt: int) -> Outcome:
        host, peer = self._host, connection.peer
        runtime = host.world.runtime
        try:
            stream = await runtime.within(STREAM_SECONDS, partial(host.switch.open, connection, [DCUTR_ID]))
        except (LabError, TimeoutError):
            return "NO_STREAM"
        try:
            async with stream:
                agreed = await exchange(stream, runtime, self._punchable())
        except LabError:
            return "FAILED"
        data = {"attempt": attempt, "addresses": list(agreed.addresses), "round_trip": agreed.round_trip}
        host.record("dcutr.exchanged", peer, data=data)
        await runtime.sleep(agreed.round_trip / 2)
        met = await host.punch(peer, agreed.addresses, client=False, attempt=attempt)
        return "SUCCESS" if met else "FAILED"

    async def handle(self, stream: NetStream) -> None:
        """The other end: answer, and dial when SYNC comes."""
        host = self._host
        if not stream.connection.relayed:
            await stream.reset()
            return
        peer = host.world.index_of(stream.peer)
        addresses = await answer_connect(stream, self._punchable() or self._private())
        relayed = [connection for connection in host.connections_to(peer) if connection.info.relayed]
        if await host.punch(peer, addresses, client=True, attempt=0):
            for connection in relayed:
                self._retire(connection)

    def _private(self) -> list[str]:
        """What to tell an end that begins although nobody sees this one at a public address, as on the loopback."""
        return list(self._host.listen_addresses) if self._host.meets_privately else []

    def _retire(self, connection: HostConnection) -> None:
        """A direct connection is there: the relayed one goes, after a grace period (DCUtR.md, step 6)."""
        self._host.world.runtime.timer(GRACE, partial(self._close, connection))

    def _close(self, connection: HostConnection) -> None:
        if connection.usable and self._direct(connection.peer):
            connection.close("upgraded")
