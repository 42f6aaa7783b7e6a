"""One sentence that says what is to be seen now: for screen readers, for the SVG's title, and for everybody."""

from __future__ import annotations

from p2plab_widgets.graph.frames import NodeLook
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.wave import Wave
from p2plab_widgets.text import counted, unknown_topic, unrecorded

FEW = 3  # nodes that are named


def sentence(scene: Scene, wave: Wave | None, topic: str = "", message: str = "") -> str:
    """Of a message: how many subscribers have it, who does not, and how long it took. Else what the network is.
    ``topic`` and ``message`` are those that were chosen."""
    nodes = scene.shown_nodes()
    if not nodes:
        return "No node has been started yet."
    down = [i for i in nodes if scene.looks[i] is NodeLook.GONE]
    parts = [_of_message(scene, wave)] if wave is not None else [_of_network(scene, nodes, topic)]
    if wave is None and message not in ("", "none"):
        parts.append(unrecorded(message))
    if down:
        parts.append(f"{_named(scene, down)} {'is' if len(down) == 1 else 'are'} down")
    return "; ".join(parts) + "."


def _of_network(scene: Scene, nodes: list[int], topic: str) -> str:
    edges = len(scene.edges())
    alone = [i for i in nodes if not scene.degree(i) and scene.looks[i] is not NodeLook.GONE]
    said = f"{counted(len(nodes), 'node')}, {counted(edges, 'connection')}"
    if alone and edges:
        said += f", {_named(scene, alone)} connected to none"
    number = scene.topic_number(topic) if topic else 0
    if topic and not number:
        said += f"; {unknown_topic(topic, scene.topics)}"
    if number:
        subscribers = scene.subscribers.get(number, {})
        pairs = {(min(pair), max(pair)) for pair in scene.meshes.get(number, {})}
        label, links = scene.topic_labels[number - 1], counted(len(pairs), "link")
        said += f"; {len(subscribers):,} subscribe to {label}, its mesh has {links}"
    return said


def _of_message(scene: Scene, wave: Wave) -> str:
    number = scene.topic_of(wave.topic)
    subscribers = [
        i for i in scene.subscribers.get(number, {}) if i != wave.publisher and scene.looks[i] is not NodeLook.GONE
    ]
    missing = sorted(i for i in subscribers if i not in wave.arrivals)
    have = len(subscribers) - len(missing)
    topic = scene.topic_labels[number - 1] if number else ""
    said = f"{scene.node_labels[wave.publisher]}’s message on {topic}: "
    if not subscribers and wave.arrivals:  # another tool's log, without subscriptions
        return f"{said}{counted(len(wave.arrivals), 'node')} got it; the log does not tell who subscribed"
    if not subscribers:
        return said + "nobody else subscribes"
    if not missing:
        slowest = max((seconds for seconds, _ in wave.arrivals.values()), default=0.0)
        hops = max((hop for _, hop in wave.arrivals.values()), default=0)
        whose = f"all {len(subscribers):,} subscribers have it" if len(subscribers) > 1 else "its subscriber has it"
        return f"{said}{whose}, after {slowest:.3g} s and {counted(hops, 'hop')}"
    verb = "does" if len(missing) == 1 else "do"
    return f"{said}{have:,} of {len(subscribers):,} subscribers have it; {_named(scene, missing)} {verb} not"


def _named(scene: Scene, nodes: list[int]) -> str:
    names = [scene.node_labels[i] for i in nodes[:FEW]]
    if len(nodes) > FEW:
        return f"{', '.join(names[:-1])} and {len(nodes) - FEW + 1:,} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
