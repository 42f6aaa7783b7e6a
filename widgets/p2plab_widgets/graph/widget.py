"""The live picture of a lab's network, and of what it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import traitlets

from p2plab.errors import UnknownNodeError
from p2plab_widgets.graph.choices import check, layers_of, listed
from p2plab_widgets.graph.details import edge_details, node_details
from p2plab_widgets.graph.layers.beside import LAYERS, USUAL, Beside
from p2plab_widgets.graph.live import Live
from p2plab_widgets.graph.paint import Paint, chosen
from p2plab_widgets.graph.past import as_content, scene_at
from p2plab_widgets.graph.places import Place
from p2plab_widgets.graph.recording import tape
from p2plab_widgets.graph.scene import Scene
from p2plab_widgets.graph.sentence import sentence
from p2plab_widgets.graph.still.svg import HEIGHT, WIDTH, draw
from p2plab_widgets.graph.wave import MessageWaves, Wave, newest, of_message, what_came
from p2plab_widgets.publisher import SourceOutcome
from p2plab_widgets.text import counted, key_of, shown
from p2plab_widgets.view import CSS, Drawing, Source, View, bundle, styles
from p2plab_widgets.view.player import recorded

_BROWSER = Path(__file__).parent / "browser"
MODULE: Final = bundle(_BROWSER / "graph.js")


class PeerGraph(View):
    """A graph of a lab's nodes, connections and messages, mock or real, or of a log; live, and as it was.

    ``topic`` (a str, "" for all) marks its subscribers and mesh; ``selected`` (a node's name or "") shows a node's
    card; ``message`` (a Message or its id; "" for the newest, "none") is the one whose way is drawn; ``colour`` is one
    of auto, identity, delay, hops, degree, score, role, region, state; ``layout_kind`` (argument ``layout``) one of
    force, circle, line, grid, tree, regions, given. All can be set here or in the picture. ``positions`` are places by
    name, for the layout "given"; ``regions`` a group by name, in place of what nodes say of themselves. ``layers``, a
    list out of connections, mesh, tree (the message's way), duplicates, partitions, traffic (as the width of edges),
    streams (that are open), neighbours (in the DHT), boxes (NATs, relays, punches) and attackers, is what is drawn;
    nodes in ``attackers`` are outlined as such, beside those that the log convicts. Besides, what all views take:
    ``linked``, ``height``. UnknownNodeError and ValidationError for what cannot be.
    """

    TITLE = "network"
    SIZE = (WIDTH, HEIGHT)
    PLAYED = (*View.PLAYED, "topic", "layers")
    _esm = MODULE
    _css = styles(*CSS, _BROWSER / "graph.css")

    topic = traitlets.Unicode().tag(sync=True)
    topic_label = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode()
    details = traitlets.Dict().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    colour = traitlets.Unicode("auto").tag(sync=True)
    layout_kind = traitlets.Unicode("force").tag(sync=True)
    layers: Any = traitlets.List(list(USUAL)).tag(sync=True)

    _past: tuple[float | None, int, Scene] | None = None  # the last moment looked at: one look asks for it thrice
    _live: Live | None = None  # none yet: ipywidgets closes also what was refused while it was made

    def __init__(
        self,
        source: Source,
        topic: str = "",
        selected: str = "",
        message: Any = "",
        colour: str = "auto",
        layout: str = "force",
        positions: Mapping[str, Place] | None = None,
        regions: Mapping[str, str] | None = None,
        layers: Sequence[str] = USUAL,
        attackers: Sequence[str] = (),
        **options: Any,
    ) -> None:
        spots = {str(name): (float(x), float(y)) for name, (x, y) in (positions or {}).items()}
        grouped = {str(name): str(group) for name, group in (regions or {}).items()}
        self._beside = Beside(self, source.events, spots, grouped, [str(name) for name in attackers])
        self._messages = MessageWaves(source.events)
        self._sent_way: dict[str, Any] = {}
        self._records = False
        self._greeted = False
        self._whole = True  # the first look has all of the structure
        message = getattr(message, "id", message)
        layout = "given" if spots and layout == "force" else layout
        check(topic=topic, message=message, colour=colour, layout=layout)
        drawn = layers_of(layers)
        self._live = Live(source)
        node = str(selected)
        if node and self._live.scene.index(node) is None:
            self._live.stop_following()
            raise UnknownNodeError(f"no node is called {node!r}; there are {listed(self._live.scene.names)}")
        chosen_here = {"topic": topic, "topic_label": shown(topic), "message": message, "colour": colour}
        super().__init__(source, **chosen_here, layout_kind=layout, layers=drawn, **options)
        self._whole = False
        if node:
            self.selected = node

    def close(self) -> None:
        """Stop following, and take the picture away."""
        if self._live is not None:
            self._live.stop_following()
        super().close()

    # -- what is seen

    def _scene(self, at: float | None) -> Scene:
        """The network at a moment; live, that of the events followed."""
        assert self._live is not None
        if at is None and self._live.follows:
            self._catch_up()
            return self._live.scene
        live, state = self._live.scene, self.state(at)
        if self._past is None or self._past[:2] != (at, state.seq):
            self._past = (at, state.seq, scene_at(state, live.names, live.topics))
        return self._past[2]

    def _wave(self, scene: Scene, at: float | None) -> Wave | None:
        selection = self.selection or {}
        ref = self.message
        if not ref and selection.get("kind") == "message":
            ref = str(selection["id"])
        log, topic = self.source.events, self._topic_name()
        if at is None:
            self._messages.update()
        last = self._messages.newest(topic) if at is None else newest(log, topic, at)
        last = None if self.topic and topic is None else last  # of a topic that no node knows there is no message
        chosen_ref = None if ref == "none" else ref or last
        if chosen_ref is None:
            return None
        return self._messages.wave(scene, chosen_ref) if at is None else of_message(log, scene, chosen_ref, at)

    def _topic_name(self) -> str | None:
        """The chosen topic's own name; None for all."""
        assert self._live is not None
        number = self._live.scene.topic_number(self.topic)
        return self._live.scene.topics[number - 1] if number else None

    def content(self, at: float | None) -> dict[str, Any]:
        """What travels as a whole: the message's way, colours, places, lists to choose from; of a moment that is past
        also the structure, which live comes in frames."""
        with self._lock:
            scene = self._scene(at)
            self._messages.update()
            wave = self._wave(scene, at)
            beside, wanted = self._beside, LAYERS if self._records else self.layers
            groups = beside.groups()
            given = beside.given(scene, at, groups)
            content: dict[str, Any] = {
                "paint": chosen(self.colour, scene, wave, given).as_content(),
                "wave": {} if wave is None else wave.as_content(scene),
                "messages": [
                    [ref, f"{shown(node, 20)}, {t:.2f} s, {shown(topic, 24)}, …{ref[-6:]}"]
                    for ref, topic, t, node in self._messages.listed(self._topic_name())
                ],
                "places": beside.placed(scene, wave, groups),
                "grounds": self._grounds(scene, at),
                **beside.layers(scene, at, wanted),
                "offered": beside.offered(wave, given, scene),
            }
            if at is not None or self._whole or not (self._live and self._live.follows):
                content["network"] = as_content(scene)
                if at is None:
                    scene.snapshot()  # frames go on from here
                    content["network"]["version"] = scene.version
            return content

    def _grounds(self, scene: Scene, at: float | None) -> list[dict[str, Any]]:
        """The sides of the partitions that hold."""
        assert self._live is not None
        cuts = self._live.partitions if at is None and self._live.follows else self.state(at).partitions
        return [
            {
                "label": f"partition {number}, side {side_number}" if len(cuts) > 1 else f"side {side_number}",
                "nodes": [i for name in side if (i := scene.index(name)) is not None],
            }
            for number, sides in enumerate(cuts, 1)
            for side_number, side in enumerate(sides, 1)
        ]

    def facts(self, at: float | None) -> list[str]:
        """Counts of what there is, and of what was said."""
        scene = self._scene(at)
        facts = [counted(len(scene.shown_nodes()), "node"), counted(len(scene.edges()), "edge")]
        if at is not None:
            return facts
        counts = self.source.events.counts
        for kind, word in (("publish", "message"), ("deliver", ""), ("duplicate", "duplicate")):
            number = counts.get(f"pubsub.{kind}", 0)
            if number:
                facts.append(counted(number, word) if word else f"{number:,} delivered")
        return facts

    def sentence(self, at: float | None) -> str:
        """Of a message: who has it and who does not. Else what the network is."""
        with self._lock:
            scene = self._scene(at)
            reaching = self._beside.reaching(at)
            return f"{reaching}." if reaching else sentence(scene, self._wave(scene, at), self.topic, self.message)

    def svg(self, at: float | None = None) -> str:
        """The view as an SVG document, at ``at`` seconds, or as it stands."""
        with self._lock:  # where nobody looks, what is followed is caught up with once for all of it
            return super().svg(at)

    def draw(self, at: float | None) -> Drawing:
        """The picture, by the same rules as in the browser."""
        with self._lock:
            self._catch_up()
            scene = self._scene(at)
            wave = self._wave(scene, at)
            beside, layers = self._beside, self.layers
            groups = beside.groups()
            paint: Paint = chosen(self.colour, scene, wave, beside.given(scene, at, groups))
            placed = beside.places(scene, wave, groups)
            number = scene.topic_number(self.topic)
            drawing = Drawing(*self.SIZE)
            grounds = self._grounds(scene, at) if "partitions" in layers else []
            for part in draw(scene, number, paint, wave, placed, grounds, layers, beside.layers(scene, at, layers)):
                drawing.add(part)
            return drawing

    # -- towards the browser

    def refresh(self, only_if_changed: bool = False) -> bool:
        """Send what is different: live, the frame of what has changed, then what travels as a whole."""
        with self._lock:
            sent = False
            if self._live is not None and self._live.follows:
                self._catch_up()
                scene = self._live.scene
                if self.cursor.live and (scene.restructured or scene.busy):
                    # A cell that runs keeps the browser's greeting waiting, and its page may have missed a frame before
                    # it listened. Until it has been heard, a change of the structure comes with all of it.
                    delta = None if not self._greeted and scene.restructured else scene.delta()
                    frame, records = delta or scene.snapshot()
                    self.send({"frame": frame}, [records])
                    sent = True
            return super().refresh(only_if_changed) or sent

    def fresh(self, name: str, part: Any) -> Any:
        """Of the content only the parts that differ; of a way that has grown only what came."""
        if name != "content":
            return super().fresh(name, part)
        new = {}
        for key, value in part.items():
            if key == "wave" and "content.wave" in self._sent and (came := what_came(self._sent_way, value)):
                if came["more"]:
                    new[key] = came
            elif self._is_new(f"content.{key}", value):
                new[key] = value
        self._sent_way = part.get("wave") or {}
        for gone in [key for key in self._sent if key.startswith("content.") and key[8:] not in part]:
            del self._sent[gone]
        return new or None

    def publish(self) -> SourceOutcome:
        """Send what has changed; of a lab that is closed nothing more will come, and where nobody looks nothing is
        followed."""
        if not self.seen and self._live is not None and self._live.follows and not self._live.rests:
            with self._lock:
                self._live.rest()
        outcome = super().publish()
        if outcome is SourceOutcome.ENDED and self._live is not None:
            with self._lock:
                self._live.stop_following()
        return outcome

    def _moved(self, change: str) -> None:
        if change == "time" and self.cursor.live and self._live is not None and self._live.follows:
            self._send_snapshot()
        super()._moved(change)

    def _send_snapshot(self) -> None:
        with self._lock:
            assert self._live is not None
            self._catch_up()
            frame, records = self._live.scene.snapshot()
            self.send({"frame": frame}, [records])

    def _heard(self, widget: object, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        if content.get("hello") is True:
            self._greeted = True
            if self.cursor.live and self._live is not None and self._live.follows:
                self._send_snapshot()
        super()._heard(widget, content, buffers)

    def appeared(self) -> None:
        """It is shown somewhere anew: send all of it, the structure first."""
        if self.cursor.live and self._live is not None and self._live.follows:
            self._send_snapshot()
        super().appeared()

    def _catch_up(self) -> None:
        assert self._live is not None
        lab = self.lab
        if self._live.rests and lab is not None and not lab.closed:
            self._live.resume(lab)
        missed = self._live.catch_up()
        if missed and not self.note:
            self.note = f"{missed:,} changes came too fast and are missing here; make a new lab.graph()"

    # -- what is chosen

    @traitlets.validate("topic")
    def _as_key(self, proposal: dict[str, Any]) -> str:
        """The browser knows a topic by its key."""
        return key_of(proposal["value"])

    @traitlets.validate("colour", "layout_kind")
    def _as_offered(self, proposal: dict[str, Any]) -> str:
        name = "layout" if proposal["trait"].name == "layout_kind" else "colour"
        check(**{name: proposal["value"]})
        return str(proposal["value"])

    @traitlets.validate("layers")
    def _as_layers(self, proposal: dict[str, Any]) -> list[str]:
        return layers_of(proposal["value"])

    @traitlets.observe("topic", "message", "colour", "layout_kind", "layers")
    def _on_choice(self, change: Mapping[str, Any]) -> None:
        if self._live is None or self._whole:
            return
        if change["name"] == "topic":
            self.topic_label = shown(change["new"])
        if change["name"] == "colour":
            self._beside.ask_anew()
        self.refresh()

    @traitlets.observe("selected")
    def _on_selected(self, change: Mapping[str, Any]) -> None:
        name = change["new"]
        now = self.selection or {}
        if name and (now.get("kind"), now.get("id")) != ("node", name):
            self.selection = {"kind": "node", "id": name}
        elif not name and now.get("kind") == "node":
            self.selection = None

    @traitlets.observe("selection")
    def _on_selection_here(self, change: Mapping[str, Any]) -> None:
        selection = change["new"] or {}
        kind, chosen_id = selection.get("kind"), selection.get("id")
        if kind == "node":
            # The browser knows a node by its key, which is its name but for strange ones.
            name = self._name_of(str(chosen_id))
            self.selected = name or str(chosen_id)
            self.details = self._details_of(name, str(chosen_id))
        else:
            self.selected = ""
            self.details = {}
        if kind == "edge" and isinstance(chosen_id, (list, tuple)) and len(chosen_id) == 2 and self.lab is not None:
            ends = [self._name_of(str(key)) for key in chosen_id]
            if all(ends):
                self.details = {"edge": list(chosen_id), "rows": edge_details(self.lab, *ends)}
        if kind == "message" and not self.message:
            self.refresh()

    def _name_of(self, key: str) -> str:
        with self._lock:
            scene = None if self._live is None else self._live.scene
            index = None if scene is None else scene.node_with_key(key)
            return "" if scene is None or index is None else scene.names[index]

    def _details_of(self, name: str, key: str) -> dict[str, Any]:
        if not name or self._live is None:
            return {"name": key, "error": "no node of this lab has this name"}
        if self.lab is None:
            return {"name": key}
        with self._lock:
            scene = self._live.scene
            index = scene.index(name)
            neighbours = [] if index is None else scene.neighbours(index)
        return {"name": key, **node_details(self.lab, name, neighbours)}

    # -- static faces

    def recording(self) -> dict[str, Any]:
        """What the HTML page plays: every change and every copy, and what travels as a whole at many moments."""
        with self._lock:
            scene = self._scene(None)
            self._records = True
            try:
                looks = recorded(self, without=("network", "traffic"))
            finally:
                self._records = False
            return {**looks, "tape": tape(self.source.events, scene.names, scene.topics)}

    def __repr__(self) -> str:
        with self._lock:
            self._catch_up()
            scene = self._scene(self.cursor.time)
            names = [scene.names[index] for index in scene.shown_nodes()]
            counts = f"{counted(len(names), 'node')}, {counted(len(scene.edges()), 'edge')}"
        return f"<PeerGraph, {self.source.backend}: {counts}: {listed(names)}>"
