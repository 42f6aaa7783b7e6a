"""py-libp2p's swarm, host and negotiation, subclassed where a laboratory needs them to behave otherwise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Protocol
from weakref import WeakSet

import trio
from libp2p.abc import IMuxedConn, INetConn, INetStream, IRawConnection
from libp2p.connection_types import ConnectionType
from libp2p.custom_types import StreamHandlerFn, TProtocol
from libp2p.host.basic_host import BasicHost
from libp2p.host.exceptions import StreamFailure
from libp2p.identity.identify import identify as librarys_identify
from libp2p.io.abc import ReadWriteCloser
from libp2p.metrics.swarm import SwarmEvent
from libp2p.network.auto_connector import AutoConnector
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.protocol_muxer.multiselect import Multiselect
from multiaddr import Multiaddr

from p2plab.admission.request import RefusedError
from p2plab.constants import IDENTIFY_ID
from p2plab.identity.varint import encode_varint
from p2plab.real.connections.admission import StackGater, may_speak
from p2plab.real.connections.interfaces import expanded
from p2plab.real.pylibp2p.remedies import HANDSHAKES, Remedies
from p2plab.real.transports.ends import find_ends
from p2plab.real.transports.muxed import see
from p2plab.real.transports.private.network_key import NetworkKey
from p2plab.real.transports.private.private_network import protected
from p2plab.real.transports.quic import QuicConnectionView
from p2plab.stream import StreamError

Failed = Callable[[str, BaseException], None]  # what went wrong, and with what exception


class NoAutoConnector(AutoConnector):
    """Remedy "no auto-connector": dials nobody, whatever the watermarks say."""

    async def run_background_task(self, nursery: trio.Nursery) -> None:
        return

    async def maybe_connect(self) -> None:
        return


class TooManyHandshakes(Exception):
    """A connection that came in while enough others were not through their handshakes."""


class LabSwarm(Swarm):
    """``refused(address, error)`` is called for a connection that came in and did not get through its handshakes;
    ``handshakes`` are under way, of at most ``HANDSHAKES``, each for as long as the library's limit."""

    handshakes = 0

    refused: Callable[[str, Exception], None]
    transport_names: tuple[str, ...]  # those it dials by, the preferred first
    network: NetworkKey | None = None  # the private network that it is in
    gater: StackGater | None = None  # asks the node's admission

    def __init__(self, *args: Any, remedies: Remedies, **kwargs: Any) -> None:
        self.remedies = remedies
        super().__init__(*args, **kwargs)
        self._muxed: WeakSet[Any] = WeakSet()

    async def add_conn(self, muxed_conn: IMuxedConn, direction: str = "unknown") -> SwarmConn:
        self._muxed.add(muxed_conn)
        see(muxed_conn, self.remedies)  # while its sockets are open, and before its streams are
        if self.gater is None:
            return await super().add_conn(muxed_conn, direction)
        try:
            self.gater.admit(muxed_conn, direction)
            return await super().add_conn(muxed_conn, direction)
        except BaseException as error:
            self.gater.dropped(muxed_conn)
            if isinstance(error, RefusedError):
                await self._turn_away(muxed_conn)
            raise

    async def _handle_inbound_connection(self, read_write_closer: ReadWriteCloser, maddr: Multiaddr) -> None:
        if self.gater is None:
            await super()._handle_inbound_connection(read_write_closer, maddr)
            return
        with self.gater.letting_in(self._build_remote_multiaddr(read_write_closer), maddr) as welcome:
            if welcome:
                await super()._handle_inbound_connection(read_write_closer, maddr)
            elif isinstance(read_write_closer, IMuxedConn):
                await self._turn_away(read_write_closer)
            else:
                await read_write_closer.close()

    async def take_in(self, stream: ReadWriteCloser) -> None:
        """Make a connection of a stream by which a peer has come, as listeners do; returns when it is over."""
        await self._handle_inbound_connection(stream, Multiaddr(find_ends(stream).local))

    async def _turn_away(self, muxed: IMuxedConn) -> None:
        view = see(muxed, self.remedies)
        if isinstance(view, QuicConnectionView):
            await view.drain()
        await muxed.close()

    async def hang_up(self) -> None:
        """Close the sockets of all connections, those that are not listed yet or any more included."""
        for muxed in list(self._muxed):
            await see(muxed).hang_up()

    def _init_connection_management(self) -> None:
        super()._init_connection_management()
        if self.remedies.on("no auto-connector"):
            self.auto_connector = NoAutoConnector(self)

    async def _do_handle_inbound_connection(
        self, read_write_closer: ReadWriteCloser, maddr: Multiaddr, failure_event: SwarmEvent
    ) -> None:
        # Remedy "inbound slots": the original waits here for the end of the swarm, not of the connection.
        if not self.remedies.on("inbound slots"):
            await super()._do_handle_inbound_connection(read_write_closer, maddr, failure_event)
            return
        remote = self._build_remote_multiaddr(read_write_closer)
        if remote is not None and not await self.connection_gate.is_allowed(remote):
            await read_write_closer.close()
            return
        if self.handshakes >= HANDSHAKES:
            self.refused(str(remote), TooManyHandshakes(f"{HANDSHAKES} others are under way"))
            await read_write_closer.close()
            return
        self.handshakes += 1
        try:
            if isinstance(read_write_closer, IMuxedConn):  # as with QUIC
                muxed: IMuxedConn = read_write_closer
                await self.add_conn(muxed, "inbound")
            else:
                muxed = await self.upgrade_inbound_raw_conn(raw_connection(read_write_closer, False), maddr)
        except RefusedError:  # refused by admission; already logged
            await read_write_closer.close()
            return
        except Exception as error:  # noqa: BLE001  # whatever a stranger's bytes bring about
            self.refused(str(remote or find_ends(read_write_closer).remote), error)
            await read_write_closer.close()
            return
        finally:
            self.handshakes -= 1
        await see(muxed).gone.wait()

    async def upgrade_inbound_raw_conn(self, raw_conn: IRawConnection, maddr: Multiaddr) -> IMuxedConn:
        if self.remedies.on("private networks"):
            raw_conn = protected(raw_conn, self.network)
        return await super().upgrade_inbound_raw_conn(raw_conn, maddr)

    async def upgrade_outbound_raw_conn(
        self, raw_conn: IRawConnection, peer_id: ID, pre_scope: Any = None
    ) -> SwarmConn:
        if self.remedies.on("private networks"):
            raw_conn = protected(raw_conn, self.network)
        return await super().upgrade_outbound_raw_conn(raw_conn, peer_id, pre_scope)

    def _best_connection(self, connections: list[INetConn]) -> INetConn:
        # Remedy "the newest connection".
        if not self.remedies.on("the newest connection"):
            return super()._best_connection(connections)

        def merit(connection: INetConn) -> tuple[bool, bool, float]:
            known: Any = connection
            view = see(known.muxed_conn)
            return not view.closing, view.ends.over is None, known._created_at

        return max(connections, key=merit)

    async def dial_peer(self, peer_id: ID) -> list[INetConn]:
        # Remedy "no dialling behind the back".
        if not self.remedies.on("no dialling behind the back"):
            return await super().dial_peer(peer_id)
        raise SwarmException(f"there is no connection to {peer_id}, and none is made unasked")


def raw_connection(stream: ReadWriteCloser, dialled: bool) -> RawConnection:
    """A raw connection on a stream, which may be a relay's."""
    ends = find_ends(stream)
    if ends.over is None:
        return RawConnection(stream, dialled)
    return RawConnection(stream, dialled, ConnectionType.RELAYED, [Multiaddr(ends.remote)])


class Answers(Protocol):
    """The protocols that the node answers beside the library's own."""

    @property
    def protocols(self) -> Iterable[str]: ...

    def handler(self, proposal: str) -> StreamHandlerFn | None: ...


class _Handlers(dict["TProtocol | None", "StreamHandlerFn | None"]):
    """The library's handlers, and behind them the node's, which may answer ranges of versions."""

    def __init__(self, library: dict[TProtocol | None, StreamHandlerFn | None], answers: Answers) -> None:
        super().__init__(library)
        self._answers = answers

    def __contains__(self, protocol: object) -> bool:
        if not isinstance(protocol, str):
            return super().__contains__(protocol)
        return (super().__contains__(protocol) or self._answers.handler(protocol) is not None) and may_speak(protocol)

    def __missing__(self, protocol: TProtocol | None) -> StreamHandlerFn | None:
        return None if protocol is None else self._answers.handler(protocol)


class LabMultiselect(Multiselect):
    """Negotiates as the library does, for ``answers`` too, and puts ``guard`` around the handler agreed on."""

    def __init__(
        self,
        handlers: dict[TProtocol | None, StreamHandlerFn | None],
        answers: Answers,
        guard: Callable[[TProtocol | None, StreamHandlerFn, INetStream], Awaitable[None]],
    ) -> None:
        super().__init__(_Handlers(handlers, answers))
        self._answers = answers
        self._guard = guard

    def get_protocols(self) -> tuple[TProtocol | None, ...]:
        return tuple(dict.fromkeys([*self.handlers, *map(TProtocol, self._answers.protocols)]))

    async def negotiate(self, *args: Any, **kwargs: Any) -> tuple[TProtocol | None, StreamHandlerFn | None]:
        protocol, handler = await super().negotiate(*args, **kwargs)
        if handler is None:
            return protocol, None
        agreed = handler

        async def guarded(stream: INetStream) -> None:
            await self._guard(protocol, agreed, stream)

        return protocol, guarded


class LabHost(BasicHost):
    """``answers`` are the node's own protocols; ``failed(what, error)`` is called for what a stream handler of the
    library, or a negotiation, raised."""

    _addrs: tuple[int, list[Multiaddr]] = (0, [])
    gater: StackGater | None = None
    advertised: Callable[[], Sequence[str] | None] | None = None  # where else than at its listeners it can be reached

    def __init__(self, network: LabSwarm, answers: Answers, failed: Failed, mdns: bool = False) -> None:
        self._remedies = network.remedies
        super().__init__(network, enable_mDNS=mdns)
        self._failed = failed
        library = {
            protocol: handler
            for protocol, handler in self.multiselect.handlers.items()
            if protocol is None or answers.handler(protocol) is None
        }
        if self._remedies.on("observed addresses"):
            identify = TProtocol(IDENTIFY_ID)
            library[identify] = partial(self._answer_identify, library.get(identify))
        self.multiselect = LabMultiselect(library, answers, self._guard)

    async def _answer_identify(self, librarys: StreamHandlerFn | None, stream: INetStream) -> None:
        ends = see(stream.muxed_conn, self._remedies).ends
        if librarys is not None and ends.transport in ("tcp", "unknown"):
            await librarys(stream)
            return
        message = librarys_identify._mk_identify_protobuf(self, Multiaddr(ends.remote)).SerializeToString()
        await stream.write(encode_varint(len(message)) + message)
        await stream.close()

    def get_addrs(self) -> list[Multiaddr]:
        said = None if self.advertised is None else self.advertised()
        if said is not None:
            return [Multiaddr(f"{address}/p2p/{self.get_id()}") for address in said]
        # Remedy "addresses once": they change only while the node begins to listen.
        if not self._remedies.on("addresses once"):
            return _told(super().get_addrs())
        listeners = self._network.listeners.values()
        listening = sum(len(getattr(listener, "listeners", ()) or listener.get_addrs()) for listener in listeners)
        if listening != self._addrs[0]:
            self._addrs = (listening, _told(super().get_addrs()))
        return list(self._addrs[1])

    def _schedule_identify(self, peer_id: ID, *, reason: str) -> None:
        # The node asks by itself, where what the peer says is kept and seen; the library would in a task of the loop's.
        return

    # Remedy "guarded streams": whatever is raised in these two would end the swarm, and the host with it.

    async def _swarm_stream_handler(self, net_stream: INetStream) -> None:
        try:
            with nullcontext() if self.gater is None else self.gater.negotiating(net_stream):
                await super()._swarm_stream_handler(net_stream)
        except StreamError:  # refused by admission; already logged
            await net_stream.reset()
        except Exception as error:
            self._failed("negotiating a protocol", error)
            if not self._remedies.on("guarded streams"):
                raise
            await net_stream.reset()

    async def new_stream(self, peer_id: ID, protocol_ids: Sequence[TProtocol]) -> INetStream:
        if self.gater is None:
            return await super().new_stream(peer_id, protocol_ids)
        with self.gater.opening(peer_id, protocol_ids) as stream_opening:
            if stream_opening is None:
                return await super().new_stream(peer_id, protocol_ids)
            stream = await super().new_stream(peer_id, [TProtocol(protocol) for protocol in stream_opening.protocols])
            try:
                self.gater.keep(stream_opening, stream)
            except StreamFailure:
                await stream.reset()
                raise
            return stream

    async def _guard(self, protocol: TProtocol | None, handler: StreamHandlerFn, stream: INetStream) -> None:
        try:
            await handler(stream)
        except Exception as error:
            self._failed(f"handler of {protocol}", error)
            if not self._remedies.on("guarded streams"):
                raise
            await stream.reset()


async def close_connections(swarm: Swarm, seconds: float) -> None:
    """Close all of them at once, since each takes 0.2 s; give up on what does not close in time."""
    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for connection in swarm.get_connections():
                nursery.start_soon(connection.close)


def _told(addresses: Iterable[Multiaddr]) -> list[Multiaddr]:
    """What peers are told of where a node listens: nobody can dial 0.0.0.0."""
    return [Multiaddr(address) for address in expanded(map(str, addresses))]
