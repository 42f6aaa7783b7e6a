"""Why a connection was opened: by whom, and for what, read from the causes of the event."""

from __future__ import annotations

from typing import Final

from p2plab.events import Event, EventLog

__all__ = ["why_opened"]

# What the command that is behind it asked for, by the verb; any other verb needed a connection, and says its name.
_FOR: Final = {
    "connect": "requested",
    "wire": "wired",
    "start_nodes": "of the node's own: its bootstrap list, its DHT, or an answer about its reachability",
    "dht": "for a query of the DHT",
}
_DHT_VERBS: Final = frozenset(
    ("get", "put", "provide", "find_providers", "find_peer", "closest_peers", "bootstrap", "stop_putting")
)


def why_opened(log: EventLog, event: Event) -> str:
    """Of a ``connection.opened``: who dialled, and why, as far as the log has it."""
    inbound = (event.data or {}).get("direction") == "inbound"
    dialler, other = (event.peer, event.node) if inbound else (event.node, event.peer)
    who = f"inbound: {dialler} dialled {other}" if inbound else f"{dialler} dialled {other}"
    return f"{who}, {_for_what(log, event)}"


def _for_what(log: EventLog, event: Event) -> str:
    if event.reason is not None:
        return str(event.reason)
    chain = log.chain(event).events
    if any(link.kind.startswith("bootstrap.") for link in chain):
        return "from its bootstrap list"
    if any(link.kind.startswith("dht.") for link in chain):
        return _FOR["dht"]
    if any(link.kind.startswith(("relay.", "dcutr.")) for link in chain):
        return "through a relay, or for one"
    if any(link.kind.startswith("pubsub.") for link in chain):
        return "by its router (peer exchange, or a peering agreement)"
    commands = [link for link in chain if link.kind == "lab.command"]
    if not commands:
        return "by itself: no command and no event is behind it"
    data = commands[-1].data or {}
    verb, target = str(data.get("verb", "")), str(data.get("target", ""))
    if verb in _DHT_VERBS and "dht" in target:
        return _FOR["dht"]
    return _FOR.get(verb, f"since {verb} needed a connection")
