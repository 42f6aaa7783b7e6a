"""Reachability of a node whose AutoNAT and relay are py-libp2p's: it serves with them, and asks servers of AutoNAT v1.

Its slots at relays, its dials over them and its hole punching stay p2plab's: the library's dial over a relay makes a
connection outside its swarm's rules, which nothing of a lab would see.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

from p2plab.host.nat.service import ReachabilityService
from p2plab.nat.autonat_v1 import AUTONAT_V1_ID, DialBackStatus, ask_dial_back
from p2plab.nat.relay import RelayParams
from p2plab.real.pylibp2p_nat.autonat import LabAutoNat
from p2plab.real.pylibp2p_nat.relay import LibraryRelayService
from p2plab.stream import NetStream
from p2plab.typing import PeerId

if TYPE_CHECKING:
    from p2plab.real.host import RealHost

__all__ = ["LibraryReachability"]

VERDICTS: Final = {DialBackStatus.OK: True, DialBackStatus.E_DIAL_ERROR: False}


class LibraryReachability(ReachabilityService):
    """One node's."""

    asks = AUTONAT_V1_ID

    def autonat_servers(self) -> dict[str, Callable[[NetStream], Awaitable[None]]]:
        async def answer(stream: NetStream) -> None:
            await LabAutoNat(cast("RealHost", self._host)).answer(stream)

        return {AUTONAT_V1_ID: answer}

    def new_relay(self, params: RelayParams) -> Any:
        return LibraryRelayService(cast("RealHost", self._host), params)

    async def _ask(self, server: PeerId, address: str) -> Any:
        stream = await self._host.open_stream(server, [AUTONAT_V1_ID])
        verdict = await ask_dial_back(stream, self._host.peer_id, [address])
        return SimpleNamespace(reachable=VERDICTS.get(verdict.status), reason=verdict.status.name)
