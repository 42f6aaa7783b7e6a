"""py-libp2p's pubsub and router as they run on one stack."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

import trio
from libp2p.tools.anyio_service import background_trio_service

from p2plab.real.pylibp2p.stack import Stack
from p2plab.real.pylibp2p_pubsub.pubsub import LabPubsub, Topics
from p2plab.real.pylibp2p_pubsub.routers import LabGossipSub, new_router

if TYPE_CHECKING:
    from p2plab.real.settings import NodeSettings

Order = Callable[[], Awaitable[Any]]


class LibraryPubsub:
    """A context manager: open, it runs. What it is to do is handed over with ``order`` and done by one task, in the
    order asked for, so that nobody waits for it."""

    def __init__(self, stack: Stack, topics: Topics, settings: NodeSettings) -> None:
        self.stack = stack
        assert isinstance(settings.router, str)  # as ``pubsub_choice`` has checked
        self.router = new_router(settings.router, settings.gossipsub, topics, settings.remedies)
        self.pubsub = LabPubsub(stack.host, self.router, topics, settings.remedies)
        self._orders, self._waiting = trio.open_memory_channel[Order](math.inf)
        self._services = AsyncExitStack()

    async def __aenter__(self) -> LibraryPubsub:
        await self._services.enter_async_context(background_trio_service(self.pubsub))
        if isinstance(self.router, LabGossipSub):
            await self._services.enter_async_context(background_trio_service(self.router))
        await self.pubsub.wait_until_ready()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._services.__aexit__(kind, error, trace)

    def order(self, action: Order) -> None:
        """Have it do something, after what it was told before."""
        self._orders.send_nowait(action)

    async def carry_out_orders(self) -> None:
        """The task that does."""
        async for action in self._waiting:
            try:
                await action()
            except Exception as error:  # noqa: BLE001  # the library's; the next order is another matter
                self.stack.failed("pubsub", error)
