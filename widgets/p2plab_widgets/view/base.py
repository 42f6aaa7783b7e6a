"""The base of every view: one source, one cursor, one way to the browser, and the faces for where there is none.

A view says what is to be seen at a moment, and keeps nothing of its own about the network:

    content(at)     a dict of plain JSON for the browser; every text in it that a peer could choose through ``shown``
    facts(at)       short counts for the header;  sentence(at): one sentence that says what is to be seen
    draw(at)        the same as a ``Drawing``, for SVG and PNG

``at`` is in seconds of lab time, None for live. The base sends what has changed, ten times a second at most, keeps
``time`` and ``selection`` at the cursor's, and answers the bar. The browser's half is ``mount`` of mount.js.
"""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Protocol

import anywidget
import traitlets

from p2plab.errors import LabError, ValidationError
from p2plab.errors.frames import faced
from p2plab.errors.likely import did_you_mean
from p2plab.events import EventLog, NetworkState
from p2plab.events.cursor import Cursor, checked_moment, checked_selection
from p2plab.views import LogView
from p2plab_widgets.publisher import SourceOutcome, publisher
from p2plab_widgets.text import counted, shown, svg_face
from p2plab_widgets.view.audience import for_its_audience
from p2plab_widgets.view.bar import bar_of, told, use_bar
from p2plab_widgets.view.drawing import Drawing
from p2plab_widgets.view.pace import Reached
from p2plab_widgets.view.seen import Seen

HERE = Path(__file__).parent
MOST_HERE = 12  # events told of what happened here


class Source(Protocol):
    """A lab or a ``LogView``: what can be looked at."""

    @property
    def backend(self) -> str: ...

    @property
    def closed(self) -> bool: ...

    @property
    def events(self) -> EventLog: ...

    @property
    def cursor(self) -> Cursor: ...


class View(anywidget.AnyWidget):
    """A view of a lab or a log. ``linked=False`` gives it a cursor of its own; ``height`` is in pixels, ``large`` makes
    its type fit for a projector. ValidationError for a height that cannot be, and for an option that it has not."""

    TITLE: ClassVar[str] = "view"
    SIZE: ClassVar[tuple[int, int]] = (760, 420)  # of its SVG
    PLAYED: ClassVar[tuple[str, ...]] = ("time", "selection", "large")  # what can be chosen in a page without a kernel

    RECORDING_TIME = 10.0  # seconds that recording it for such a page may take, about

    time = traitlets.Float(None, allow_none=True).tag(sync=True)
    selection: Any = traitlets.Dict(None, allow_none=True).tag(sync=True)
    height = traitlets.Int(420).tag(sync=True)
    large = traitlets.Bool(False).tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    opening = traitlets.Dict().tag(sync=True)  # the first look: a view drawn while a cell runs has it at once

    _leave: Callable[[], None] | None = None
    _over = True  # nobody asks it ten times a second: it sends when the cursor moves

    def __init__(self, source: Source, *, linked: bool = True, height: int = 420, **traits: Any) -> None:
        if isinstance(height, bool) or not isinstance(height, int) or not 120 <= height <= 4000:
            raise ValidationError(f"a picture cannot be {height!r} pixels high; take 120 to 4000")
        unknown = next((name for name in traits if not self.has_trait(name)), None)
        if unknown is not None:
            meant = did_you_mean(unknown, ["linked", *self.trait_names()])
            raise ValidationError(f"{type(self).__name__} has no option {unknown!r}; {meant}".rstrip("; "))
        self._log = source.events
        # A lab that nobody else holds can be collected though it is shown: a widget lives as long as its kernel.
        is_lab = source.backend != "log"
        self._source_of: Callable[[], Source | None] = weakref.ref(source) if is_lab else lambda: source
        self._left: Source | None = None
        self.seen = Seen()
        self.cursor = source.cursor if linked else Cursor(source.events)
        self._lock = threading.RLock()
        self._seen: tuple[Any, ...] = ()
        self._sent: dict[str, str] = {}
        self._reached = Reached()
        self._wants_here = False
        super().__init__(height=height, time=self.cursor.time, selection=self.cursor.selection, **traits)
        self.opening = self._look()
        self.on_msg(self._heard)
        me = weakref.ref(self)

        def moved(change: str) -> None:
            view = me()
            if view is not None:
                view._moved(change)

        self._leave = self.cursor.observe(moved)
        if self.is_live_source:
            self._over = False
            publisher.add(self)

    @property
    def source(self) -> Source:
        """What is looked at: a lab; once that is gone, its log."""
        source = self._source_of()
        if source is not None:
            return source
        if self._left is None:
            self._left = LogView(self._log)
        return self._left

    @property
    def lab(self) -> Any:
        """The lab, or None where it is a log's view."""
        return self.source if self.is_live_source else None

    @property
    def is_live_source(self) -> bool:
        """Whether there is a lab under it, and not a log alone."""
        return self.source.backend != "log"

    def close(self) -> None:
        """Stop following, and take the view away."""
        publisher.remove(self)
        if self._leave is not None:
            self._leave()
        super().close()

    # -- for a view to say

    def content(self, at: float | None) -> dict[str, Any]:
        """What the browser is to draw, as plain JSON."""
        return {}

    def facts(self, at: float | None) -> list[str]:
        """Short counts for the header."""
        state = self.state(at)
        facts = [counted(len(state.nodes), "node"), counted(len(state.edges), "edge")]
        return [*facts, f"{len(state.down)} down"] if state.down else facts

    def sentence(self, at: float | None) -> str:
        """One sentence that says what is to be seen."""
        return ", ".join(self.facts(at)) + "."

    def draw(self, at: float | None) -> Drawing:
        """The picture for SVG."""
        return Drawing(*self.SIZE)

    def heard(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """The browser's half of this view said something of its own."""

    def state(self, at: float | None) -> NetworkState:
        """What the network was. EventLogError where the log does not say."""
        return self.source.events.state(at=at)

    # -- moving

    @faced
    def at(self, moment: float) -> None:
        """Show a moment, in seconds of lab time; all linked views go there."""
        self.cursor.at(moment)

    @faced
    def live(self) -> None:
        """Follow the end again."""
        self.cursor.to_live()

    def _moved(self, change: str) -> None:
        if change == "time":
            self.time = self.cursor.time
        elif change == "selection":
            self.selection = self.cursor.selection
        if self._over:
            self.refresh()

    @traitlets.validate("time")
    def _check_time(self, proposal: Mapping[str, Any]) -> float | None:
        return None if proposal["value"] is None else checked_moment(proposal["value"])

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Mapping[str, Any]) -> dict[str, Any] | None:
        return None if proposal["value"] is None else checked_selection(proposal["value"])

    @traitlets.observe("time")
    def _on_time(self, change: Mapping[str, Any]) -> None:
        if change["new"] != self.cursor.time:
            self.cursor.time = change["new"]

    @traitlets.observe("selection")
    def _on_selection(self, change: Mapping[str, Any]) -> None:
        if change["new"] != self.cursor.selection:
            self.cursor.selection = change["new"]

    # -- towards the browser

    def publish(self) -> SourceOutcome:
        """Send what has changed. For the publisher, ten times a second at most."""
        closed = self.source.closed
        closed = closed or not self.is_live_source
        if not self.seen and not closed:
            return SourceOutcome.NOTHING
        sent = self.refresh(only_if_changed=not closed)
        if closed:
            self._over = True
            if not self.note:
                self.note = "the lab is closed; its log can still be looked at"
            return SourceOutcome.ENDED
        return SourceOutcome.SENT if sent else SourceOutcome.NOTHING

    def failed(self, error: Exception) -> None:
        """The publisher gave this view up."""
        self._over = True
        self.note = shown(f"the picture stands still: {type(error).__name__}: {error}")

    def refresh(self, only_if_changed: bool = False) -> bool:
        """Look again and send what is different; whether anything was."""
        with self._lock:
            seen = self._signs()
            if only_if_changed and seen == self._seen:
                return False
            self._seen = seen
            look = {name: new for name, part in self._look().items() if (new := self.fresh(name, part)) is not None}
            if look:
                self.send({"look": look})
            return bool(look)

    def fresh(self, name: str, part: Any) -> Any:
        """What is to be sent of a part of the look: all of it where it differs from what was sent, else None."""
        return part if self._is_new(name, part) else None

    def _is_new(self, name: str, part: Any) -> bool:
        text = json.dumps(part, sort_keys=True, default=str)
        if self._sent.get(name) == text:
            return False
        self._sent[name] = text
        return True

    def _signs(self) -> tuple[Any, ...]:
        """What has to differ for there to be anything new."""
        rows, dropped = self.source.events.rows()
        cursor, now = self.cursor, 0.0
        if self.source.backend == "mock" and cursor.live:
            now = self.source.events.now
        pace = getattr(self.source, "pace", None)
        self._reached.see(pace, self.source.events.now)
        return (len(rows) + dropped if cursor.live else 0, cursor.time, cursor.playing, cursor.speed, now, pace)

    def _look(self) -> dict[str, Any]:
        at = self.cursor.time
        look: dict[str, Any] = {"bar": self.bar()}
        try:
            look["head"] = self.head(at)
            look["content"] = self.content(at)
            look["error"] = ""
        except LabError as error:
            look["error"] = shown(str(error), 300)
        if self._wants_here:
            look["here"] = [told(event) for event in self.cursor.here(MOST_HERE)]
        return look

    def head(self, at: float | None) -> dict[str, Any]:
        """What the header and the sentence say."""
        return {
            "title": self.TITLE,
            "world": self.source.backend,
            "facts": self.facts(at),
            "sentence": shown(self.sentence(at), 300),
        }

    def bar(self) -> dict[str, Any]:
        """What the bar below it shows."""
        return bar_of(self.source, self.cursor, self._reached)

    def _heard(self, _widget: object, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """A page says hello (it is new, or was reloaded), or somebody used the bar."""
        if content.get("hello") is True:
            with self._lock:
                self._sent.clear()
            self.refresh()
        elif self._is_seen_anew(content):
            self.appeared()
        elif "places" in content:
            pass
        elif "do" in content:
            try:
                if content["do"] == "here":
                    self._wants_here = bool(content.get("value"))
                else:
                    use_bar(self.source, self.cursor, str(content["do"]), content.get("value"))
                self.refresh()
            except LabError as error:
                self.note = shown(str(error), 300)
        else:
            self.heard(content, buffers)

    def _is_seen_anew(self, content: Mapping[str, Any]) -> bool:
        before = self.seen.pages
        return self.seen.hear(content) and self.seen.pages > before

    def appeared(self) -> None:
        """It is shown somewhere anew: send all of it."""
        with self._lock:
            self._sent.clear()
        self.send_state()
        self.refresh()

    def send(self, content: Any, buffers: Any = None) -> None:
        """Say something to the browser's half; nothing where nobody looks."""
        if self.seen:
            super().send(content, buffers)

    def send_state(self, key: Any = None) -> None:
        """The traits as they are now; nothing where nobody looks: whoever does is sent all of them then."""
        if self.seen:
            super().send_state(key)

    # -- faces without a browser

    def svg(self, at: float | None = None) -> str:
        """The view as an SVG document, at ``at`` seconds, or as it stands."""
        moment = self.cursor.time if at is None else at
        head = self.head(moment)
        now = self.cursor.end if moment is None else moment
        time = f"{now:.2f} s" + ("" if moment is None else f" of {self.cursor.end:.2f} s")
        return self.draw(moment).document(head["world"], head["title"], head["facts"], head["sentence"], time)

    @faced
    def save(self, path: str | PathLike[str], at: float | None = None, scale: float = 1.0) -> Path:
        """Write the view to a file and return its path: ``.svg`` and ``.png`` as it is at ``at`` seconds (``scale``
        pixels of a PNG for each of its own), ``.html`` as a page that plays the run and needs nothing else.
        ValidationError, ConfigurationError; MissingExtraError for a PNG without the extra ``png``."""
        from p2plab_widgets.view.files import save

        return save(self, path, at, scale)

    def recording(self) -> dict[str, Any]:
        """What the HTML page plays: looks at many moments, each as what is different from the one before."""
        from p2plab_widgets.view.player import recorded

        return recorded(self)

    def parts_of_page(self) -> Mapping[str, View]:
        """Views within this one, by name, that its page plays too."""
        return {}

    def __repr__(self) -> str:
        at = self.cursor.time
        try:
            said = f"{', '.join(self.facts(at))}: {shown(self.sentence(at), 300)}"
        except LabError as error:
            said = shown(str(error))
        return f"<{type(self).__name__}, {self.source.backend}: {said}>"

    def expect(self) -> None:
        """This is about to be shown, alone or within something else: what happens from now on is to be sent."""
        if not self.seen:
            self.seen.expect()
            self.send_state()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self.expect()
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        faces = {"text/plain": repr(self)}
        try:
            faces["image/svg+xml"] = svg_face(self.svg())
        except LabError:
            pass  # the text says what is missing
        return for_its_audience({**data, **faces}), metadata
