"""A node's streams and protocols as users ask for them; ``Switch`` agrees on protocols and keeps count."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from p2plab.constants import FLOODSUB_ID, GOSSIPSUB_IDS
from p2plab.errors import ConfigurationError
from p2plab.host.basis import C, HostBasis
from p2plab.host.connections.dialling import TIMEOUT
from p2plab.protocols.capabilities import Capability
from p2plab.stream import NetStream, StreamHandler
from p2plab.stream.priorities import Priority

__all__ = ["StreamVerbs"]

PUBSUB_IDS: Final = (*GOSSIPSUB_IDS, FLOODSUB_ID)  # on which peers' RPCs come, past the switch


class StreamVerbs(HostBasis[C]):
    """The verbs about streams and the protocols it answers."""

    async def open_stream(
        self, peer: str, protocols: Sequence[str], lazy: bool = False, priority: Priority | None = None
    ) -> NetStream:
        return await self.switch.open(await self.reach(peer), protocols, lazy, priority)

    def streams(self) -> list[NetStream]:
        if self._switch is None:
            return []
        # One whose last frame is still on its way out has ended for everybody but the world.
        return [stream for stream in self._switch.open_streams if stream.state not in ("closed", "reset")]

    def handle(
        self, protocol: str, handler: StreamHandler, features: Sequence[str] = (), priority: Priority | None = None
    ) -> None:
        if protocol in PUBSUB_IDS and protocol in self.own_protocols():
            raise ConfigurationError(
                f"{self.name}'s publish-subscribe answers {protocol}, and no handler beside it would be asked: "
                "start_node(router=...) takes a router of your own, add_validator judges messages"
            )
        self.switch.handle(protocol, handler, features, priority)

    def remove_handler(self, protocol: str) -> bool:
        return self._switch is not None and self._switch.remove(protocol)

    async def ping(self, peer: str, timeout: float | None = None) -> float:
        connection = await self.reach(peer, timeout)
        limit = TIMEOUT if timeout is None else timeout
        seconds = await self.in_time("ping", peer, limit, lambda: self.switch.ping(connection))
        self.record("ping.reply", connection.peer, data={"rtt": seconds})
        self.measured(connection.peer, seconds)
        return seconds

    async def capabilities(self, peer: str, timeout: float | None = None) -> list[Capability]:
        connection = await self.reach(peer, timeout)
        limit = TIMEOUT if timeout is None else timeout
        ask = partial(self.switch.updates.ask_capabilities, connection.peer)
        return await self.in_time("capabilities of", peer, limit, ask)
