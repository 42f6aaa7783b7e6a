"""The part of a real node that ``host.nat`` asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from p2plab.host.nat import ReachabilityService
from p2plab.identity.address import Address, parse_address
from p2plab.nat import AutoRelayParams, RelayParams
from p2plab.nat.relay import Circuit
from p2plab.nat.relay_messages import RelayLimit
from p2plab.real.basis import RealBasis
from p2plab.real.connections.connections import RealConnection
from p2plab.stream import NetStream
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.real.nat.ways import Ways

__all__ = ["ReachingHost"]

DIRECT_FIRST: Final = 1.0  # seconds that a direct address is tried before a relayed one: dials do not race here


class ReachingHost(RealBasis):
    """A node that looks after its reachability once it is told to."""

    ways: Ways
    relaying: tuple[RelayParams | None, AutoRelayParams | None]
    """What its settings say of relaying for others, and of having others relay for it."""

    def look_after_reachability(self) -> ReachabilityService:
        """Do so from now on."""
        if self.reachability is None:
            self.reachability = self.new_reachability(self.relaying[1])
        return self.reachability

    def new_reachability(self, autorelay: AutoRelayParams | None) -> ReachabilityService:
        """What looks after it."""
        return ReachabilityService(self, autorelay)

    def advertised(self) -> Sequence[str] | None:
        """The addresses that its peers are told; None for those it listens at."""
        return None if self.reachability is None else self.bases

    @property
    def meets_privately(self) -> bool:
        return not self.in_memory

    def serve_as_relay(self) -> None:
        self.world.look_after_reachability()
        service = self.look_after_reachability()
        service.keep_relays(False)  # of its own
        service.relay_for_others(self.relaying[0] or RelayParams())

    def patience(self, address: str, last: bool, limit: float) -> float:
        relayed_next = self.reachability is not None and not last and not parse_address(address).relayed
        return min(limit, DIRECT_FIRST) if relayed_next else limit

    def connections_to(self, peer: int) -> list[RealConnection]:
        found = super().connections_to(peer)
        if len(found) > 1:
            found.sort(key=lambda connection: connection.info.relayed)  # direct ones first
        return found

    async def dial_direct(self, peer: int, address: str) -> None:
        await self.ways.dial_direct(peer, address)

    async def dial_back(self, peer: PeerId, address: Address, nonce: int | None = None) -> None:
        await self.ways.dial_back(peer, address, nonce)

    async def punch(self, peer: int, addresses: Sequence[str], client: bool, attempt: int) -> bool:
        return await self.ways.punch(peer, addresses, client, attempt)

    def bridge(self, hop: NetStream, stop: NetStream, circuit: Circuit, ended: Callable[[str], None]) -> None:
        self.ways.bridge(hop, stop, circuit, ended)

    async def carried(self, hop: NetStream, stop: NetStream, circuit: Circuit) -> None:
        await self.ways.carried(circuit)

    def cut_circuit(self, circuit: Circuit, reason: str) -> None:
        self.ways.cut_circuit(circuit, reason)

    async def accept_circuit(self, stream: NetStream, source: PeerId, limit: RelayLimit | None) -> None:
        await self.ways.accept_circuit(stream, source, limit)
