"""What the simulated network leaves out that this run's figures touch, as sentences for below a table or a chart.

``network/MODEL.md`` has the whole list; a run is told only what it depends on. Looking changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from p2plab.events import EventLog
from p2plab.events.assumptions import ONE_SEED
from p2plab.mock.basis import MockBasis
from p2plab.network import Links
from p2plab.pubsub import GossipSubParams
from p2plab.text import plural

__all__ = ["assumptions"]

SETTLING: Final = 5  # heartbeats that meshes take to form after a topic's first subscription

IDEAL: Final = (
    "Bandwidth over transport='ideal': no slow start, so large messages arrive in about half the time of go's QUIC; "
    "transport='quic' and 'tcp' have it."
)
LOSS: Final = (
    "Lost packets wait for their timeout, but no congestion window shrinks: large transfers under loss come out too "
    "fast."
)


class AssumedWorld(Protocol):
    """What the run was simulated with."""

    events: EventLog
    links: Links
    transports: tuple[str, ...]
    cpu: float
    gossipsub: GossipSubParams
    router: Any

    def all_hosts(self) -> Iterable[MockBasis]: ...


def assumptions(world: AssumedWorld) -> tuple[str, ...]:
    """The sentences, in a fixed order; none for a lab in which nothing was sent."""
    counts, links = world.events.counts, world.links
    published = counts.get("pubsub.publish", 0)
    if not (published or counts.get("connection.opened", 0) or counts.get("dht.lookup", 0)):
        return ()
    said = []
    if "ideal" in world.transports and links.has_rates:
        said.append(IDEAL)
    if links.loses:
        said.append(LOSS)
    computing = _computing(world)
    if computing:
        said.append(computing)
    early = _early(world)
    if early:
        said.append(f"{early} of {plural(published, 'message')} left within {SETTLING} heartbeats of the topic's "
                    "first subscription, while meshes still formed.")  # fmt: skip
    return (*said, ONE_SEED)


def _computing(world: AssumedWorld) -> str:
    if world.cpu and not any(host.settings.get("cpu") == 0 for host in world.all_hosts()):
        return ""
    return "Nodes compute in no time: signatures, handshakes and validation cost nothing but a validator's delay."


def _early(world: AssumedWorld) -> int:
    """How many messages were published while the meshes of their topic still formed."""
    log, interval = world.events, world.gossipsub.heartbeat_interval
    if log.dropped or world.router == "floodsub":
        return 0
    began: dict[str, float] = {}
    for event in log.filter(kind="pubsub.subscribe"):
        began.setdefault(str(event.topic), event.t)
    return sum(
        event.t < began[str(event.topic)] + SETTLING * interval
        for event in log.filter(kind="pubsub.publish")
        if str(event.topic) in began
    )
