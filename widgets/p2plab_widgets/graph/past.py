"""The network of another moment, for the same picture: a scene that stands still, and how it travels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from p2plab.events import NetworkState
from p2plab_widgets.graph.scene import Scene


def scene_at(state: NetworkState, known: Iterable[str] = (), topics: Iterable[str] = ()) -> Scene:
    """A scene of what a state says. Nodes that are ``known`` already keep their numbers, as do ``topics``; those that
    were not there yet are not shown."""
    scene = Scene({})
    for name in known:
        scene.know(name)
    for topic in topics:
        scene.topic_of(topic)
    down, lost = set(state.down), set(state.lost)
    scene.begin(
        [(name, name not in down) for name in state.nodes],
        state.edges,
        [(name, topic) for topic, names in state.subscriptions.items() for name in names],
        [(name, name not in lost) for name in state.attached],
    )
    for topic, meshes in state.meshes.items():
        for name, peers in meshes.items():
            for peer in peers:
                scene.put_in_mesh(name, peer, topic)
    return scene


def as_content(scene: Scene) -> dict[str, Any]:
    """The whole structure as plain JSON; scene.js reads the same."""
    return {
        "nodes": [
            [label, scene.colours[i], int(scene.looks[i]), *([key] if key != label else [])]
            for i, (label, key) in enumerate(scene.node_labels.pairs())
        ],
        "edges": [index for pair in scene.edges() for index in pair],
        "topics": [
            [label, key if key != label else None, sorted(scene.subscribers.get(number, ()))]
            for number, (label, key) in enumerate(scene.topic_labels.pairs(), 1)
        ],
        "meshes": [
            [number, [index for pair in sorted(mesh) for index in pair]]
            for number, mesh in scene.meshes.items()
            if mesh
        ],
    }
