"""What a node knows of its reachability, and does about it: observed addresses, AutoNAT, relays, upgrades.

Made for each node of a lab that has NAT boxes or relays, so that all other labs are as they were.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from p2plab.errors import LabError, ProtocolViolation
from p2plab.host.nat.relaying import RelayClient, RelayService
from p2plab.host.nat.upgrading import Upgrader
from p2plab.host.protocols import HostConnection
from p2plab.identity.address import parse_address
from p2plab.nat.autonat_v1 import AUTONAT_V1_ID, AutoNatV1Server
from p2plab.nat.autonat_v2 import AutoNatV2Server, Nonces, probe
from p2plab.nat.autonat_v2_messages import DIAL_BACK_ID, DIAL_REQUEST_ID
from p2plab.nat.autorelay import AutoRelay, AutoRelayParams
from p2plab.nat.confidence import AddressStatus, Reachability
from p2plab.nat.dcutr import PATIENCE
from p2plab.nat.observed import ACTIVATION, ObservedAddresses
from p2plab.nat.publicness import is_public
from p2plab.nat.relay import RelayParams, RelayServer
from p2plab.nat.relay_messages import HOP_ID
from p2plab.protocols.identify import Identify
from p2plab.stream import NetStream
from p2plab.text import says
from p2plab.typing import PeerId, Timer, Waiter

if TYPE_CHECKING:
    from p2plab.host.host import Host

__all__ = ["NatBelief", "ReachabilityService"]

PROBE_SECONDS: Final = 30.0  # go-libp2p's probeTimeout
REFRESH: Final = 5 * 60.0  # seconds; go-libp2p's defaultReachabilityRefreshInterval


@says
@dataclass(frozen=True, slots=True)
class NatBelief:
    """What a node believes of the box in front of it.

    ``mapping``: ``endpoint-independent`` or ``endpoint-dependent``, as its peers' words about its address tell it, or
    None while too few have spoken. ``observed``: the addresses that enough of them agree on. ``relays``: the names of
    those where it has a slot. ``public``: whether it thinks itself reachable; None: it does not know.
    """

    mapping: str | None
    observed: tuple[str, ...]
    relays: tuple[str, ...]
    public: bool | None

    def __str__(self) -> str:
        known = {True: "reachable", False: "not reachable from outside", None: "not known to be reachable"}[self.public]
        relays = f"; relays: {', '.join(self.relays)}" if self.relays else ""
        few = "" if self.public else f" (fewer than {ACTIVATION} peers have told of an outside address)"
        return f"{known}; mapping {self.mapping or f'not known{few}'}{relays}"


class ReachabilityBeliefs(Protocol):
    """What a node can be asked of its reachability."""

    def belief(self) -> NatBelief: ...

    def statuses(self) -> list[AddressStatus]: ...


class Unasked:
    """A node of a lab without NATs and relays: nobody has asked anything."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    def belief(self) -> NatBelief:
        return NatBelief(None, (), (), None)

    def statuses(self) -> list[AddressStatus]:
        return [AddressStatus(address, "unknown", 0, ()) for address in self._addresses]


def beliefs_of(host: Any) -> ReachabilityBeliefs:
    """What a node believes."""
    service: ReachabilityService | None = host.reachability
    return Unasked(host.listen_addresses) if service is None else service


class ReachabilityService:
    """One node's. Implements ``PeerListener``."""

    asks: ClassVar[str] = DIAL_REQUEST_ID  # the protocol by which it asks whether it can be reached

    def __init__(self, host: Host[Any], autorelay: AutoRelayParams | None = None) -> None:
        self._host = host
        runtime = host.world.runtime
        self.observed = ObservedAddresses()
        self.beliefs = Reachability()
        self.nonces = Nonces()
        self.client = RelayClient(host, AutoRelay(autorelay, runtime.ticks()), self.changed)
        self.relay: RelayService | None = None
        self.upgrader = Upgrader(host, self.punchable)
        self.behind = False
        self.keeps_relays = False
        self._open_ports: tuple[str, ...] = ()  # addresses that the box has mapped on request
        self._servers: dict[int, None] = {}  # peers that speak AutoNAT v2, oldest first
        self._asking: dict[str, None] = {}
        self._advertised: tuple[str, ...] = ()
        self._timer: Timer | None = None
        self._direct: dict[int, Waiter] = {}  # by peer: who waits for a direct connection
        host.handle(DIAL_BACK_ID, self.nonces.handle)
        self._autonat = self.autonat_servers()
        self._serve_autonat()
        host.listeners = (*host.listeners, self)

    def autonat_servers(self) -> dict[str, Callable[[NetStream], Awaitable[None]]]:
        """What answers those who ask whether they can be reached, by protocol."""
        host = self._host
        private = host.meets_privately
        v1 = AutoNatV1Server(host.world.runtime, host.dial_back, self._note_served, private=private)
        v2 = AutoNatV2Server(host.world.runtime, host.dial_back, self._note_served, private=private, node=host.name)
        return {AUTONAT_V1_ID: v1.handle, DIAL_REQUEST_ID: v2.handle}

    def new_relay(self, params: RelayParams) -> RelayService:
        """What serves as a relay."""
        return RelayService(self._host, RelayServer(params))

    def _serve_autonat(self) -> None:
        for protocol, handler in self._autonat.items():
            self._host.handle(protocol, handler)

    def _note_served(self, kind: str, peer: PeerId, reason: str, data: dict[str, Any]) -> None:
        self._host.record(kind, self._host.world.index_of(peer), reason, data)

    def relay_for_others(self, params: RelayParams) -> None:
        """Relay from now on, if it does not yet."""
        if self.relay is None:
            self.relay = self.new_relay(params)
        elif HOP_ID not in self._host.protocols():
            self._host.handle(HOP_ID, self.relay.handle)

    # -- where it stands

    def behind_a_box(self) -> None:
        """The node stands behind a box from now on: it serves AutoNAT no longer, and wants relays."""
        self.behind = True
        for protocol in self._autonat:
            self._host.remove_handler(protocol)
        self.client.relays.need(True)
        self.client.look()

    def keep_relays(self, wanted: bool = True) -> None:
        """Want relays until a public address of it proves reachable, though nothing says that it stands behind a box;
        or want them no longer."""
        self.keeps_relays = wanted
        self.client.relays.need(wanted or self.behind)
        self.client.look()

    def in_the_open(self) -> None:
        """It stands behind none any more."""
        self.behind = False
        self._open_ports = ()
        self._serve_autonat()
        self.client.relays.need(False)
        self.changed()

    def pinned(self, addresses: Sequence[str]) -> None:
        """Its box has mapped ports on request (UPnP): addresses that it may advertise."""
        self._open_ports = tuple(addresses)
        self.changed()

    # -- peers

    def peer_connected(self, connection: HostConnection) -> None:
        """For the host: a connection is there; relayed ones that came in are to be upgraded once identify is done."""
        if not connection.info.relayed:
            waiter = self._direct.pop(connection.peer, None)
            if waiter is not None:
                waiter.set()

    async def direct(self, peer: int) -> None:
        """Wait until there is a direct connection to a peer."""
        if any(not connection.info.relayed for connection in self._host.connections_to(peer)):
            return
        waiter = self._direct.get(peer)
        if waiter is None:
            waiter = self._direct[peer] = self._host.world.runtime.waiter()
        await waiter.wait()

    async def comes_direct(self, peer: int) -> bool:
        """Wait for the direct connection that the other end dials; whether it has come in time."""
        try:
            await self._host.world.runtime.within(PATIENCE, partial(self.direct, peer))
        except TimeoutError:
            return False
        return True

    def peer_identified(self, peer: int, said: Identify) -> None:
        """For the host: what the peer speaks, and how it sees this node."""
        host = self._host
        peer_id = host.world.peer_id_at(peer)
        direct = False
        for connection in host.connections_to(peer):
            if connection.info.relayed:
                if connection.direction == "inbound":
                    self.upgrader.begin(connection)
                continue
            direct = True
            if said.observed is not None:
                self._seen(connection, said.observed)
        if HOP_ID in said.protocols and self.client.relays.candidate(peer_id, host.world.runtime.ticks()):
            self.client.look()
        if direct and self.asks in said.protocols:  # over a relay it would cost more data than that may allow
            self._servers[peer] = None
            self.look()

    def peer_disconnected(self, peer: int) -> None:
        """For the host: the last connection to a peer is gone."""
        host = self._host
        self._servers.pop(peer, None)
        if self.relay is not None:
            self.relay.peer_gone(peer)
        if self.client.relays.gone(host.world.peer_id_at(peer)):
            host.record("relay.lost", peer, "relay gone")
            self.changed()
            self.client.look()

    def connection_gone(self, connection: int) -> None:
        """A connection has ended, and with it what its peer has said of this node's address."""
        if self.observed.gone(connection):
            self.changed()

    def _seen(self, connection: HostConnection, observed: str) -> None:
        """A peer said how it sees this node over a connection."""
        host = self._host
        seen = parse_address(observed)
        ip = parse_address(connection.info.remote_address).ip
        if ip is None or not is_public(seen) or observed in host.listen_addresses:
            return
        alike = (one for one in host.listen_addresses if parse_address(one).transport == seen.transport)
        local = next(alike, host.listen_addresses[0])
        changed = self.observed.observed(connection.id, local, observed, ip)
        count = next((row.observers for row in self.observed.observations() if row.address == observed), 0)
        host.record("nat.observed", connection.peer, data={"address": observed, "observers": count})
        if changed:
            self.changed()

    # -- AutoNAT

    def candidates(self) -> list[str]:
        """The addresses whose reachability is to be found out, most important first."""
        host = self._host
        own = [
            address for address in host.listen_addresses if host.meets_privately or is_public(parse_address(address))
        ]
        return list(dict.fromkeys([*own, *self._open_ports, *self.observed.believed()]))

    def look(self) -> None:
        """Ask about the addresses that are due, each a server that has not answered on it yet."""
        host = self._host
        runtime = host.world.runtime
        now = runtime.ticks()
        for address in self.candidates():
            if address in self._asking or not self.beliefs.due(address, now):
                continue
            told = self.beliefs.servers(address)
            fresh = [peer for peer in self._servers if host.world.peer_id_at(peer) not in told]
            status = self.beliefs.status(address)
            if not fresh and (status.status != "unknown" or not self._servers):
                fresh = list(self._servers)
            if fresh:
                self._asking[address] = None
                host.spawn(partial(self._probe, address, fresh[0]), f"{host.name} asking whether it can be reached")
        if self._timer is None and self._servers:
            self._timer = runtime.timer(REFRESH, self._refresh)

    def _refresh(self) -> None:
        self._timer = None
        if self._host.running:
            self.look()

    async def _probe(self, address: str, peer: int) -> None:
        host = self._host
        runtime = host.world.runtime
        server = host.world.peer_id_at(peer)
        answered = False
        try:
            host.record("autonat.asked", peer, data={"address": address, "protocol": self.asks})
            result = await runtime.within(PROBE_SECONDS, partial(self._ask, server, address))
            answered = result.reachable is not None
            if result.reachable is not None:
                self._believe(address, server, peer, result.reachable)
            else:
                reason = result.reason if result.reason.startswith("E_") else "no nonce"
                host.record("autonat.answered", peer, reason, {"address": address, "text": result.reason})
        except (LabError, TimeoutError, ProtocolViolation) as error:
            data = {"address": address, "text": str(error) or f"no answer within {PROBE_SECONDS:g} s"}
            host.record("autonat.answered", peer, "E_INTERNAL_ERROR", data)
        finally:
            self._asking.pop(address, None)
            if not answered:
                self._servers.pop(peer, None)
        self.look()

    async def _ask(self, server: PeerId, address: str) -> Any:
        stream = await self._host.open_stream(server, [DIAL_REQUEST_ID])
        return await probe(
            stream, self.nonces, [address], self._host.world.runtime.random(f"autonat/{self._host.name}")
        )

    def _believe(self, address: str, server: PeerId, peer: int, reachable: bool) -> None:
        host = self._host
        changed = self.beliefs.answered(address, server, reachable, host.world.runtime.ticks())
        status = self.beliefs.status(address)
        data = {"address": address, "status": status.status, "confidence": status.confidence}
        host.record(
            "autonat.answered", peer, "reachable from outside" if reachable else "unreachable from outside", data
        )
        if not changed:
            return
        public = any(
            self.beliefs.status(one).status == "public" and (not host.meets_privately or is_public(parse_address(one)))
            for one in self.candidates()
        )
        if self.behind or self.keeps_relays:
            for wish in self.client.relays.need(not public):
                host.record("relay.lost", host.world.index_of(wish.relay), "reachable from outside")
            self.client.look()
        self.changed()

    # -- what it advertises

    def bases(self) -> list[str]:
        """Addresses beside those it listens at, without ``/p2p/...``: believed ones, and those over relays."""
        listens = set(self._host.listen_addresses)
        believed = [
            address
            for address in dict.fromkeys([*self._open_ports, *self.observed.believed()])
            if address not in listens and self.beliefs.status(address).status != "private"
        ]
        return [*believed, *self.client.bases()]

    def punchable(self) -> list[str]:
        """The addresses to tell a peer that is to punch (DCUtR.md: observed, and possibly predicted): believed ones,
        and where none is, those that single peers have seen."""
        believed = self.observed.believed()
        if believed:
            return believed
        seen = [row.address for row in self.observed.observations()]
        own = [address for address in self._host.listen_addresses if is_public(parse_address(address))]
        return list(dict.fromkeys([*own, *seen]))[:3]

    def changed(self) -> None:
        """What it advertises may have changed: say so, to its peers too."""
        now = tuple(self.bases())
        if now == self._advertised:
            return
        self._advertised = now
        host = self._host
        host.record("nat.addresses", data={"addresses": [*host.listen_addresses, *now]})
        host.switch.updates.tell()
        self.look()

    def statuses(self) -> list[AddressStatus]:
        """What it believes of each of its addresses."""
        return [
            self.beliefs.status(address)
            for address in dict.fromkeys([*self._host.listen_addresses, *self.candidates()])
        ]

    def belief(self) -> NatBelief:
        """What it believes of its box."""
        host = self._host
        statuses = [status.status for status in self.statuses()]
        public = True if "public" in statuses else False if "private" in statuses else None
        relays = tuple(relay.name or relay.short for relay in self._named(self.client.relays.relays()))
        told = (self.observed.mapping(address) for address in host.listen_addresses)
        mapping = next((one for one in told if one is not None), None)
        return NatBelief(mapping, tuple(self.observed.believed()), relays, public)

    def _named(self, peers: Sequence[PeerId] | dict[PeerId, Any]) -> list[PeerId]:
        world = self._host.world
        return [peer if world.index_of(peer) < 0 else world.peer_id_at(world.index_of(peer)) for peer in peers]
