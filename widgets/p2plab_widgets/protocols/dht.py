"""The DHT at work: buckets, the key space as a ring, a lookup step by step, and who holds a record."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any, ClassVar

from p2plab.errors import LabError, PeerIdError
from p2plab.events import Event
from p2plab.identity import peer_id_bytes, peer_id_from_bytes
from p2plab.text import plural
from p2plab_widgets.board import Board, Choice
from p2plab_widgets.board.cards import Card, Cell, cell, facts, ring, table
from p2plab_widgets.protocols.reading import event_cell, until
from p2plab_widgets.text import counted, shown

__all__ = ["DhtView"]

LOOKUPS = 30  # that can be chosen
LATEST = "the latest"
BITS = 256
ROLES = {"origin": "looks", "asked": "was asked", "failed": "did not answer", "holder": "holds the record"}


class DhtView(Board):
    """The DHT at the cursor's moment: one node's routing table, and one lookup as far as it had come.

    A selected node shows its table, a selected lookup (or an event of one) its steps. Going through the steps with the
    cursor plays the lookup.
    """

    TITLE: ClassVar[str] = "DHT"

    # -- what is chosen

    def _lookups(self, at: float | None) -> list[Event]:
        return self.source.events.filter(kind="dht.lookup", until=at)

    def _lookup(self, at: float | None) -> Event | None:
        selection = self.cursor.selection or {}
        lookups = self._lookups(at)
        wanted = selection.get("id") if selection.get("kind") == "lookup" else None
        if selection.get("kind") == "event":
            event = self.source.events.by_seq(int(selection["id"]))
            wanted = None if event is None else event.ref
        for one in reversed(lookups):
            if wanted == one.ref or (wanted is None and self.chosen.get("lookup") == _label(one)):
                return one
        asked = [one for one in lookups if (one.data or {}).get("kind") not in ("refresh", "bootstrap")] or lookups
        return asked[-1] if asked else None

    def _node(self, at: float | None) -> str:
        selection, nodes = self.cursor.selection or {}, self.state(at).nodes
        chosen = str(selection.get("id")) if selection.get("kind") == "node" else self.chosen.get("node", "")
        if chosen in nodes:
            return chosen
        lookup = self._lookup(at)
        return str(lookup.node) if lookup is not None else (nodes[0] if nodes else "")

    def choices(self, at: float | None) -> list[Choice]:
        lookups = [LATEST, *reversed([_label(event) for event in self._lookups(at)[-LOOKUPS:]])]
        nodes = self.state(at).nodes[:200] or [""]
        return [
            Choice("lookup", "lookup", tuple(lookups), self.picked("lookup", lookups, LATEST)),
            Choice("node", "table of", tuple(nodes), self._node(at)),
        ]

    # -- what is seen

    def facts(self, at: float | None) -> list[str]:
        lookups = self._lookups(at)
        done = self.source.events.filter(kind="dht.done", until=at)
        return [
            counted(len(self.state(at).nodes), "node"),
            counted(len(lookups), "lookup"),
            f"{len(lookups) - len(done)} under way",
        ]

    def sentence(self, at: float | None) -> str:
        lookup = self._lookup(at)
        if lookup is None:
            return "No lookup was made yet."
        asked = self._queries(lookup, at)
        answered = sum(one["state"] == "answered" for one in asked)
        done = self._done(lookup, at)
        what = f"{lookup.node} {_kind(lookup)} {_key(lookup)}"
        if done is None:
            return f"{what}: {answered} of {len(asked)} peers asked have answered; it goes on."
        return f"{what}: ended after {done.t - lookup.t:.3f} s, {plural(answered, 'answer')}: {done.reason}."

    def cards(self, at: float | None) -> list[Card]:
        lookup = self._lookup(at)
        cards = [self._ring(lookup, at), self._table(at)]
        if lookup is not None:
            cards += [self._steps(lookup, at), self._shortlist(lookup, at), self._holders(lookup, at)]
        return cards

    def _queries(self, lookup: Event, at: float | None) -> list[dict[str, Any]]:
        """Every query of the lookup so far, with what came of it by then."""
        kinds = ("dht.query", "dht.answer", "dht.query_failed")
        asked: dict[tuple[str, str], dict[str, Any]] = {}
        for event in until(self.source.events, kinds, at, ref=lookup.ref):
            data = event.data or {}
            place = (str(event.peer), str(data.get("type")))
            if event.kind == "dht.query":
                asked[place] = {
                    "event": event, "peer": str(event.peer), "type": str(data.get("type")), "state": "waits",
                    "distance": data.get("distance"), "said": "", "took": None,
                }  # fmt: skip
            elif place in asked:
                one = asked[place]
                one["took"] = event.t - one["event"].t
                one["state"] = "answered" if event.kind == "dht.answer" else "failed"
                one["said"] = _answer(event)
        return list(asked.values())

    def _done(self, lookup: Event, at: float | None) -> Event | None:
        done = self.source.events.filter(kind="dht.done", ref=lookup.ref, until=at)
        return done[-1] if done else None

    def _ring(self, lookup: Event | None, at: float | None) -> Card:
        shares = self._shares(at)
        names = [name for name in self.state(at).nodes if name in shares]
        asked = [] if lookup is None else self._queries(lookup, at)
        roles = dict.fromkeys(names, "plain" if lookup is None else "far")
        for one in asked:
            roles[one["peer"]] = "failed" if one["state"] == "failed" else "asked"
        if lookup is not None:
            roles.update(dict.fromkeys(self._holding(_key(lookup), at), "holder"))
            roles[str(lookup.node)] = "origin"
        names = [name for name in names if name in roles]
        place = {name: number for number, name in enumerate(names)}
        arrows = [
            (place[str(lookup.node)], place[one["peer"]], f"{one['type']}: {one['state']}")
            for one in asked
            if lookup is not None and str(lookup.node) in place and one["peer"] in place
        ]
        points = [(shares[name], cell(name, "node", name, 24), roles[name]) for name in names]
        target = None if lookup is None else self._target(lookup, shares)
        why = "a log does not hold peer ids, which say where a node lies" if self.lab is None else "no node yet"
        return ring("The key space", points, arrows, target=target, kinds=ROLES if lookup else {}, empty=why)

    def _shares(self, at: float | None) -> dict[str, float]:
        """Where each node's key lies, as a share of the key space (kad-dht/README.md: SHA-256 of the peer id)."""
        lab = self.lab
        return {} if lab is None else {node.name: _share(peer_id_bytes(node.peer_id)) for node in lab.nodes}

    def _target(self, lookup: Event, shares: dict[str, float]) -> float | None:
        key = str((lookup.data or {}).get("key", ""))
        if key in shares:
            return shares[key]
        return _share(key.encode()) if key.startswith("/") else None

    def _table(self, at: float | None) -> Card:
        node = self._node(at)
        title = f"Routing table of {node}" if node else "Routing table"
        columns = ["bits in common", "peers", "longest silent", "who"]
        lab = self.lab
        if at is None and lab is not None and node:
            try:
                buckets = lab[node].dht.routing_table().view()
            except LabError as error:
                return table(title, columns, [], empty=str(error))
            rows: list[list[Cell]] = [
                [
                    str(one.prefix_length), f"{len(one.peers)} of {one.capacity}"
                    + (f", {len(one.replacements)} wait" if one.replacements else ""),
                    f"{max(one.silent, default=0.0):.1f} s", shown(", ".join(peer.name for peer in one.peers), 60),
                ]
                for one in buckets
            ]  # fmt: skip
            return table(title, columns, rows, empty="the table is empty, or the node has not used its DHT")
        tables = self.state(at).tables
        if tables is None:
            return table(
                title, columns, [], empty="what was in the table then is not recorded: tables were filled at once"
            )
        return table(title, ["who"], [[cell(peer, "node", peer)] for peer in tables[node]], empty="the table was empty")

    def _steps(self, lookup: Event, at: float | None) -> Card:
        asked = self._queries(lookup, at)
        rows = [
            [
                event_cell(one["event"], f"{one['event'].t - lookup.t:.3f} s"), cell(one["peer"], "node", one["peer"]),
                one["type"], str(one["distance"]), one["state"],
                "–" if one["took"] is None else f"{one['took']:.3f} s", shown(one["said"], 80),
            ]
            for one in asked
        ]  # fmt: skip
        columns = ["after", "asked", "request", "bits in common", "state", "took", "answer"]
        return table(f"Steps of {lookup.node}: {_kind(lookup)} {_key(lookup)}", columns, rows, wide=True)

    def _shortlist(self, lookup: Event, at: float | None) -> Card:
        """The closest of those asked so far, the most bits in common first."""
        best: dict[str, dict[str, Any]] = {}
        for one in self._queries(lookup, at):
            best[one["peer"]] = one
        ordered = sorted(best.values(), key=lambda one: -int(one["distance"] or 0))[:20]
        rows = [[cell(one["peer"], "node", one["peer"]), str(one["distance"]), one["state"]] for one in ordered]
        return table("Closest asked so far", ["peer", "bits in common", "state"], rows, empty="nobody was asked yet")

    def _holding(self, key: str, at: float | None) -> list[str]:
        """Who holds the record or is recorded as its provider, by the log."""
        held: dict[str, None] = {}
        kinds = ("dht.stored", "dht.provider_added", "dht.record_evicted", "node.crashed")
        for event in until(self.source.events, kinds, at):
            if event.kind in ("dht.stored", "dht.provider_added"):
                if _stored_under(event) == key:
                    held[str(event.node)] = None
            elif event.kind == "node.crashed" or _stored_under(event) == key:
                held.pop(str(event.node), None)
        return list(held)

    def _holders(self, lookup: Event, at: float | None) -> Card:
        key = _key(lookup)
        stored: dict[str, Event] = {}
        for event in until(self.source.events, ("dht.stored", "dht.provider_added"), at):
            if _stored_under(event) == key:
                stored[str(event.node)] = event
        holding = self._holding(key, at)
        rows: list[tuple[str, Cell]] = [
            (name, event_cell(stored[name], f"since {stored[name].t:.3f} s, from {stored[name].peer or 'itself'}"))
            for name in holding[:40]
            if name in stored
        ]
        if not rows:
            rows = [("nobody", "no record of this key is held by anybody that the log knows of")]
        return facts(f"Who holds {key}", rows)


def _label(event: Event) -> str:
    return f"{event.t:.2f} s {shown(event.node or '', 16)} {_kind(event)} {shown(_key(event), 24)}"


def _kind(event: Event) -> str:
    return shown(str((event.data or {}).get("kind", "lookup")), 20)


def _key(event: Event) -> str:
    return str((event.data or {}).get("key", ""))


def _stored_under(event: Event) -> str:
    """The key of a record as its lookup names it: that of a provider record is logged as the bytes in hex."""
    key = _key(event)
    if event.kind == "dht.provider_added":
        with suppress(ValueError, PeerIdError):
            return str(peer_id_from_bytes(bytes.fromhex(key)))
    return key


def _answer(event: Event) -> str:
    data = event.data or {}
    if event.kind == "dht.query_failed":
        return f"{event.reason or 'failed'}"
    parts = [f"{data['peers']} peers, {data.get('new', 0)} new"] if "peers" in data else []
    parts += [f"value of {data['value']} bytes"] if "value" in data else []
    parts += [f"{data['providers']} providers"] if data.get("providers") else []
    return ", ".join(parts) or "nothing"


def _share(binary: bytes) -> float:
    return int.from_bytes(hashlib.sha256(binary).digest(), "big") / float(1 << BITS)
