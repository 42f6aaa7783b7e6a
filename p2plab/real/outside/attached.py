"""Nodes outside the lab that were attached to it: what they say of themselves, and whether they are there.

Each is watched over a connection of the observer's, which is pinged now and then. That a connection ends, or falls
silent, proves nothing: the node is dialled again, and is lost only if that fails. From then on it is dialled again and
again, more and more rarely.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from p2plab.errors import AddressError, ConfigurationError, DialError, ProtocolViolation, UnknownNodeError
from p2plab.errors.likely import did_you_mean
from p2plab.host.names import Target
from p2plab.identity.address import parse_address
from p2plab.protocols.identify import Identify
from p2plab.real.outside.observer import Observer
from p2plab.stream import StreamError
from p2plab.typing import PeerId, PeerInfo

if TYPE_CHECKING:
    from p2plab.real.settings import NodeSettings
    from p2plab.real.world import RealWorld

TIMEOUT = 10.0  # seconds for each address, and for what the node says of itself
EVERY = 15.0  # seconds between two pings
SOON, RARELY = 0.5, 30.0  # seconds between dials of a node that is lost: doubled each time, within these
MOST = 1000  # nodes attached at a time
LONGEST = 32  # characters of a name made of an agent version


class AttachedHost:
    """One of them. ``index`` stands for it in the event log; ``addresses`` are those it was attached by."""

    def __init__(self, peer_id: PeerId, index: int, addresses: Sequence[str], said: Identify) -> None:
        self.peer_id = peer_id
        self.name = str(peer_id.name)
        self.index = index
        self.addresses = list(addresses)
        self.said = said
        self.running = True
        self.watch = trio.CancelScope()

    @property
    def target(self) -> Target:
        """Whom to dial, and where."""
        return Target(self.name, self.peer_id, tuple(self.addresses))

    @property
    def info(self) -> PeerInfo:
        """What it says of itself."""
        said = self.said
        return PeerInfo(
            name=self.name,
            peer_id=self.peer_id,
            addresses=[f"{address}/p2p/{self.peer_id}" for address in said.addresses] or list(self.addresses),
            protocols=sorted(said.protocols),
            agent_version=said.agent_version or "",
            protocol_version=said.protocol_version or "",
            observed_address=said.observed,
        )


class Attached:
    """All of a lab's."""

    def __init__(self, world: RealWorld, settings: NodeSettings) -> None:
        self._world = world
        self._settings = settings
        self._by_name: dict[str, AttachedHost] = {}
        self._by_peer_id: dict[str, AttachedHost] = {}
        self._observer: Observer | None = None
        self._starting = trio.Lock()
        self._names: dict[str, None] = {}  # ever given to one: the log goes on calling it so

    def all(self) -> dict[str, AttachedHost]:
        """By name, in the order in which they were attached."""
        return dict(self._by_name)

    def find(self, target: str) -> AttachedHost | None:
        """The one of this name or peer id; None where there is none."""
        return self._by_name.get(target) or self._by_peer_id.get(target)

    def check_free(self, names: Iterable[str]) -> None:
        """ConfigurationError where one of these names of nodes to start is that of an attached node."""
        for name in names:
            if name in self._names:
                raise ConfigurationError(f"{name!r} is or was a node outside, which this lab attached; take another")

    async def attach(self, addresses: Sequence[str], name: str | None, timeout: float | None) -> AttachedHost:
        """Dial a node, ask it who it is, and watch it from now on; the one there is, if it is attached already."""
        peer_id, wanted = self._checked(addresses, name)
        known = self._known(peer_id, name, wanted)
        if known is not None:
            return known
        limit = TIMEOUT if timeout is None else timeout
        observer = await self._eye()
        library = await observer.dial(Target(name or wanted[0], PeerId(peer_id), tuple(wanted)), limit)
        try:
            said = await self._ask(observer, library, limit)
            known = self._known(peer_id, name, wanted)  # another call may have been faster
            if known is not None:
                return known
            host = self._add(peer_id, name or self._name_for(said.agent_version or "", peer_id), wanted, said)
        except BaseException as error:
            observer.hang_up(library)
            if isinstance(error, TimeoutError):
                raise TimeoutError(f"attach {name or wanted[0]}: {error}") from error
            raise
        data = {"peer_id": str(peer_id), "addresses": wanted, "agent": said.agent_version or ""}
        self._world.events.record("node.attached", host.index, reason="requested", data=data)
        self._world.runtime.spawn(partial(self._watch, host, observer, library), f"watching {host.name}")
        return host

    def detach(self, name: str) -> None:
        """Watch it no longer, and forget it. Raises UnknownNodeError."""
        host = self.find(name)
        if host is None:
            raise UnknownNodeError(
                f"no attached node is {name!r}; {did_you_mean(name, self._by_name)}lab.attached lists them"
            )
        del self._by_name[host.name], self._by_peer_id[host.peer_id]
        host.watch.cancel()
        self._world.events.record("node.detached", host.index, reason="requested")

    async def close(self) -> None:
        """The lab ends."""
        for host in self._by_name.values():
            host.watch.cancel()
        if self._observer is not None:
            self._observer.leave.set()
            await self._observer.over.wait()

    # -- attaching

    def _checked(self, addresses: Sequence[str], name: str | None) -> tuple[str, list[str]]:
        """The peer that all of the addresses are of, and their text. Raises AddressError, ConfigurationError."""
        parsed = [parse_address(address) for address in addresses]
        peers = {address.peer_id for address in parsed}
        peer_id = parsed[0].peer_id if parsed else None
        if peer_id is None or len(peers) != 1:
            raise AddressError(
                f"attach takes an address, or several of one node, that end in its /p2p/<peer id>; not {addresses!r}"
            )
        own = self._world.find(peer_id)
        if own is not None:
            raise ConfigurationError(f"{peer_id.short} is {own.name}, a node of this lab; only others are attached")
        if name is not None and self._world.find(name) is not None:
            raise ConfigurationError(f"a node of this lab is called {name!r}; take another name")
        if len(self._by_name) >= MOST:
            raise ConfigurationError(f"{MOST} nodes are attached, which is the limit; detach some")
        return peer_id, [str(address) for address in parsed]

    def _known(self, peer_id: str, name: str | None, addresses: Iterable[str]) -> AttachedHost | None:
        """The attached node with this peer id, which can now be dialled at these addresses too."""
        known = self._by_peer_id.get(peer_id)
        if known is None:
            if name is not None and self._world.directory.is_taken(name, peer_id):
                raise ConfigurationError(f"another peer of this lab is or was called {name!r}; take another name")
            return None
        if name not in (None, known.name):
            raise ConfigurationError(f"that node is attached already, as {known.name!r} and not {name!r}")
        known.addresses += [address for address in addresses if address not in known.addresses]
        return known

    async def _eye(self) -> Observer:
        """The observer that there is, or a new one."""
        async with self._starting:
            if self._observer is None or self._observer.over.is_set():
                self._observer = Observer(self._world, self._settings, self._failed)
                await self._world.portal.nursery.start(self._observer.run)
            return self._observer

    def _failed(self, what: str, error: BaseException) -> None:
        self._world.runtime.report(error, what, reason="library")

    async def _ask(self, observer: Observer, library: Any, limit: float) -> Identify:
        """What the node says of itself: nothing, where it does not speak identify."""
        try:
            return await self._world.runtime.within(limit, partial(observer.ask, library))
        except StreamError as error:
            if error.kind == "protocol not supported":
                return Identify()
            raise

    async def _ask_again(self, observer: Observer, library: Any) -> Identify:
        try:
            return await self._ask(observer, library, TIMEOUT)
        except BaseException:
            observer.hang_up(library)
            raise

    def _name_for(self, agent: str, peer_id: str) -> str:
        """A name that nobody has, made of what it calls its software: any text at all."""
        word = agent.partition(" ")[0].partition("@")[0]
        parts = [part for part in word.split("/") if part] or [""]
        # "js-libp2p/3.3.0", "kubo/0.30.0/", "github.com/somebody/something"
        words = parts[-1] if "." in parts[0] else parts[0]
        base = "".join(sign for sign in words if sign.isascii() and (sign.isalnum() or sign in "-_."))[:LONGEST]
        base = base or f"peer-{peer_id[-6:]}"
        taken = self._world.directory.is_taken
        return next(
            name for name in (base, *(f"{base}-{number}" for number in range(2, 2 * MOST))) if not taken(name, peer_id)
        )

    def _add(self, peer_id: str, name: str, addresses: Sequence[str], said: Identify) -> AttachedHost:
        if self._world.find(name) is not None:
            raise ConfigurationError(f"a node of this lab is called {name!r}; take another name")
        named, index = self._world.directory.give_name(peer_id, name)
        host = AttachedHost(named, index, addresses, said)
        self._by_name[name] = self._by_peer_id[named] = host
        self._names[name] = None
        # Connections that there were before it had a name.
        for node in self._world.real_hosts():
            for connection in node.connections_to(index):
                connection.info = replace(connection.info, peer=named)
        return host

    # -- watching

    async def _watch(self, host: AttachedHost, observer: Observer, library: Any) -> None:
        with host.watch:
            pause = SOON
            while True:
                began = trio.current_time()
                await self._until_gone(observer, library)
                if trio.current_time() - began < pause:  # it hangs up at once: nothing is gained by haste
                    await trio.sleep(pause)
                    pause = min(2 * pause, RARELY)
                else:
                    pause = SOON
                observer, library = await self._reach_again(host)
        observer.hang_up(library)

    async def _until_gone(self, observer: Observer, library: Any) -> None:
        """Wait for the end of the connection; one on which nothing comes back is ended here."""
        while True:
            with trio.move_on_after(EVERY):
                await library.muxed_conn.event_closed.wait()
                return
            try:
                await self._world.runtime.within(TIMEOUT, partial(observer.ping, library))
            except (StreamError, ProtocolViolation, TimeoutError) as error:
                if isinstance(error, StreamError) and error.kind == "protocol not supported":
                    continue  # it answers, if only to say so
                observer.hang_up(library)
                return

    async def _reach_again(self, host: AttachedHost) -> tuple[Observer, Any]:
        """Dial it until it answers."""
        pause = SOON
        while True:
            observer = await self._eye()
            try:
                library = await observer.dial(host.target, TIMEOUT)
                if not host.running:
                    host.said = await self._ask_again(observer, library)
                    host.running = True
                    self._world.events.record("node.found", host.index)
                return observer, library
            except DialError as error:
                reason = error.attempts[-1][2].partition(":")[0] if error.attempts else "unreachable"
                text = str(error)
            except (ProtocolViolation, StreamError, TimeoutError) as error:
                reason = "timeout" if isinstance(error, TimeoutError) else "handshake failed"
                text = str(error)
            if host.running:
                host.running = False
                self._world.events.record("node.lost", host.index, reason=reason, data={"text": text})
            await trio.sleep(pause)
            pause = min(2 * pause, RARELY)
