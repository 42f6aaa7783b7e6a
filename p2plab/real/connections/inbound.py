"""The streams that come in at one real node: negotiated by py-libp2p, which asks here for what its own handlers do not
answer, and served by the node's switch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from libp2p.abc import INetStream
from libp2p.custom_types import StreamHandlerFn
from libp2p.network.stream.net_stream import NetStream as LibraryStream

from p2plab.real.connections.trail import StreamOpened
from p2plab.stream import serve

if TYPE_CHECKING:
    from p2plab.real.basis import RealBasis


class InboundStreams:
    """Implements ``p2plab.real.pylibp2p.swarm.Answers``. It outlives the node's stack."""

    def __init__(self, host: RealBasis) -> None:
        self._host = host

    @property
    def protocols(self) -> Iterable[str]:
        """What the node answers beside the library's own."""
        return self._host.switch.protocols

    def handler(self, proposal: str) -> StreamHandlerFn | None:
        """What answers a protocol that a peer proposes, if anything does."""
        return self._answer if self._host.switch.protocols.match(proposal) is not None else None

    async def _answer(self, library: INetStream) -> None:
        assert isinstance(library, LibraryStream)
        host, world = self._host, self._host.world
        connection = next((one for one in host.each_connection() if one.library is library.swarm_conn), None)
        served = host.switch.protocols.served(str(library.get_protocol()))
        if connection is None or served is None:
            await library.reset()
            return
        raw = connection.raw(library, "inbound")
        world.events.continue_from(world.directory.trail.follow(StreamOpened(connection.id, raw.id)))
        stream = host.switch.accepted(raw, raw, connection)
        try:
            await serve(served.handler, stream, world.events, host.index, connection.peer)
        except (SystemExit, KeyboardInterrupt) as error:  # user code's: it must not end the thread
            await stream.reset(world.runtime.report(error, f"handler of {stream.protocol}", host.index, "handler"))
