"""The chart of a transfer: which peer gave which block, from being asked until it was here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from p2plab.charts.chart import Chart
from p2plab.charts.description import Axis, Description, Panel, Series, thinned
from p2plab.charts.painters.text import number, plain
from p2plab.charts.source import LogSource, source_of
from p2plab.content.bitswap.fetch import Fetch
from p2plab.errors import ValidationError
from p2plab.errors.frames import faced
from p2plab.events import Event, EventLog
from p2plab.identity.cid import as_cid
from p2plab.text import plural

__all__ = ["GIVERS", "OTHERS", "BlockRequest", "asks_of", "end_of", "givers_of", "transfers"]

GIVERS: Final = 6  # that have a colour of their own
SPANS: Final = 200  # blocks that are drawn each
OTHERS: Final = "others"
WAITING, VAIN = "waited for", "asked in vain"
NEUTRAL: Final = 7  # number of a colour that no peer has
KINDS: Final = ("bitswap.want", "bitswap.block", "bitswap.dont_have", "bitswap.duplicate", "bitswap.cut_off",
                "connection.closed")  # fmt: skip
COLUMNS: Final = ("block", "peer", "asked", "came", "seconds", "answer", "bytes")


@dataclass(slots=True)
class BlockRequest:
    """A block that a peer was asked for. ``asked`` and ``ended`` are seconds of lab time; ``answer`` is ``block``,
    ``don't have``, ``silence``, ``gone``, ``cancelled``, or "" where it is waited for. ``event`` is the seq of what
    ended it."""

    cid: str
    peer: str
    asked: float
    ended: float | None = None
    answer: str = ""
    size: int | None = None
    event: int | None = None

    @property
    def came(self) -> float | None:
        """When the block came of it."""
        return self.ended if self.answer == "block" else None

    def end(self, event: Event, answer: str) -> None:
        """Something came of it."""
        self.ended, self.answer, self.event = event.t, answer, event.seq


def end_of(log: EventLog, begun: Event, until: float | None = None) -> Event | None:
    """The end of the session of Bitswap that an event opened; None where it goes on."""
    for event in log.filter("bitswap.session", node=begun.node, since=begun.t, until=until):
        if event.seq > begun.seq and (event.data or {}).get("session") == (begun.data or {}).get("session"):
            return event
    return None


def asks_of(log: EventLog, begun: Event, until: float | None = None) -> list[BlockRequest]:
    """Every block that was asked for in a session of Bitswap, of whom, and what came of it by then."""
    node, session, over = begun.node, (begun.data or {}).get("session"), end_of(log, begun, until)
    last = None if over is None else over.seq
    found = (event for kind in KINDS for event in log.filter(kind, node=node, since=begun.t, until=until))
    events = sorted((event for event in found if begun.seq < event.seq <= (last or event.seq)), key=_order)
    asks: list[BlockRequest] = []
    waiting: dict[tuple[str, str], BlockRequest] = {}
    sought: dict[tuple[str, str], float] = {}
    for event in events:
        peer, cid = str(event.peer), str(event.ref)
        if event.kind in ("connection.closed", "bitswap.cut_off"):
            for key in [key for key in waiting if key[0] == peer]:
                waiting.pop(key).end(event, "gone")
            continue
        if (event.data or {}).get("session") != session:
            continue
        if event.kind == "bitswap.want":
            sought.setdefault((peer, cid), event.t)
            if event.reason == "want-block":
                waiting[peer, cid] = BlockRequest(cid, peer, event.t)
                asks.append(waiting[peer, cid])
        elif event.kind == "bitswap.dont_have":
            ask = waiting.pop((peer, cid), None)
            if ask is not None:
                ask.end(event, "silence" if event.reason == "silence" else "don't have")
        elif event.kind == "bitswap.block":
            ask = waiting.pop((peer, cid), None)
            if ask is None:  # sent at once by who was asked whether it has it
                ask = BlockRequest(cid, peer, sought.get((peer, cid), event.t))
                asks.append(ask)
            ask.end(event, "block")
            ask.size = event.size
            for key in [key for key in waiting if key[1] == cid]:
                waiting.pop(key).end(event, "cancelled")
    if over is not None:
        for ask in waiting.values():
            ask.end(over, "cancelled")
    return asks


def givers_of(asks: Iterable[BlockRequest]) -> list[str]:
    """Who gave blocks, in the order of the first that each gave; those who gave the most, where there are many, and
    ``others`` for the rest."""
    counts: dict[str, int] = {}
    for ask in sorted((ask for ask in asks if ask.came is not None), key=lambda ask: ask.came or 0.0):
        counts[ask.peer] = counts.get(ask.peer, 0) + 1
    if len(counts) <= GIVERS:
        return list(counts)
    most = sorted(counts, key=lambda peer: -counts[peer])[:GIVERS]
    return [*(peer for peer in counts if peer in most), OTHERS]


@faced
def transfers(
    source: Any, *, topic: Any = None, node: object = None, since: float | None = None, until: float | None = None
) -> Chart:
    """Draw a fetch by Bitswap: each block from the moment at which a peer is asked for it to the one at which it is
    here, and how much each peer had given by when.

    ``source``: a lab, an event log, what ``p2plab.open`` gave, or a ``Fetch``. Of a lab or a log it is the last fetch
    that began from ``since`` to ``until`` (s): of the CID ``topic``, by ``node``, where these are given. Rows: block,
    peer, asked, came (s of lab time), seconds, answer, bytes. Raises ValidationError.

    Example:
        >>> cid = alice.content.add(b"hello")
        >>> chart = p2plab.charts.transfers(bob.content.fetch(cid))
        >>> chart.rows[0][1:4]
        ['alice', 0.12, 0.16]
    """
    if isinstance(source, Fetch):
        return _chart(_asks_of_fetch(source), _short(source.cid), source.started, source.ended, ())
    given = source_of("transfers", source, None, since, until)
    begun = _last(given, None if topic is None else str(as_cid(topic)), None if node is None else str(node))
    if begun is None:
        missing = "" if given.records("decisions") else f"fetches are not recorded at level {given.log.level}"
        return _chart([], "", *given.span(), given.notes(missing))
    over = end_of(given.log, begun, until)
    asks = asks_of(given.log, begun, until)
    low, high = begun.t, given.span()[1] if over is None else over.t
    missing = "" if given.records("messages") else f"who gave what is not recorded at level {given.log.level}"
    what = f"{plain(begun.node, 24)}, {_short(begun.ref)}"
    return _chart(asks, what, low, high, given.notes(missing), lambda: transfers(
        source, topic=topic, node=node, since=since, until=until
    ))  # fmt: skip


def _short(cid: object) -> str:
    text = str(cid)
    return f"{text[:8]}…{text[-6:]}" if len(text) > 16 else text


def _order(event: Event) -> int:
    return event.seq


def _last(given: LogSource, cid: str | None, node: str | None) -> Event | None:
    begun = [event for event in given.events("bitswap.session") if event.reason == "opened"]
    found = [event for event in begun if cid in (None, event.ref) and node in (None, event.node)]
    if not found and begun and (cid or node):
        raise ValidationError(f"no fetch{f' of {cid}' if cid else ''}{f' by {node!r}' if node else ''} is in the log")
    return found[-1] if found else None


def _asks_of_fetch(fetch: Fetch) -> list[BlockRequest]:
    """The same of a fetch that is over, by its path. It has no events."""
    asks = []
    for step in fetch.path:
        if step.peer is not None and (step.asked == "want-block" or step.answer == "block"):
            ended = fetch.ended if step.duration is None else step.time + step.duration
            asks.append(
                BlockRequest(str(step.cid), step.peer.name or repr(step.peer), step.time, ended, step.answer, step.size)
            )
    return asks


def _chart(
    asks: Sequence[BlockRequest], what: str, low: float, high: float, notes: tuple[str, ...], again: Any = None
) -> Chart:  # fmt: skip
    names = givers_of(asks)
    sentence = _sentence(asks, names, what, high - low)
    rows = [
        [
            ask.cid, ask.peer, ask.asked, ask.came, None if ask.ended is None else ask.ended - ask.asked,
            ask.answer or None, ask.size,
        ]
        for ask in asks
    ]  # fmt: skip
    about = f"every {number(len(asks) / SPANS)}th question is drawn, and all are counted" if len(asks) > SPANS else ""
    panels = (_spans(asks, names, low, high, sentence), _growth(asks, names, low, high, sentence))
    return Chart(Description("Transfer", sentence, panels, (*notes, *([about] if about else []))), COLUMNS, rows, again)


def _shares(asks: Sequence[BlockRequest], names: Sequence[str]) -> dict[str, list[BlockRequest]]:
    """By giver: what it gave, in the order in which it came."""
    shares: dict[str, list[BlockRequest]] = {name: [] for name in names}
    for ask in sorted((ask for ask in asks if ask.came is not None), key=lambda ask: ask.came or 0.0):
        shares[ask.peer if ask.peer in shares else OTHERS].append(ask)
    return shares


def _sentence(asks: Sequence[BlockRequest], names: Sequence[str], what: str, seconds: float) -> str:
    if not asks:
        return f"no block was asked for{f' ({what})' if what else ''}"
    shares = _shares(asks, names)
    came = sum(map(len, shares.values()))
    gave = ", ".join(f"{plain(name, 24)} {len(share)}" for name, share in shares.items())
    vain: dict[str, int] = {}
    for ask in asks:
        if ask.ended is not None and ask.came is None:
            vain[ask.peer] = vain.get(ask.peer, 0) + 1
    waiting = sum(ask.ended is None for ask in asks)
    said = f"{what}: {plural(came, 'block')} in {number(seconds)} s{f', by peer: {gave}' if gave else ''}"
    if vain:
        most = sorted(vain, key=lambda peer: -vain[peer])[:GIVERS]
        of = ", ".join(f"{plain(peer, 24)} {vain[peer]}" for peer in most)
        said += f"; {plural(sum(vain.values()), 'question')} in vain: {of}"
    return said + (f"; {plural(waiting, 'block is', 'blocks are')} waited for" if waiting else "")


def _part(ask: BlockRequest, names: Sequence[str]) -> str:
    if ask.came is None:
        return WAITING if ask.ended is None else VAIN
    return ask.peer if ask.peer in names else OTHERS


def _spans(asks: Sequence[BlockRequest], names: Sequence[str], low: float, high: float, empty: str) -> Panel:
    """A line for each question, from when it was asked until its answer."""
    drawn = [(at, asks[int(at)]) for (at,) in thinned([(float(at),) for at in range(len(asks))], SPANS)]
    series = []
    for name in (*names, WAITING, VAIN):
        mine = [
            (at, ask) for at, ask in drawn
            if _part(ask, names) == name
        ]  # fmt: skip
        if mine or name in names:
            ends = tuple(high if ask.ended is None else ask.ended for _, ask in mine)
            labels = tuple(f"{plain(ask.peer, 24)}, {ask.cid[-8:]}: {ask.answer or 'waited for'}" for _, ask in mine)
            series.append(
                Series(
                    plain(name, 30), "spans", ends, tuple(at + 1 for at, _ in mine),
                    tuple(ask.asked for _, ask in mine), ends, labels, None if name in names else NEUTRAL,
                )
            )  # fmt: skip
    block = Axis("question", "in order", low=0.0, high=len(asks) + 1.0)
    return Panel(Axis("lab time", "s", low=low, high=high), block, tuple(series), title="From asking to being here",
                 empty=empty)  # fmt: skip


def _growth(asks: Sequence[BlockRequest], names: Sequence[str], low: float, high: float, empty: str) -> Panel:
    """How much each peer had given by when: bytes where they are known, else blocks."""
    shares = _shares(asks, names)
    sized = all(ask.size is not None for share in shares.values() for ask in share)
    most = max((sum(ask.size or 0 for ask in share) for share in shares.values()), default=0)
    factor, unit = next(((f, u) for f, u in ((1e6, "MB"), (1e3, "kB")) if most >= 2 * f), (1.0, "bytes"))
    if not sized:
        factor, unit = 1.0, "blocks"
    series = []
    for name, share in shares.items():
        total, points = 0.0, [(low, 0.0)]
        for ask in share:
            total += (ask.size or 0) / factor if sized else 1
            points.append((ask.came or 0.0, total))
        points = [(x, y) for x, y in thinned([*points, (high, total)])]
        series.append(Series(plain(name, 30), "step", tuple(x for x, _ in points), tuple(y for _, y in points)))
    return Panel(Axis("lab time", "s", low=low, high=high), Axis("given", unit, low=0.0), tuple(series),
                 title="Given by each peer", empty=empty)  # fmt: skip
