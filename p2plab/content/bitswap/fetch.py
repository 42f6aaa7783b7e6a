"""What a fetch gives: how much came, from whom, and every question and answer on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from p2plab.identity.cid import Cid
from p2plab.text import html_table, plural, shown
from p2plab.typing import PeerId

__all__ = ["Fetch", "FetchStep", "Share"]

_LONGEST_TABLE: Final = 60
WHOLE: Final = ("car", "raw", "graphsync")  # questions for many blocks at once, or to a server


@dataclass(frozen=True, slots=True)
class FetchStep:
    """One question of a fetch. ``asked`` is ``want-have``, ``want-block``, ``search`` (for providers, with no peer),
    ``car`` or ``raw`` (of a ``server``, over HTTP), or ``graphsync``; ``time`` (seconds of lab time) is when,
    ``duration`` how long the answer took (None: none came). ``answer``: ``have``, ``don't have``, ``block``,
    ``silence``, ``cancelled``, ``gone``, or a text of what a search found or a server gave. ``size`` is the bytes of
    the block that came of it."""

    time: float
    peer: PeerId | None
    asked: str
    cid: Cid
    answer: str
    duration: float | None = None
    server: str | None = None
    size: int | None = None

    @property
    def whom(self) -> str:
        """Who was asked: a peer, a server, or the routing."""
        return self.server or "the routing" if self.peer is None else repr(self.peer)

    def __str__(self) -> str:
        took = "" if self.duration is None else f" after {self.duration * 1000:.0f} ms"
        return f"{self.time:.3f} s  {self.asked} {self.cid!r} of {self.whom}: {self.answer}{took}"


@dataclass(frozen=True, slots=True)
class Share:
    """What one peer gave of a fetch: blocks, bytes, and blocks that were here already."""

    peer: PeerId
    blocks: int
    bytes: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """A fetch that is over. ``blocks`` came and were new here, ``local`` had been here before, ``duplicates`` came once
    more; ``bytes`` are those of ``blocks``. ``path`` says who was asked what, in order; ``skipped`` how many of its
    steps there was no room for. ``by`` is what each peer gave. Times are seconds of lab time."""

    cid: Cid
    blocks: int
    bytes: int
    duplicates: int
    local: int
    started: float
    ended: float
    path: list[FetchStep]
    by: list[Share]
    event: int | None = None
    skipped: int = 0
    reason: str = field(default="all of it is here")

    @property
    def duration(self) -> float:
        """Seconds it took."""
        return self.ended - self.started

    def why(self) -> str:
        """How it went, in a few lines: from whom, who had not got it, what was asked twice."""
        if not self.path:
            return f"{self.reason}: all {plural(self.local, 'block')} had been here before; nobody was asked"
        asked = [step for step in self.path if step.asked == "want-block"]
        lines = [
            f"{self.reason}: {plural(self.blocks, 'block')} of {plural(self.bytes, 'byte')} came in "
            f"{self.duration:.3f} s; {self.local} had been here before, {self.duplicates} came more than once"
        ]
        for share in self.by:
            extra = f", {share.duplicates} of them for the second time" if share.duplicates else ""
            came = plural(share.blocks + share.duplicates, "block")
            lines.append(f"{share.peer!r} gave {came} ({plural(share.bytes, 'byte')}){extra}")
        lacking: dict[str, int] = {}
        for step in self.path:
            if step.answer in ("don't have", "silence", "gone") and step.peer is not None:
                text = f"{step.peer!r}: {step.answer}"
                lacking[text] = lacking.get(text, 0) + 1
        lines += [f"{text} ({plural(count, 'time')})" for text, count in lacking.items()]
        lines += [f"providers of {step.cid} were sought: {step.answer}" for step in self.path if step.asked == "search"]
        lines += [f"{step.whom} was asked for {step.cid}: {step.answer}" for step in self.path if step.asked in WHOLE]
        again = len(asked) - len({step.cid for step in asked})
        if again > 0:
            lines.append(f"{plural(again, 'block')} asked of another peer too: the first had gone, was silent or slow")
        return "\n".join(lines)

    def __str__(self) -> str:
        what = f"{plural(self.blocks, 'block')}, {plural(self.bytes, 'byte')} in {self.duration:.3f} s"
        servers = dict.fromkeys(step.server for step in self.path if step.server)
        peers = plural(len([share for share in self.by if share.blocks]), "peer")
        whom = peers if not servers else ", ".join(map(str, servers))
        return f"{self.cid!r}: {what} from {whom}; {plural(self.duplicates, 'duplicate')}"

    def __repr__(self) -> str:
        return f"<Fetch {self}>"

    def _repr_html_(self) -> str:
        rows = (
            (
                f"{step.time:.3f}",
                shown(step.whom, 200),
                step.asked,
                repr(step.cid),
                shown(step.answer, 200),
                None if step.duration is None else f"{step.duration * 1000:.0f} ms",
            )
            for step in self.path[:_LONGEST_TABLE]
        )
        return html_table(("t (s)", "peer", "asked", "block", "answer", "took"), rows, str(self))
