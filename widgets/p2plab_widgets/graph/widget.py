"""The live picture of a lab's network."""

from __future__ import annotations

import struct
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget
import traitlets

from p2plab.errors import UnknownNodeError, ValidationError
from p2plab_widgets.graph.details import edge_details, node_details
from p2plab_widgets.graph.paint import COLOURS, Paint, chosen
from p2plab_widgets.graph.places import LAYOUTS, Place, places
from p2plab_widgets.graph.quantities import keys, said_by_nodes, scores
from p2plab_widgets.graph.scene import DUPLICATES, MESH, STRUCTURE, TRAFFIC, Scene
from p2plab_widgets.graph.sentence import sentence
from p2plab_widgets.graph.svg import draw
from p2plab_widgets.graph.wave import Wave, listed, newest, of_message
from p2plab_widgets.publisher import Outcome, publisher
from p2plab_widgets.text import key_of, shown

if TYPE_CHECKING:
    from p2plab import Lab
    from p2plab.events import Event, Follower

_HERE = Path(__file__).parent / "browser"
# The browser loads one module; its parts lie there one subject a file, in the order in which they need each other.
PARTS: Final = (
    *("frames", "layout", "colour", "camera", "density", "labels", "scene", "nodes", "painter"),
    *("parts", "legend", "card", "list", "input", "view", "widget"),
)
MODULE: Final = "\n".join((_HERE / f"{part}.js").read_text(encoding="utf-8") for part in PARTS)

# Of the structure every change is kept; so many have to come between two frames before the picture is told that it
# missed some. Of the traffic, the newest is shown.
MAX_CHANGES: Final = 1_000_000
MAX_TRAFFIC: Final = 3_000
MAX_DUPLICATES: Final = 1_000
SLOW: Final = 5  # frames between two looks at what costs time to ask for: scores
MANY: Final = 400  # nodes from which on those looks are rarer


class PeerGraph(anywidget.AnyWidget):
    """A live graph of a lab's nodes, connections and messages, mock or real.

    ``topic`` (a str, "" for all) marks its subscribers and mesh; ``selected`` (a node's name or "") shows a node's
    card; ``message`` (a Message or its id; "" for the newest, "none") is the one whose way is drawn; ``colour`` is one
    of auto, identity, delay, hops, degree, score, role, region, state; ``layout_kind`` (argument ``layout``) one of
    force, circle, line, grid, tree, regions, given. All can be set here or in the picture. ``positions`` are places by
    name, for the layout "given"; ``regions`` a group by name, in place of what nodes say of themselves. ``height`` is
    in pixels. UnknownNodeError and ValidationError for what cannot be. The picture follows the lab until either is
    closed, and holds neither: a lab that is shown can still be collected.
    """

    _esm = MODULE
    _css = (_HERE / "graph.css").read_text(encoding="utf-8")

    opening = traitlets.Dict().tag(sync=True)  # the first snapshot: a view drawn while a cell runs has it at once
    world = traitlets.Unicode().tag(sync=True)
    topic = traitlets.Unicode().tag(sync=True)
    topic_label = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    details = traitlets.Dict().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    colour = traitlets.Unicode("auto").tag(sync=True)
    layout_kind = traitlets.Unicode("force").tag(sync=True)
    messages: Any = traitlets.List().tag(sync=True)  # [id, label], the newest first
    offered = traitlets.Dict().tag(sync=True)  # colours and layouts that show nothing now, and why
    clock = traitlets.Dict().tag(sync=True)
    wave = traitlets.Dict().tag(sync=True)
    paint = traitlets.Dict().tag(sync=True)
    places = traitlets.Dict().tag(sync=True)
    grounds: Any = traitlets.List().tag(sync=True)

    _followers: tuple[Follower, ...] = ()  # none yet: ipywidgets closes also what was refused while it was made

    def __init__(
        self,
        lab: Lab,
        topic: str = "",
        selected: str = "",
        height: int = 420,
        message: Any = "",
        colour: str = "auto",
        layout: str = "force",
        positions: Mapping[str, Place] | None = None,
        regions: Mapping[str, str] | None = None,
    ) -> None:
        if not isinstance(height, int) or not 120 <= height <= 4000:
            raise ValidationError(f"a picture cannot be {height!r} pixels high; take 120 to 4000")
        self._positions = {str(name): (float(x), float(y)) for name, (x, y) in (positions or {}).items()}
        self._regions = {str(name): str(group) for name, group in (regions or {}).items()}
        if self._positions and layout == "force":
            layout = "given"
        self._lab_of = weakref.ref(lab)
        self._log = lab.events
        self._scene = Scene(lab.events.counts)
        # The scene belongs to whoever holds this: the publisher, or a call from outside.
        self._lock = threading.RLock()
        self._greeted = False
        self._partitions: dict[int, list[list[str]]] = {}
        self._wave: Wave | None = None
        self._paint = Paint()
        self._turn = 0
        self._follow(lab)
        node = str(selected)
        if node and self._scene.index(node) is None:
            self._unfollow()
            raise UnknownNodeError(f"no node is called {node!r}; there are {_listed(self._scene.names)}")
        self._choose(message=getattr(message, "id", message), colour=colour, layout_kind=layout, topic=topic)
        frame, records = self._frame(snapshot=True)
        super().__init__(
            opening={"frame": frame, "records": records},
            world=lab.backend,
            topic=topic,
            topic_label=shown(topic),
            selected=node,
            height=height,
            message=getattr(message, "id", message),
            colour=colour,
            layout_kind=layout,
        )
        self._show_wholes(all_of_them=True)
        self.on_msg(self._heard)
        publisher.add(self)

    def _choose(self, **values: Any) -> None:
        """Check what is chosen before there is a widget."""
        for trait, allowed in (("colour", COLOURS), ("layout_kind", LAYOUTS)):
            value = values[trait]
            if value not in allowed:
                word = "layout" if trait == "layout_kind" else trait
                raise ValidationError(f"{word} must be one of {', '.join(allowed)}, not {value!r}")
        for trait in ("message", "topic"):
            if not isinstance(values[trait], str):
                raise ValidationError(f"{trait} must be a str, not {values[trait]!r}")
        self._chosen = values

    def _follow(self, lab: Lab) -> None:
        """Following begins before the first look, so nothing falls between the two; what both see counts once. The
        structure last: a node is then not seen to speak before it is seen to start."""
        self._followers = (
            lab.events.follow(DUPLICATES, limit=MAX_DUPLICATES),
            lab.events.follow(TRAFFIC, limit=MAX_TRAFFIC),
            lab.events.follow((*STRUCTURE, "network.partition", "network.heal"), limit=MAX_CHANGES),
        )
        nodes = lab.nodes
        self._scene.begin(
            [(str(node), node.running) for node in nodes],
            lab.edges(),
            [(str(node), name) for node in nodes if node.running for name in node.topics()],
            [(name, node.running) for name, node in lab.attached.items()],
        )
        # Meshes from the log, as far as it goes back: asking every node for each of its topics is slow in a large lab.
        past = [event for kind in (*MESH, "network") for event in lab.events.filter(kind=kind)]
        for event in sorted(past, key=lambda event: event.seq):
            self._apply(event)

    def close(self) -> None:
        """Stop following the lab, and take the picture away."""
        publisher.remove(self)
        self._unfollow()
        super().close()

    def _unfollow(self) -> None:
        for follower in self._followers:
            follower.close()
        self._followers = ()

    # -- towards the browser

    def publish(self) -> Outcome:
        """Send what has changed since the last frame. For the publisher, ten times a second at most."""
        lab = self._lab_of()
        closed = lab is None or lab.closed
        with self._lock:
            self._catch_up()
            changed = self._scene.restructured or self._scene.busy
            if changed:
                self._turn += 1
                # A cell that runs keeps the browser's greeting waiting, and its page may have missed a frame before it
                # listened. Until it has been heard, each change of the structure therefore comes with all of it.
                frame, records = self._frame(snapshot=not self._greeted and self._scene.restructured)
                self.send({"frame": frame}, [records])
                self._show_wholes()
        if closed:
            self._unfollow()
            self.note = "the lab is closed"
            return Outcome.ENDED
        return Outcome.SENT if changed else Outcome.NOTHING

    def failed(self, error: Exception) -> None:
        self.note = shown(f"the picture stands still: {type(error).__name__}: {error}")

    def _frame(self, snapshot: bool) -> tuple[dict[str, Any], bytes]:
        self._look_at_message()
        delta = None if snapshot else self._scene.delta()
        frame, records = delta or self._scene.snapshot()
        return {**frame, "sentence": sentence(self._scene, self._wave, self._get("topic"))}, records

    def _get(self, trait: str) -> str:
        value = self._chosen.get(trait) if not self.comm else getattr(self, trait)
        return str(value or "")

    def _look_at_message(self) -> None:
        chosen_message, topic = self._get("message"), self._topic_name()
        ref = None if chosen_message == "none" else chosen_message or newest(self._log, topic)
        self._wave = None if ref is None else of_message(self._log, self._scene, ref)

    def _topic_name(self) -> str | None:
        """The chosen topic's own name; None for all."""
        number = self._scene.topic_number(self._get("topic"))
        return self._scene.topics[number - 1] if number else None

    def _show_wholes(self, all_of_them: bool = False) -> None:
        """What is sent as a whole, the latest wins: the message's way, colours, places, lists to choose from."""
        scene, lab = self._scene, self._lab_of()
        by = self.colour
        given: dict[str, Mapping[str, Any]] = {"region": self._regions}
        if lab is not None and not lab.closed:
            given["region"] = self._regions or said_by_nodes(lab, "region")
            given["role"] = said_by_nodes(lab, "role")
            slow = by == "score" and (all_of_them or self._turn % (SLOW if len(scene.names) < MANY else 10 * SLOW) == 0)
            if slow:
                given["score"] = self._scores = scores(lab)
        if by == "score":
            given.setdefault("score", getattr(self, "_scores", {}))
        self._paint = chosen(by, scene, self._wave, given)
        values = self._paint.values
        with self.hold_sync():
            self.paint = {**self._paint.as_message(), "values": struct.pack(f"<{len(values)}f", *values)}
            self.wave = {} if self._wave is None else self._wave.as_message(scene)
            self.messages = [
                [ref, f"{shown(node, 20)}, {t:.2f} s, {shown(topic, 24)}, …{ref[-6:]}"]
                for ref, topic, t, node in listed(self._log, self._topic_name())
            ]
            self.offered = self._offered(given)
            self.places = self._placed(given["region"])
            self.grounds = self._grounds()

    def _offered(self, given: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Choices that show nothing now, and why."""
        missing: dict[str, str] = {}
        if self._wave is None:
            missing |= dict.fromkeys(("delay", "hops", "layout tree"), "no message yet")
        for by in ("role", "region"):
            if not given.get(by):
                missing[by] = "none known"
        if not given["region"]:
            missing["layout regions"] = "none known"
        if not self._positions:
            missing["layout given"] = "no positions were given"
        return missing

    def _placed(self, groups: Mapping[str, str]) -> dict[str, Any]:
        kind, lab = self.layout_kind, self._lab_of()
        if kind == "force":
            return {}
        ordered = keys(lab, self._scene.names) if kind == "circle" and lab is not None else None
        found = places(kind, self._scene, self._wave, ordered, groups, self._positions)
        numbers = [number for place in found for number in (place or (float("nan"), float("nan")))]
        return {"kind": kind, "values": struct.pack(f"<{len(numbers)}f", *numbers)}

    def _grounds(self) -> list[dict[str, Any]]:
        """The sides of the partitions that hold now."""
        several = len(self._partitions) > 1
        return [
            {
                "label": f"partition {number}, side {at}" if several else f"side {at}",
                "nodes": [i for name in side if (i := self._scene.index(name)) is not None],
            }
            for number, sides in enumerate(self._partitions.values(), 1)
            for at, side in enumerate(sides, 1)
        ]

    def _catch_up(self) -> None:
        events = [event for follower in self._followers for event in follower.drain()]
        for event in sorted(events, key=lambda event: event.seq):
            self._apply(event)
        missed = self._followers[-1].missed if self._followers else 0
        if missed and not self.note:
            self.note = f"{missed:,} changes came too fast and are missing here; make a new lab.graph()"

    def _apply(self, event: Event) -> None:
        data = event.data or {}
        if event.kind == "network.partition":
            self._partitions[event.seq] = [list(map(str, side)) for side in data.get("groups", [])]
            self._scene.touch()
        elif event.kind == "network.heal":
            which = event.cause if event.cause in self._partitions else None
            if which is None:
                self._partitions.clear()
            else:
                del self._partitions[which]
            self._scene.touch()
        else:
            self._scene.apply(event)

    def _heard(self, _widget: object, content: dict[str, Any], _buffers: Sequence[memoryview]) -> None:
        """A page says hello: it is new, or has missed a frame. Or it asks for what is known of an edge."""
        if content.get("hello") is True:
            with self._lock:
                self._greeted = True
                self._catch_up()
                frame, records = self._frame(snapshot=True)
                self.send({"frame": frame}, [records])
                self._show_wholes()
        edge, lab = content.get("edge"), self._lab_of()
        if isinstance(edge, list) and len(edge) == 2 and lab is not None:
            self.details = edge_details(lab, self._name_of(edge[0]), self._name_of(edge[1]), edge)

    def _name_of(self, key: object) -> str:
        with self._lock:
            index = self._scene.node_with_key(str(key))
            return "" if index is None else self._scene.names[index]

    # -- what is chosen

    @traitlets.validate("topic", "selected")
    def _as_key(self, proposal: dict[str, Any]) -> str:
        """The browser knows a name or a topic by its key."""
        return key_of(proposal["value"])

    @traitlets.validate("colour", "layout_kind")
    def _as_offered(self, proposal: dict[str, Any]) -> str:
        name, value = proposal["trait"].name, proposal["value"]
        allowed = COLOURS if name == "colour" else LAYOUTS
        if value not in allowed:
            raise ValidationError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
        return str(value)

    @traitlets.observe("topic", "message", "colour", "layout_kind")
    def _on_choice(self, change: dict[str, Any]) -> None:
        if not hasattr(self, "_scene") or not self.comm:
            return
        if change["name"] == "topic":
            self.topic_label = shown(change["new"])
        with self._lock:
            self._look_at_message()
            self._show_wholes(all_of_them=True)
            self.send({"sentence": sentence(self._scene, self._wave, self.topic)})

    @traitlets.observe("selected")
    def _on_selected(self, change: dict[str, Any]) -> None:
        key = change["new"]
        if not key:
            self.details = {}
            return
        with self._lock:
            index = self._scene.node_with_key(key)
            name = "" if index is None else self._scene.names[index]
            neighbours = [] if index is None else self._scene.neighbours(index)
        lab = self._lab_of()
        if index is None:
            self.details = {"name": key, "error": "no node of this lab has this name"}
        elif lab is None:
            self.details = {"name": key, "error": "the lab is closed"}
        else:
            self.details = {"name": key, **node_details(lab, name, neighbours)}

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
            self._look_at_message()
            scene = self._scene
            nodes, edges = len(scene.shown_nodes()), len(scene.edges())
            kind = self.layout_kind
            placed = None
            if kind != "force":
                lab = self._lab_of()
                ordered = keys(lab, scene.names) if kind == "circle" and lab is not None else None
                placed = places(kind, scene, self._wave, ordered, self._regions, self._positions)
            return draw(
                scene,
                f"{self.world} · {_count(nodes, 'node')} · {_count(edges, 'edge')}",
                scene.topic_number(self.topic),
                paint=self._paint_now(),
                wave=self._wave,
                places=placed,
                about=sentence(scene, self._wave, self.topic),
                grounds=self._grounds(),
            )

    def _paint_now(self) -> Paint:
        lab = self._lab_of()
        given: dict[str, Mapping[str, Any]] = {"region": self._regions, "score": getattr(self, "_scores", {})}
        if lab is not None and not lab.closed:
            given |= {"region": self._regions or said_by_nodes(lab, "region"), "role": said_by_nodes(lab, "role")}
        return chosen(self.colour, self._scene, self._wave, given)

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
