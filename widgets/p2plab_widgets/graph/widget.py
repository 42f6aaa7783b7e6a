"""The live picture of a lab's network."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from p2plab.errors import LabError, UnknownNodeError, ValidationError
from p2plab_widgets.graph.scene import DUPLICATES, MESH, STRUCTURE, TRAFFIC, Scene
from p2plab_widgets.graph.svg import draw
from p2plab_widgets.publisher import Outcome, publisher
from p2plab_widgets.text import shown

if TYPE_CHECKING:
    from p2plab import Lab
    from p2plab.events import Follower

_HERE = Path(__file__).parent
# The browser loads one module; its parts lie here one subject a file, in the order in which they need each other.
MODULE = "\n".join(
    (_HERE / f"{part}.js").read_text(encoding="utf-8") for part in ("frames", "layout", "scene", "painter", "view")
)

# Of the structure every change is kept; so many have to come between two frames before the picture is told that it
# missed some. Of the traffic, the newest is shown.
MAX_CHANGES = 1_000_000
MAX_TRAFFIC = 3_000
MAX_DUPLICATES = 1_000


class PeerGraph(anywidget.AnyWidget):
    """A live graph of a lab's nodes, connections and messages, mock or real.

    ``topic`` (a str, "" for none) highlights the nodes that subscribe to it, ``selected`` (a node's name or "") shows
    a node's details; both can be set here or in the picture. ``height`` is in pixels. UnknownNodeError and
    ValidationError for a node or a height that cannot be. The picture follows the lab until either is closed.
    """

    _esm = MODULE
    _css = (_HERE / "graph.css").read_text(encoding="utf-8")

    opening = traitlets.Dict().tag(sync=True)  # the first snapshot: a view drawn while a cell runs has it at once
    world = traitlets.Unicode().tag(sync=True)
    topic = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    details = traitlets.Dict().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int().tag(sync=True)

    _followers: tuple[Follower, ...] = ()  # none yet: ipywidgets closes also what was refused while it was made

    def __init__(self, lab: Lab, topic: str = "", selected: str = "", height: int = 420) -> None:
        if not isinstance(height, int) or not 120 <= height <= 4000:
            raise ValidationError(f"a picture cannot be {height!r} pixels high; take 120 to 4000")
        self._lab = lab
        self._scene = Scene(lab.events.counts)
        # The scene belongs to whoever holds this: the publisher, or a call from outside.
        self._lock = threading.RLock()
        self._greeted = False
        # Following begins before the first look, so nothing falls between the two; what both see counts once.
        # The structure last: nobody is then seen to speak before it has been seen to start.
        self._followers = (
            lab.events.follow(DUPLICATES, limit=MAX_DUPLICATES),
            lab.events.follow(TRAFFIC, limit=MAX_TRAFFIC),
            lab.events.follow(STRUCTURE, limit=MAX_CHANGES),
        )
        nodes = lab.nodes
        self._scene.begin(
            [(str(node), node.running) for node in nodes],
            lab.edges(),
            [(str(node), name) for node in nodes if node.running for name in node.topics()],
            [(name, node.running) for name, node in lab.attached.items()],
        )
        # Meshes from the log, as far as it goes back: asking every node for each of its topics is slow in a large lab.
        grafts = [event for kind in MESH for event in lab.events.filter(kind=kind)]
        for event in sorted(grafts, key=lambda event: event.seq):
            self._scene.apply(event)
        if str(selected) and self._scene.index(str(selected)) is None:
            self._unfollow()
            raise UnknownNodeError(f"no node is called {str(selected)!r}; there are {_listed(self._scene.names)}")
        frame, records = self._scene.snapshot()
        super().__init__(
            opening={"frame": frame, "records": records},
            world=lab.backend,
            topic=topic,
            selected=str(selected),
            height=height,
        )
        self.on_msg(self._heard)
        publisher.add(self)

    def close(self) -> None:
        """Stop following the lab, and take the picture away."""
        publisher.remove(self)
        self._unfollow()
        super().close()

    def _unfollow(self) -> None:
        for follower in self._followers:
            follower.close()

    # -- towards the browser

    def publish(self) -> Outcome:
        """Send what has changed since the last frame. For the publisher, ten times a second at most."""
        closed = self._lab.closed
        with self._lock:
            self._catch_up()
            # A cell that runs keeps the browser's greeting waiting, and its page may have missed a frame before it
            # listened. Until it has been heard, each change of the structure therefore comes with all of it.
            delta = self._scene.delta() if self._greeted or not self._scene.restructured else self._scene.snapshot()
            if delta is not None:
                frame, records = delta
                self.send({"frame": frame}, [records])
        if closed:
            self._unfollow()
            self.note = "the lab is closed"
            return Outcome.ENDED
        return Outcome.NOTHING if delta is None else Outcome.SENT

    def failed(self, error: Exception) -> None:
        self.note = shown(f"the picture stands still: {type(error).__name__}: {error}")

    def _catch_up(self) -> None:
        events = [event for follower in self._followers for event in follower.drain()]
        for event in sorted(events, key=lambda event: event.seq):
            self._scene.apply(event)
        missed = self._followers[-1].missed
        if missed and not self.note:
            self.note = f"{missed:,} changes came too fast and are missing here; make a new lab.graph()"

    def _heard(self, _widget: object, content: dict[str, Any], _buffers: Sequence[memoryview]) -> None:
        """A page says hello: it is new, or has missed a frame."""
        if content.get("hello") is True:
            with self._lock:
                self._greeted = True
                self._catch_up()
                frame, records = self._scene.snapshot()
                self.send({"frame": frame}, [records])

    # -- a node's details

    @traitlets.validate("topic", "selected")
    def _as_shown(self, proposal: dict[str, Any]) -> str:
        """The browser knows a name or a topic only as it is shown."""
        return shown(proposal["value"])

    @traitlets.observe("selected")
    def _on_selected(self, change: dict[str, Any]) -> None:
        name = change["new"]
        self.details = self._details_of(name) if name else {}

    def _details_of(self, selected: str) -> dict[str, Any]:
        with self._lock:
            name = next((name for name in self._scene.names if shown(name) == selected), None)
            index = None if name is None else self._scene.index(name)
            neighbours = [] if index is None else self._scene.neighbours(index)
        if name is None:
            return {"name": selected, "error": "no node of this lab has this name"}
        details: dict[str, Any] = {"name": selected}
        try:
            own = {str(node): node for node in self._lab.nodes}
            attached = self._lab.attached.get(name)
            if attached is not None:
                details["short"] = attached.peer_id.short
                details["addresses"] = [shown(address) for address in attached.addresses]
                details["agent"] = shown(attached.info.agent_version)
            if name in own:
                details["short"] = own[name].peer_id.short
                details["addresses"] = [shown(address) for address in own[name].addresses]
            known = (info for other in neighbours if other in own for info in own[other].peers() if info.name == name)
            info = next(known, None)
            if info is not None:
                details.setdefault("short", info.peer_id.short)
                details.setdefault("addresses", [shown(address) for address in info.addresses])
                details["agent"] = shown(info.agent_version)
        except LabError as error:
            details["error"] = shown(str(error))
        return details

    # -- static faces

    def __repr__(self) -> str:
        with self._lock:
            self._catch_up()
            scene = self._scene
            names = [scene.names[index] for index in scene.shown_nodes()]
            edges = len(scene.edges())
        return f"<PeerGraph, {self.world}: {_count(len(names), 'node')}, {_count(edges, 'edge')}: {_listed(names)}>"

    def svg(self) -> str:
        """The network as it is now, as an SVG document."""
        with self._lock:
            self._catch_up()
            nodes, edges = len(self._scene.shown_nodes()), len(self._scene.edges())
            topic = self._scene.topic_number(self.topic)
            return draw(self._scene, f"{self.world} · {_count(nodes, 'node')} · {_count(edges, 'edge')}", topic)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self), "image/svg+xml": self.svg()}, metadata


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str], most: int = 12) -> str:
    """The names, or the first of them and how many more."""
    first = ", ".join(shown(name) for name in names[:most])
    return f"{first} and {len(names) - most:,} more" if len(names) > most else first
