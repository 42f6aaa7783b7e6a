"""Content at work: the blocks that a CID leads to, who gave which of them when, wantlists, ledgers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Final

from p2plab.charts import Chart, transfers
from p2plab.charts.transfers import OTHERS, BlockRequest, asks_of, end_of, givers_of
from p2plab.content.dag import Dag, DagBlock
from p2plab.errors import LabError
from p2plab.events import Event
from p2plab.identity.cid import as_cid
from p2plab.text import plural
from p2plab_widgets.board import Board, Choice
from p2plab_widgets.board.cards import Card, Cell, Look, cell, dag, facts, matrix, note, picture, table
from p2plab_widgets.protocols.exchange import ExchangeTotals, Wanted, ledgers, wantlists
from p2plab_widgets.protocols.levels import Mark, levels, size_words
from p2plab_widgets.protocols.reading import until
from p2plab_widgets.text import shown
from p2plab_widgets.view import Source

__all__ = ["ContentView"]

ROOTS: Final = ("content.added", "content.imported", "bitswap.session", "content.fetched", "graphsync.asked")
OFFERED: Final = 30  # that can be chosen
LATEST, NONE = "the latest", "none: what the blocks are"
COUNTED: Final = 5_000  # blocks of a graph up to which it is looked up who has them
SHADES: Final = 4
WIDE: Final = 560  # pixels of a chart in a column
KINDS: Final = ("directory", "shard", "file", "raw", "symlink", "dag-cbor", "dag-json", "dag-pb")
LETTERS: Final = "DHFRLCJP"


class ContentView(Board):
    """What a CID leads to and how it got about, at the cursor's moment.

    ``cid``: the root whose graph is drawn; left out, that of the last fetch, else what was added last. A selected node
    shows its own fetch, a selected event the one that it belongs to. Who gave which block is known of fetches by
    Bitswap.
    """

    TITLE: ClassVar[str] = "content"

    def __init__(self, source: Source, cid: Any = None, **options: Any) -> None:
        self.cid = None if cid is None else str(as_cid(cid))
        self._dags: dict[str, tuple[Any, Dag]] = {}
        super().__init__(source, **options)

    # -- what is chosen

    def _roots(self, at: float | None) -> list[str]:
        """Every root that the log tells of, the last first."""
        found = dict.fromkeys(str(event.ref) for event in until(self.source.events, ROOTS, at) if event.ref)
        return list(dict.fromkeys([*([self.cid] if self.cid else []), *reversed(list(found))]))

    def _begun(self, at: float | None) -> list[Event]:
        """The fetches that had begun."""
        return self.source.events.filter(kind="bitswap.session", reason="opened", until=at)

    def _selected(self, at: float | None) -> Event | None:
        """The fetch that a selected event belongs to."""
        selection = self.cursor.selection or {}
        event = self.source.events.by_seq(int(selection["id"])) if selection.get("kind") == "event" else None
        session = None if event is None else (event.data or {}).get("session")
        if event is None or session is None or not event.kind.startswith("bitswap"):
            return None
        found = [one for one in self._begun(at) if one.node == event.node and one.seq <= event.seq]
        return next((one for one in reversed(found) if (one.data or {}).get("session") == session), None)

    def _root(self, at: float | None) -> str:
        roots, picked, selected = self._roots(at), self.chosen.get("content"), self._selected(at)
        if selected is not None:
            return str(selected.ref)
        found = next((root for root in roots[:OFFERED] if _short(root) == picked), None)
        if found is not None or self.cid is not None:
            return found or self.cid or ""
        begun = self._begun(at)
        return str(begun[-1].ref) if begun else roots[0] if roots else ""

    def _transfer(self, at: float | None) -> Event | None:
        root, selected = self._root(at), self._selected(at)
        begun = [event for event in self._begun(at) if event.ref == root]
        picked = self.chosen.get("transfer", LATEST)
        if selected is not None:
            return selected
        if picked == NONE:
            return None
        selection = self.cursor.selection or {}
        node = selection.get("id") if selection.get("kind") == "node" else None
        mine = [event for event in begun if event.node == node] or begun
        return next((event for event in mine if _label(event) == picked), mine[-1] if mine else None)

    def choices(self, at: float | None) -> list[Choice]:
        roots = [_short(root) for root in self._roots(at)[:OFFERED]] or [""]
        root = self._root(at)
        begun = [event for event in self._begun(at) if event.ref == root][-OFFERED:]
        transfers_of = [LATEST, NONE, *(_label(event) for event in reversed(begun))]
        return [
            Choice("content", "graph of", tuple(roots), _short(root)),
            Choice("transfer", "coloured by fetch", tuple(transfers_of), self.picked("transfer", transfers_of, LATEST)),
        ]

    # -- what is seen

    def facts(self, at: float | None) -> list[str]:
        begun = self._begun(at)
        under_way = sum(end_of(self.source.events, event, at) is None for event in begun[-200:])
        return [
            plural(len(self._roots(at)), "root"), plural(len(begun), "fetch", "fetches"), f"{under_way} under way",
            f"{plural(len(self._wantlists(at)), 'block')} waited for",
        ]  # fmt: skip

    def sentence(self, at: float | None) -> str:
        begun, root = self._transfer(at), self._root(at)
        if begun is None:
            found = self._dag(root) if root else None
            return f"{_short(root)}: {found.said()}." if found else "No node has added or fetched anything yet."
        over, asks = end_of(self.source.events, begun, at), asks_of(self.source.events, begun, at)
        came = [ask for ask in asks if ask.came is not None]
        gave = _counted(ask.peer for ask in came)
        by = f", by peer: {', '.join(f'{shown(name, 20)} {count}' for name, count in gave.items())}" if gave else ""
        now = self.cursor.end if at is None else at
        what = f"{shown(begun.node or '', 24)} {'has' if over is None else 'got'} {plural(len(came), 'block')}"
        said = f"{what} of {_short(root)} after {(now if over is None else over.t) - begun.t:.3f} s{by}"
        waiting = len({ask.cid for ask in asks if ask.ended is None})
        if over is not None:
            return f"{said}." if over.reason == "done" else f"{said}; then it ended: {over.reason}."
        return f"{said}; {plural(waiting, 'block is', 'blocks are')} on the way or waited for."

    def cards(self, at: float | None) -> list[Card]:
        begun, root = self._transfer(at), self._root(at)
        asks = [] if begun is None else asks_of(self.source.events, begun, at)
        cards = [self._graph(root, begun, asks, at)]
        if begun is not None:
            chart = transfers(self.source.events, topic=begun.ref, node=begun.node, since=begun.t, until=at)
            for panel in chart.description.panels if chart.rows else ():
                alone = Chart(replace(chart.description, panels=(replace(panel, title=""),)), (), ())
                cards.append(picture(panel.title, alone.svg(width=WIDE, height=240, bare=True), chart.sentence))
        accounts = ledgers(self.source.events, at)
        cards += [self._waiting(at), self._given(accounts)]
        return [*cards, *([self._holders(root, at)] if root else []), self._accounts(accounts, at)]

    # -- the graph

    def _dag(self, root: str) -> Dag | None:
        """The graph of a root as the lab's nodes have it now; as it was last seen, where there is no lab any more."""
        lab, known = self.lab, self._dags.get(root)
        if lab is None or lab.closed:
            return None if known is None else known[1]
        rows, dropped = self.source.events.rows()
        sign: Any = len(rows) + dropped
        if known is not None and not known[1].missing:  # nothing but a collection can change it
            sign = len(self.source.events.filter(kind="content.collected"))
        if known is None or known[0] != sign:
            try:
                known = (sign, lab.dag(root))
            except LabError:
                return None if known is None else known[1]
            if not known[1].missing:
                known = (len(self.source.events.filter(kind="content.collected")), known[1])
            self._dags[root] = known
        return known[1]

    def _graph(self, root: str, begun: Event | None, asks: list[BlockRequest], at: float | None) -> Card:
        if not root:
            return dag("Blocks and links", [], [], [], empty="no node has added or fetched anything yet")
        title = f"Blocks of {_short(root)} and their links"
        found = self._dag(root)
        if found is None:
            found = _flat(root, asks)
            title = f"Blocks of {_short(root)}, in the order of asking: a log does not say what links to what"
        if begun is None:
            return levels(title, found, _looks_of_kinds(), _mark_of_kind)
        names = givers_of(asks)
        over = end_of(self.source.events, begun, at) is not None
        looks: list[Look] = [(name, "full", number, str(number + 1)) for number, name in enumerate(names)]
        looks += [
            ("asked for, not here yet", "hollow", 0, ""), ("not asked for so far", "dots", 0, ""),
            ("had been here", "grey", 0, ""), ("nobody has it", "cross", 0, ""),
        ]  # fmt: skip
        waiting, rest, before, missing = range(len(names), len(names) + 4)
        came = {ask.cid: ask for ask in asks if ask.came is not None}
        open_to: dict[str, list[str]] = {}
        for ask in asks:
            if ask.ended is None:
                open_to.setdefault(ask.cid, []).append(ask.peer)

        def mark(block: DagBlock) -> Mark:
            cid = str(block.cid)
            ask = came.get(cid)
            if ask is not None:
                look = names.index(ask.peer if ask.peer in names else OTHERS)
                said = f"{ask.peer} gave it {(ask.came or 0.0) - begun.t:.3f} s after the fetch began"
                return look, f"{said}, {(ask.came or 0.0) - ask.asked:.3f} s after it was asked", ask.event
            if cid in open_to:
                return waiting, f"asked of {', '.join(open_to[cid])}, not here yet", None
            if block.size is None:
                return missing, "no node of the lab has it", None
            return (before, "it had been here before", None) if over else (rest, "not asked for so far", None)

        return levels(title, found, looks, mark)

    # -- wantlists and ledgers

    def _wantlists(self, at: float | None) -> list[Wanted]:
        """What is waited for. What nodes say now also has what nobody was asked for yet."""
        found = wantlists(self.source.events, at)
        lab = self.lab
        if at is not None or lab is None or lab.closed:
            return found
        asked = {(one.node, one.cid): one for one in found}
        whole = []
        for node in dict.fromkeys(str(event.node) for event in self._begun(None)[-200:]):
            try:
                cids = [str(cid) for cid in lab[node].content.wantlist()]
            except LabError:
                continue  # it went away meanwhile
            whole += [asked.get((node, cid)) or Wanted(node, cid, self.cursor.end, None, -1) for cid in cids]
        return whole

    def _waiting(self, at: float | None) -> Card:
        now = self.cursor.end if at is None else at
        rows: list[list[Cell]] = []
        for one in self._wantlists(at):
            asked = [f"{shown(peer, 20)} for {now - t:.2f} s" for peer, t in one.blocks.items()]
            since = f"{one.since:.3f} s"
            rows.append([
                cell(one.node, "node", one.node), _short(one.cid),
                cell(since, "event", one.event) if one.event >= 0 else "–", ", ".join(asked[:4]) or "nobody yet",
                ", ".join(shown(peer, 20) for peer in list(one.haves)[:6]) or "–",
            ])  # fmt: skip
        columns = ["node", "block", "since", "asked for it", "asked whether they have it"]
        return table("Wantlists: what nodes wait for", columns, rows, wide=True, empty="no node waits for a block")

    def _given(self, accounts: dict[tuple[str, str], ExchangeTotals]) -> Card:
        names = list(dict.fromkeys(name for pair in accounts for name in pair))
        place = {name: at for at, name in enumerate(names)}
        most = max((one.sent for one in accounts.values()), default=0)
        marks: dict[tuple[int, int], int] = {}
        say: dict[tuple[int, int], str] = {}
        for (node, peer), one in accounts.items():
            if one.sent:
                shade = min(SHADES - 1, one.sent * SHADES // (most + 1))
                marks[place[node], place[peer]] = shade
                blocks = plural(one.blocks_sent, "block")
                say[place[node], place[peer]] = f"{blocks}, {size_words(one.sent)}; took {size_words(one.received)}"
        tops = [size_words(-(-(most + 1) * part // SHADES)) for part in range(1, SHADES + 1)]
        kinds = [
            (f"under {top}" if at < SHADES - 1 else f"up to {size_words(most)}", f"shade{at}")
            for at, top in enumerate(tops)
        ]
        return matrix("Who gave whom", names, marks, kinds, say=say, verb="gave", empty="no block was given yet")

    def _accounts(self, accounts: dict[tuple[str, str], ExchangeTotals], at: float | None) -> Card:
        now = self.cursor.end if at is None else at
        rows: list[list[Cell]] = [
            [
                cell(node, "node", node), cell(peer, "node", peer), f"{one.blocks_sent:,}", f"{one.sent:,} B",
                f"{one.blocks_received:,}", f"{one.received:,} B", "cut off" if one.cut_until > now else "–",
            ]
            for (node, peer), one in sorted(accounts.items(), key=lambda pair: -pair[1].sent - pair[1].received)
        ]  # fmt: skip
        columns = ["node", "peer", "blocks given", "bytes given", "blocks taken", "bytes taken", "state"]
        return table("Ledgers", columns, rows, wide=True, empty="no block was given yet")

    def _holders(self, root: str, at: float | None) -> Card:
        lab, found = self.lab, self._dag(root)
        if at is not None or lab is None or lab.closed or found is None or len(found) > COUNTED or not found.whole:
            why = "nodes say now what they have; what they had then is not recorded" if at is not None else (
                "no node is left to be asked" if found is None or lab is None or lab.closed
                else f"lab.holders(cid) counts it: the graph has over {COUNTED:,} blocks"
            )  # fmt: skip
            return note("Who has it", f"Not told here: {why}.")
        held = lab.holders(root)
        rows: list[tuple[str, Cell]] = [
            (
                shown(one.name, 30),
                f"{'all' if one.whole else f'{one.blocks} of {held.blocks}'}, {size_words(one.bytes)}"
                + (", pinned" if one.pinned else ""),
            )
            for one in list(held)[:40]
        ]
        return facts("Who has it", rows or [("nobody", "no node of the lab has a block of it")])


def _looks_of_kinds() -> list[Look]:
    looks: list[Look] = [(kind, "full", at, LETTERS[at]) for at, kind in enumerate(KINDS)]
    others = (("something else", "hollow"), ("not looked into", "dots"), ("nobody has it", "cross"))
    return [*looks, *((meaning, look, 0, "") for meaning, look in others)]


def _mark_of_kind(block: DagBlock) -> Mark:
    if block.size is None:
        return len(KINDS) + 2, "no node of the lab has it", None
    if block.kind == "unread":
        return len(KINDS) + 1, "not looked into: there are too many", None
    return (KINDS.index(block.kind) if block.kind in KINDS else len(KINDS)), f"a block of the kind {block.kind}", None


def _flat(root: str, asks: list[BlockRequest]) -> Dag:
    """The blocks that were asked for, where nobody says what links to what."""
    sizes = {ask.cid: ask.size for ask in asks}
    cids = list(dict.fromkeys([root, *(ask.cid for ask in asks)]))
    blocks = [
        DagBlock(as_cid(cid), as_cid(cid).codec_name, sizes.get(cid) or 0, 0 if cid == root else 1, "", ())
        for cid in cids[:20_000]
    ]
    return Dag(as_cid(root), tuple(blocks), beyond=len(cids) - len(blocks))


def _counted(names: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: -pair[1])[:8])


def _label(event: Event) -> str:
    return f"{event.t:.2f} s {shown(event.node or '', 20)}"


def _short(cid: str) -> str:
    return f"{cid[:8]}…{cid[-6:]}" if len(cid) > 16 else cid
