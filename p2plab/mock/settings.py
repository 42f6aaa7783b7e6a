"""The settings of mock labs and their nodes: what ``Lab(...)`` and ``start_node(...)`` take by keyword."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from p2plab.admission import Gate, Limits, Watermarks
from p2plab.admission.settings import setting_of as admission_setting
from p2plab.constants import MAX_MESSAGE_SIZE
from p2plab.discovery.bootstrap import check_bootstrap
from p2plab.discovery.rendezvous.params import RendezvousParams
from p2plab.discovery.settings import NO_DISCOVERY, DiscoverySettings, check_discovery
from p2plab.discovery.settings import setting_of as discovery_setting
from p2plab.events.log import LIMIT
from p2plab.kademlia import DhtParams
from p2plab.mock.connections.transports import check_transport, check_transports
from p2plab.mock.dht import check_dht
from p2plab.mock.processor import check_cpu
from p2plab.nat import AutoRelayParams, RelayParams
from p2plab.network import TRANSPORTS
from p2plab.pubsub import GossipSubParams, Router
from p2plab.pubsub.choice import check_params, check_router
from p2plab.pubsub.message import STRICT_SIGN, Publication
from p2plab.roles.table import ROLE_SETTING
from p2plab.settings import setting
from p2plab.stream.flow.window import CONNECTION_MEMORY, WINDOW, check_window

__all__ = ["MockSettings"]

# Seconds; go-yamux notices a dead peer 10 s after it wrote to it, or up to 40 s if it did not.
CONNECTION_TIMEOUT: Final = 30.0


def _dht(given: Any) -> Any:
    return None if given is None else check_dht(given)


@dataclass(frozen=True, slots=True)
class MockSettings:
    """All of them. A node's own, where it is given one, stands in for the lab's."""

    transport: str = setting("ideal", f"how connections behave: {', '.join(TRANSPORTS)}", "lab", check=check_transport)
    transports: Sequence[str] | None = setting(
        None,
        "over what a node listens, an address each: a list of ideal or tcp, and quic, which is dialled first",
        check=check_transports,
        shown="the lab's transport",
    )
    connection_timeout: float = setting(
        CONNECTION_TIMEOUT, "seconds after which a connection over a cut link is given up", "lab"
    )
    stream_window: int = setting(
        WINDOW, "bytes that a stream's writer may be ahead of its reader", "lab", check=check_window
    )
    connection_memory: int = setting(
        CONNECTION_MEMORY, "bytes that the windows of a connection's streams may come to", "lab"
    )
    latency: float = setting(0.020, "seconds one way, of every link", "lab")
    jitter: float = setting(0.0, "seconds by which the latency varies, uniformly", "lab")
    network: str | None = setting(None, "a preset of links instead of a latency: lan, wan or regions", "lab")
    ip: str | None = setting(None, "an IPv4 address, which several nodes may share", "node", shown="one of its own")
    port: int | None = setting(None, "a port of its IP address", "node", shown="the next free one from 4001 on")
    region: str | None = setting(
        None, "where in the world it is, where the network has regions", "node", shown="drawn by their weights"
    )
    gossipsub: GossipSubParams | None = setting(
        None, "GossipSubParams: how the router goes about it", shown="GossipSubParams.spec()"
    )
    router: str | type[Router] = setting(
        "gossipsub", "gossipsub, floodsub, or a subclass of p2plab.pubsub.GossipSub", check=check_router
    )
    signing: str = setting(STRICT_SIGN, "StrictSign or StrictNoSign: whether messages are signed, and have to be")
    message_id: Callable[[Publication], bytes] | None = setting(
        None, "a function of a Publication that gives its id as bytes", shown="as the specs have it"
    )
    max_message_size: int = setting(MAX_MESSAGE_SIZE, "bytes of a pubsub RPC at most")
    cpu: float = setting(
        0.0, "seconds of a core that a pubsub message takes; messages wait their turn", check=check_cpu
    )
    dht: DhtParams | str | None = setting(None, "DhtParams of the DHT", check=_dht, shown="DhtParams()")
    gate: Gate | None = admission_setting("gate")
    authorize: Any = admission_setting("authorize")
    limits: Limits | None = admission_setting("limits")
    watermarks: Watermarks | None = admission_setting("watermarks")
    bootstrap: Sequence[Any] = setting(
        (),
        "peers that a node dials when it starts, to join the DHT: nodes, names or multiaddrs",
        check=check_bootstrap,
        shown="none",
    )
    discovery: Sequence[str] | None = discovery_setting("discovery")
    rendezvous: RendezvousParams | None = discovery_setting("rendezvous")
    role: Any = setting(None, ROLE_SETTING, "node")
    relay: RelayParams | None = setting(
        None, "RelayParams of nodes that relay for others", shown="RelayParams(), go-libp2p's limits"
    )
    autorelay: AutoRelayParams | None = setting(
        None, "AutoRelayParams of nodes that stand behind a NAT", shown="AutoRelayParams(), without go's boot delay"
    )
    recording: str = setting("messages", "how much the event log keeps: counters, decisions, messages or all", "lab")
    log_limit: int = setting(LIMIT, "how many rows the event log keeps at most; the oldest go", "lab")

    def params(self) -> GossipSubParams:
        """The router's parameters of nodes that have none of their own."""
        return check_params(GossipSubParams.spec() if self.gossipsub is None else self.gossipsub)

    def finding(self) -> DiscoverySettings:
        """In which ways a node with these settings finds others."""
        found = DiscoverySettings(check_discovery(self.discovery), self.rendezvous, tuple(self.bootstrap))
        return NO_DISCOVERY if found == NO_DISCOVERY else found
