"""``p2plab watch``: attach to a node that runs somewhere, and print what it does, an event a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from p2plab.api.backends import HAS_LIBP2P
from p2plab.api.diagnosing import diagnose, settings_for
from p2plab.cli.output import fail, say
from p2plab.errors import LabError, MissingExtraError, ValidationError
from p2plab.events import KINDS, Event
from p2plab.events.kinds import ALL
from p2plab.identity.address import parse_address

if TYPE_CHECKING:
    from p2plab import Node
    from p2plab.api.faces.outside import AttachedNode

__all__ = ["watch"]

WATCHER: Final = "p2plab"  # what the node is called that looks on
STEP: Final = 0.1  # seconds between two looks
ROOMS: Final = ("node", "connection", "identify", "stream", "pubsub", "dht")
# Of each what a log of the level "messages" holds, but for the steps of handshakes, which would hide the rest.
TOLD: Final = frozenset(
    name
    for name, kind in KINDS.items()
    if name.partition(".")[0] in ROOMS and kind.level != ALL and name != "connection.step"
)


def watch(address: str, topics: Sequence[str], seconds: float | None, as_json: bool) -> int:
    """Print the node's events until Ctrl+C, or for some seconds; 1 where it cannot be reached, with the reason."""
    if seconds is not None and not 0 < seconds <= 1e9:
        raise ValidationError(f"--seconds {seconds:g}: give a number above 0")
    parsed = parse_address(address)
    if parsed.peer_id is None:
        raise ValidationError(f"{address[:200]!r} does not say whom to expect there: end it in /p2p/<peer id>")
    if not HAS_LIBP2P:
        raise MissingExtraError("watching a node needs py-libp2p: pip install 'p2plab[real]'")
    from p2plab.api.blocking.lab import Lab

    with Lab("real", recording="messages") as lab:
        node = lab.start_node(WATCHER, **settings_for(parsed))
        follower = lab.events.follow(TOLD)
        try:
            attached = lab.attach(address)
            node.connect(attached)
        except (LabError, TimeoutError):
            return fail(str(diagnose(address)))
        for topic in topics:
            node.subscribe(topic)
        about = {attached.name, str(attached.peer_id)}
        left = seconds
        try:
            while left is None or left > 0:
                wait = STEP if left is None else min(STEP, left)
                lab.run(wait)
                left = None if left is None else left - wait
                for event in follower.drain():
                    if about & {event.node, event.peer}:
                        say(_line(event, as_json))
                    if event.kind == "node.found":
                        _meet_again(node, attached)
        except KeyboardInterrupt:  # how a person ends it
            return 0
        finally:
            follower.close()
    return 0


def _meet_again(node: Node, attached: AttachedNode) -> None:
    try:
        node.connect(attached)
    except (LabError, TimeoutError):
        return  # it has gone again, which is an event of its own, and will be found again


def _line(event: Event, as_json: bool) -> str:
    if not as_json:
        return str(event)
    told = {key: value for key, value in asdict(event).items() if value is not None}
    return json.dumps(told, separators=(",", ":"), allow_nan=False)  # in ASCII: the text of others moves no cursor
