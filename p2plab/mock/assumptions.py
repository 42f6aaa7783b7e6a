"""What the simulated network leaves out that this run's figures touch, as sentences for below a table or a chart.

``network/MODEL.md`` has the whole list; a run is told only what it depends on, and also when that has been taken
back since. Looking changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol, TypeAlias

from p2plab.constants import TICKS_PER_SECOND
from p2plab.events import EventLog
from p2plab.events.assumptions import ONE_SEED
from p2plab.mock.basis import MockBasis
from p2plab.mock.driver.driver import Driver
from p2plab.mock.history.history import Command
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

    driver: Driver
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
    if "ideal" in world.transports and links.had_rates:
        said.append(IDEAL)
    if links.loses or counts.get("link.retransmitted", 0):
        said.append(LOSS)
    computing = _computing(world)
    if computing:
        said.append(computing)
    early = _early(world, published)
    if early:
        said.append(f"{early} of {plural(published, 'message')} left within {SETTLING} heartbeats of the topic's "
                    "first subscription, while meshes still formed.")  # fmt: skip
    return (*said, ONE_SEED)


def _computing(world: AssumedWorld) -> str:
    if world.cpu and not any(host.settings.get("cpu") == 0 for host in world.all_hosts()):
        return ""
    return "Nodes compute in no time: signatures, handshakes and validation cost nothing but a validator's delay."


def _early(world: AssumedWorld, published: int) -> str:
    """How many messages were published while the meshes of their topic still formed, in words; "" where none were."""
    if world.router == "floodsub":
        return ""
    log = world.events
    whole = log.recorded in ("messages", "all") and not log.dropped
    subscribed, sent = _told(log) if whole else _done(world.driver.command_log.commands)
    settling = SETTLING * world.gossipsub.heartbeat_interval
    began: dict[str, float] = {}
    for topic, t in subscribed:
        began.setdefault(topic, t)
    early = sum(topic in began and t < began[topic] + settling for topic, t in sent)
    return f"At least {early}" if early and len(sent) < published else str(early or "")


_Times: TypeAlias = list[tuple[str, float]]  # topic, seconds


def _told(log: EventLog) -> tuple[_Times, _Times]:
    """When nodes subscribed and published, as the log has it."""

    def of(kind: str) -> _Times:
        return [(str(event.topic), event.t) for event in log.filter(kind=kind)]

    return of("pubsub.subscribe"), of("pubsub.publish")


def _done(commands: list[Command]) -> tuple[_Times, _Times]:
    """The same where a user's commands had them do it, for a log that has not kept it."""

    def of(verb: str) -> _Times:
        found = [one for one in list(commands) if one.verb == verb and one.arguments and not one.refused]
        return [(str(one.arguments[0]), one.tick / TICKS_PER_SECOND) for one in found]

    return of("subscribe"), of("publish")
