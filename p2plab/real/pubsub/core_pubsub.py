"""A real node's publish-subscribe on p2plab's own router, over py-libp2p's streams (``rpc_streams``).

The router decides as it does in a mock lab, with the same parameters, and says why.

All nodes of a lab have the loopback's address, which counts where scores weigh colocation (P6):
``ip_colocation_factor_whitelist=("127.0.0.0/8",)`` takes it out.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING

from p2plab.errors import ClosedError
from p2plab.host.pubsub import RouterPubsub, new_manager
from p2plab.pubsub import PubSubManager
from p2plab.pubsub.choice import new_router
from p2plab.real.pubsub.rpc_streams import RpcStreams

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis
    from p2plab.real.connections.connections import RealConnection
    from p2plab.real.pylibp2p.stack import Stack
    from p2plab.real.settings import NodeSettings


class CorePubsub(RouterPubsub):
    """Implements ``NodePubsub``."""

    _host: RealBasis

    def __init__(self, host: RealBasis, settings: NodeSettings) -> None:
        super().__init__(host)
        self._settings = settings
        self._is_up = False
        self.streams = RpcStreams(host, lambda: self.manager)
        self._manager = self._new_manager()
        for protocol in self.manager.router.protocols:
            host.switch.protocols.handle(protocol, self.streams.listen)

    def _new_manager(self) -> PubSubManager:
        settings = self._settings
        return new_manager(
            self._host,
            new_router(settings.router, settings.gossipsub),
            self.streams.send,
            index_of=self._host.world.directory.known,
            withdraw=self.streams.withdraw,
            record_of=self._record_of,
            policy=settings.signing,
            message_id=settings.message_id,
            max_message_size=settings.max_message_size,
            first_seqno=time.time_ns(),  # a node that comes back with the same key must not use one again
        )

    @property
    def manager(self) -> PubSubManager:
        return self._manager

    @property
    def running(self) -> PubSubManager:
        if not self._is_up:
            raise ClosedError(f"{self._host.name} is not running; start it again first")
        return self._manager

    # -- the node's life

    def service(self, stack: Stack) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    def came_up(self, stack: Stack) -> None:
        self._is_up = True
        self.streams.came_up(stack)
        self.manager.start()

    def went_down(self) -> None:
        self._is_up = False
        self.streams.went_down()
        self.manager.pause()

    def measured(self, peer: int, rtt: float) -> None:
        self.manager.measured(peer, rtt)

    def close(self) -> None:
        self.manager.stop()
        self._manager = self._new_manager()

    # -- its peers

    async def meet(self, link: RealConnection, protocols: Sequence[str]) -> None:
        await self.streams.meet(link, protocols)

    def connection_closed(self, link: RealConnection) -> None:
        self.streams.connection_closed(link)

    # -- what the router asks of the node

    def _record_of(self, peer: int) -> bytes:
        said = self._host.said(peer)
        return (said.signed_peer_record if said is not None else None) or b""
