"""A view as one HTML page that plays the recorded run: the same modules as the live view, over what was recorded.

The fold runs here; what travels are looks at moments, each as the parts that differ from the look before, packed.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from p2plab.progress import watched
from p2plab_widgets.text import shown
from p2plab_widgets.view.modules import CSS, bundle, styles

if TYPE_CHECKING:
    from p2plab_widgets.view.base import View

__all__ = ["page", "recorded"]

MOMENTS: Final = 400  # looks that are kept
FEWEST: Final = 40
TRIED: Final = 4
EVENTS: Final = 120_000  # that can be listed and stepped through one by one
_HERE = Path(__file__).parent
_BASE: Final = styles(*CSS)


def moments(view: View, most: int = MOMENTS) -> list[float]:
    """Times at which something happened, spread over the log by events, the marked ones first."""
    rows, _ = view.source.events.rows()
    end = len(rows)
    if not end:
        return [0.0]
    resolution, ticks = view.source.events.resolution, rows.field("t")
    marked = [mark.t for mark in view.cursor.marks()][: most // 2]
    step = max(1, end // max(1, most - len(marked)))
    spread = [ticks[place] / resolution for place in range(0, end, step)]
    return sorted({*marked, *spread, ticks[end - 1] / resolution})


def events(view: View) -> dict[str, Any]:
    """What happened, in columns: the texts once, everything else as numbers. Of very many events, only their times, or
    some of those."""
    log = view.source.events
    growing, _ = log.rows()
    if len(growing) > EVENTS:
        ticks = list(dict.fromkeys(tick for (tick,) in growing.scan("t")))
        return {"resolution": log.resolution, "t": _steps(ticks[:: -(-len(ticks) // EVENTS)]), "texts": None}
    rows = growing[:]
    texts: dict[str, int] = {"": 0}

    def number(text: str | None) -> int:
        return texts.setdefault(shown(text or ""), len(texts))

    def name(index: int) -> int:
        return number(log.name_of(index)) if index >= 0 else 0

    return {
        "resolution": log.resolution,
        "t": _steps([row[0] for row in rows]),
        "seq": _steps([row[1] for row in rows]),
        "kind": [number(row[2]) for row in rows],
        "node": [name(row[3]) or number("lab") for row in rows],
        "peer": [name(row[4]) for row in rows],
        "topic": [number(row[5]) for row in rows],
        "reason": [number(row[8]) for row in rows],
        "texts": list(texts),
    }


def _steps(numbers: Sequence[int]) -> list[int]:
    """Each number after the one before: small ones, which pack well."""
    return [number - before for before, number in zip((0, *numbers), numbers, strict=False)]


def recorded(view: View, without: Collection[str] = ()) -> dict[str, Any]:
    """Looks of the view at many moments, each as the parts that differ from the look before; fewer of them where a look
    takes long. The parts ``without`` are the view's own to record."""
    frames: list[tuple[float, dict[str, Any]]] = []
    before: dict[str, str] = {}
    chosen = moments(view, _affordable(view))
    with watched("recording the run", len(chosen), lambda: len(frames)):
        for moment in chosen:
            frames.append((moment, _fresh(view, moment, without, before)))
    return {"frames": frames}


def _affordable(view: View) -> int:
    """How many looks can be had in the time that the view may take, as a few of them show."""
    began = time.monotonic()
    tried = moments(view, TRIED)
    for moment in tried:
        view.head(moment)
        view.content(moment)
    each = (time.monotonic() - began) / len(tried)
    return max(FEWEST, min(MOMENTS, int(view.RECORDING_TIME / max(each, 1e-6))))


def _fresh(view: View, moment: float, without: Collection[str], before: dict[str, str]) -> dict[str, Any]:
    """The parts of the look at a moment that differ from those before."""
    look: dict[str, Any] = {"head": view.head(moment)}
    look.update({f"content.{name}": part for name, part in view.content(moment).items() if name not in without})
    fresh = {}
    for name, part in look.items():
        text = json.dumps(part, sort_keys=True)
        if before.get(name) != text:
            before[name], fresh[name] = text, part
    for name in [name for name in before if name not in look]:
        del before[name]
        fresh[name] = None
    return fresh


def _timed(part: View, count: int) -> dict[str, Any]:
    """A part's recording, in its share of the time that a whole page may take."""
    whole = part.RECORDING_TIME
    part.RECORDING_TIME = whole / max(count, 1)
    try:
        return part.recording()
    finally:
        part.RECORDING_TIME = whole


def _traits(view: View) -> dict[str, Any]:
    """What the page's half of a view reads, beside the recording."""
    kept = {
        name: getattr(view, name)
        for name in view.traits(sync=True)
        if not name.startswith("_") and name not in ("opening", "layout", "tabbable", "tooltip", "comm")
    }
    return kept | {"note": ""}


def _module(view: View) -> str:
    return base64.b64encode(str(view._esm).encode()).decode()


def page(view: View, at: float | None = None) -> str:
    """The page. It loads nothing, and what was recorded lies in it as packed bytes, which no parser of HTML reads. The
    parts of a view that has some are recorded each by itself, and share its cursor."""
    parts = view.parts_of_page()
    recording = {
        "bar": {**view.bar(), "source": "log", "playing": False, "speed": 1.0, "why": "", "reached": None},
        "world": view.source.backend,
        "events": events(view),
        "free": list(view.PLAYED),
        **view.recording(),
        "parts": {
            name: {"free": list(part.PLAYED), **_timed(part, len(parts)), "traits": {**_traits(part), "time": at}}
            for name, part in parts.items()
        },
    }
    recording["traits"] = {**_traits(view), **recording.get("traits", {}), "time": at}
    sheets = [str(view._css)]
    for part in parts.values():
        sheet = str(part._css)
        sheets.append(sheet.removeprefix(_BASE))  # all begin with what all views share
    packed = base64.b64encode(gzip.compress(json.dumps(recording, allow_nan=False).encode(), 6, mtime=0)).decode()
    title = escape(shown(f"{view.TITLE} of a {view.source.backend} lab"))
    modules = {"": _module(view), **{f"-{name}": _module(part) for name, part in parts.items()}}
    script = f"\n{bundle(_HERE / 'player.js')}\n"
    # Only this script runs, and the module that it imports: no handler in an attribute, and nothing from elsewhere.
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{allowed}' data:; style-src 'unsafe-inline'; img-src data: blob:"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>{title}</title>",
            *(f"<style>{sheet}</style>" for sheet in sheets),
            "</head>",
            '<body class="p2plab-page"><main id="view"></main>',
            f'<script type="text/plain" id="run">{packed}</script>',
            *(f'<script type="text/plain" id="module{end}">{module}</script>' for end, module in modules.items()),
            f'<script type="module">{script}</script>',
            "<noscript>This page plays a recorded run, and needs JavaScript to do so.</noscript>",
            "</body></html>",
        ]
    )
