"""The content view says what the lab says: the blocks of a CID, who gave which, wantlists, ledgers, at any moment."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import p2plab
from p2plab import Lab
from p2plab.content.bitswap import Fetch
from p2plab.content.dag_pb import PBLink, PBNode, encode_node
from p2plab.errors import ValidationError
from p2plab.identity.cid import cid_for
from p2plab_widgets import ContentView
from p2plab_widgets.board.cards import MAX_EDGES
from p2plab_widgets.protocols.exchange import ledgers, wantlists
from p2plab_widgets.protocols.levels import CELLS, ROWS

SVG = "{http://www.w3.org/2000/svg}"
DATA = random.Random(2).randbytes(5_000_000)
HOSTILE = "<img src=x onerror=alert(1)>\u202e<script>alert(2)<"


@pytest.fixture(scope="module")
def swarm() -> Iterator[tuple[Lab, Fetch]]:
    """Four peers that send a million bytes a second each give a file of twenty blocks."""
    with Lab(seed=8) as lab:
        nodes = lab.start_nodes(4)
        bob = lab.start_node("bob")
        lab.wire("full")
        for node in nodes:
            lab.network.set_node(node, up=1e6)
            cid = node.content.add(DATA, profile="unixfs-v0-2015")
        yield lab, bob.content.fetch(cid)


@pytest.fixture(autouse=True)
def nothing_chosen(swarm: tuple[Lab, Fetch]) -> Iterator[None]:
    yield
    swarm[0].cursor.selection = None
    swarm[0].cursor.to_live()


def card(view: ContentView, title: str, at: float | None = None) -> dict[str, Any]:
    (found,) = [one for one in view.cards(at) if one["title"].startswith(title)]
    return found


def drawn(svg: str) -> list[list[tuple[int, float]]]:
    """What makes up each cell of the graph of a still: which looks (by number), and their shares."""
    cells = [group for group in ElementTree.fromstring(svg).iter(f"{SVG}g") if group.get("class") == "cell"]
    return [
        [(int(kind), float(share)) for kind, share in (part.split(":") for part in str(cell.get("data-parts")).split())]
        for cell in cells
    ]


def test_the_graph_has_each_block_once_coloured_by_who_gave_it(swarm: tuple[Lab, Fetch]) -> None:
    lab, fetch = swarm
    view = ContentView(lab)
    graph = card(view, "Blocks of")
    dag = lab.dag(fetch.cid)
    assert [len(row["cells"]) for row in graph["rows"]] == [1, 20]
    assert len(graph["edges"]) == len(dag.blocks[0].links)
    names = [look[0] for look in graph["kinds"]]
    assert names == list(dict.fromkeys(names))
    gave = {share.peer.name: share.blocks for share in fetch.by}
    counts = dict.fromkeys(names, 0)
    for parts in drawn(view.svg()):
        ((look, share),) = parts
        assert share == 1.0
        counts[names[look]] += 1
    assert counts == gave
    given = {str(step.cid): step.peer.name for step in fetch.path if step.answer == "block" and step.peer}
    for row in graph["rows"]:
        for _, _, parts, said, event in row["cells"]:
            came = lab.events[event]
            assert (came.kind, came.peer) == ("bitswap.block", names[parts[0][0]])
            assert said.startswith(str(came.ref))
            assert given[str(came.ref)] == came.peer
    paths = [path for path in ElementTree.fromstring(view.svg()).iter(f"{SVG}path") if path.get("class") == "link"]
    assert len(paths) == 20
    view.close()


def test_at_a_moment_it_has_what_had_come_by_then(swarm: tuple[Lab, Fetch]) -> None:
    lab, fetch = swarm
    view = ContentView(lab)
    at = fetch.started + 0.6 * fetch.duration
    steps = [step for step in fetch.path if step.asked == "want-block" and step.answer == "block"]
    came = [step for step in steps if step.time + (step.duration or 0.0) <= at]
    asked = [step for step in steps if step.time <= at < step.time + (step.duration or 0.0)]
    assert 0 < len(came) < len(steps)
    names = [look[0] for look in card(view, "Blocks of", at)["kinds"]]
    looks = [names[parts[0][0]] for parts in drawn(view.svg(at))]
    assert looks.count("asked for, not here yet") == len(asked)
    assert looks.count("not asked for so far") == 21 - len(came) - len(asked)
    assert view.sentence(at).startswith(f"bob has {len(came)} blocks of ")
    assert f"{len(asked)} blocks are on the way" in view.sentence(at)
    waiting = card(view, "Wantlists", at)["rows"]
    assert len(waiting) == len(asked)
    assert {row[3].split(" ")[0] for row in waiting} == {step.peer.name for step in asked if step.peer}
    lab.cursor.at(at)
    assert len(drawn(view.svg())) == 21
    assert "1 under way" in view.facts(at)
    view.close()


def test_ledgers_are_those_of_the_nodes(swarm: tuple[Lab, Fetch]) -> None:
    lab, _ = swarm
    told = {
        (node.name, one.peer.name): (one.sent, one.received, one.blocks_sent, one.blocks_received)
        for node in lab.nodes
        for one in node.content.ledgers()
        if one.sent or one.received
    }
    found = ledgers(lab.events, None)
    assert {p: (one.sent, one.received, one.blocks_sent, one.blocks_received) for p, one in found.items()} == told
    view = ContentView(lab)
    rows = {(row[0]["text"], row[1]["text"]): row for row in card(view, "Ledgers")["rows"]}
    assert {pair: int(row[3].split(" ")[0].replace(",", "")) for pair, row in rows.items()} == {
        pair: numbers[0] for pair, numbers in told.items()
    }
    matrix = card(view, "Who gave whom")
    gave = {(matrix["names"][row], matrix["names"][column]) for row, column, _ in matrix["marks"]}
    assert gave == {pair for pair, numbers in told.items() if numbers[0]}
    assert dict(card(view, "Who has it")["rows"])["bob"].startswith("all, ")
    view.close()


def test_wantlists_of_now_are_those_of_the_nodes_and_end_with_what_they_wait_for() -> None:
    with Lab(seed=8) as lab:
        alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
        lab.wire("full")
        lab.network.set_node(alice, up=2e5)
        cid = alice.content.add(DATA[:2_000_000], profile="unixfs-v0-2015")
        view = ContentView(lab)
        looked: list[tuple[set[str], set[str]]] = []

        def look() -> None:
            rows = view._wantlists(None)
            looked.append(
                ({one.cid for one in rows if one.node == "bob"}, {str(one) for one in bob.content.wantlist()})
            )
            asked = {one.cid for one in wantlists(lab.events, None) if one.node == "bob"}
            assert asked <= looked[-1][1]

        for t in (0.05, 0.2, 1.0, 3.0):
            lab.at(t, look)
        bob.content.fetch(cid)
        assert [shown for shown, _ in looked] == [listed for _, listed in looked]
        assert [len(shown) for shown, _ in looked][:1] == [1]
        assert len(looked[2][0]) > 2
        assert wantlists(lab.events, None) == []
        assert card(view, "Wantlists")["rows"] == []

        with pytest.raises(TimeoutError):
            carol.content.fetch(alice.content.add(DATA[2_000_000:]), timeout=1.0)
        assert wantlists(lab.events, None) == []
        at = lab.now - 0.5
        assert {one.node for one in wantlists(lab.events, at)} == {"carol"}
        lab.at(lab.now + 1.0, alice.crash)
        with pytest.raises(p2plab.errors.ContentError):
            carol.content.fetch(cid_for(b"nobody has it"), timeout=40)
        view.close()


def test_a_log_has_the_transfers_ledgers_and_wantlists_but_no_links(swarm: tuple[Lab, Fetch], tmp_path: Path) -> None:
    lab, fetch = swarm
    log = p2plab.open(lab.events.save(tmp_path / "run.jsonl"))
    of_lab, of_log = ContentView(lab), ContentView(log)
    at = fetch.started + 0.6 * fetch.duration
    for title in ("Wantlists", "Ledgers"):
        assert card(of_log, title, at) == card(of_lab, title, at)
    for title in ("From asking", "Given by"):
        one, other = (card(view, title, at)["svg"].partition('<g class="panel"')[2] for view in (of_lab, of_log))
        assert one == other != ""
    graph = card(of_log, "Blocks of")
    assert "a log does not say what links to what" in graph["title"]
    assert graph["edges"] == []
    assert [len(row["cells"]) for row in graph["rows"]] == [1, 20]
    of_lab.close()


def test_what_is_selected_and_chosen_decides_what_is_shown() -> None:
    with Lab(seed=5) as lab:
        alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
        lab.wire("full")
        one, two = alice.content.add(b"one" * 400_000), alice.content.add(b"two")
        bob.content.fetch(one)
        carol.content.fetch(one)
        view = lab.views.content()
        assert view.sentence(None).startswith("carol got 3 blocks")
        lab.cursor.selection = {"kind": "node", "id": "bob"}
        assert view.sentence(None).startswith("bob got 3 blocks")
        lab.cursor.selection = None
        of_bob = lab.events.filter(kind="bitswap.block", node="bob")[0]
        lab.cursor.selection = {"kind": "event", "id": of_bob.seq}
        assert view.sentence(None).startswith("bob got 3 blocks")
        lab.cursor.selection = None
        transfer = next(choice for choice in view.choices(None) if choice.trait == "transfer")
        assert len(transfer.options) == 4
        view.heard({"choose": "transfer", "value": 1}, ())
        assert [look[0] for look in card(view, "Blocks of")["kinds"]] == ["file", "raw"]
        (content, _) = view.choices(None)
        place = next(at for at, text in enumerate(content.options) if text.endswith(str(two)[-6:]))
        view.heard({"choose": "content", "value": place}, ())
        assert str(view.choices(None)[0].chosen).endswith(str(two)[-6:])
        assert "1 block, 3 bytes" in view.sentence(None)
        assert lab.views.content(two).sentence(None).startswith(str(two)[:8])
        with pytest.raises(ValidationError, match="CID"):
            lab.views.content("news")
        view.close()


def test_a_graph_of_thousands_is_put_together_and_every_block_counted() -> None:
    with Lab(seed=5) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        lab.wire("full")
        cids = [alice.content.blocks.put(f"leaf {at}") for at in range(1000)]
        inner = [
            alice.content.blocks.put(
                encode_node(PBNode(tuple(PBLink(cid, "", 9) for cid in cids[at : at + 50]))), codec="dag-pb"
            )
            for at in range(0, 1000, 50)
        ]
        root = alice.content.blocks.put(encode_node(PBNode(tuple(PBLink(cid, "", 9) for cid in inner))), codec="dag-pb")
        view = lab.views.content(root)
        graph = card(view, "Blocks of")
        assert [len(row["cells"]) for row in graph["rows"]] == [1, 20, -(-1000 // -(-1000 // CELLS))]
        assert "1000 blocks" in graph["rows"][2]["said"]
        assert "to a cell" in graph["rows"][2]["said"]
        counted = [int(cell[0].split(" ")[0]) for cell in graph["rows"][2]["cells"]]
        assert sum(counted) == 1000
        assert len(graph["edges"]) <= MAX_EDGES
        bob.content.fetch(root)
        at = lab.events.filter(kind="bitswap.block", node="bob")[500].t
        cells = card(view, "Blocks of", at)["rows"][2]["cells"]
        assert any(len(parts) > 1 for _, _, parts, _, _ in cells), "a cell half of which is there is half filled"
        assert all(abs(sum(share for _, share in parts) - 1) < 0.001 for _, _, parts, _, _ in cells)
        assert len(json.dumps(view.content(None))) < 200_000
        view.close()


def test_a_chain_and_a_graph_with_nothing_known_are_drawn_in_part() -> None:
    with Lab(seed=5) as lab:
        alice = lab.start_node("alice")
        cid = alice.content.blocks.put("end")
        for _ in range(40):
            cid = alice.content.blocks.put(encode_node(PBNode((PBLink(cid, HOSTILE, 1),))), codec="dag-pb")
        view = lab.views.content(cid)
        graph = card(view, "Blocks of")
        assert len(graph["rows"]) == ROWS
        assert graph["note"] == f"{41 - ROWS} more levels with {41 - ROWS} blocks lie below."
        for face in (view.svg(), view.text(), json.dumps(view.content(None), ensure_ascii=False)):
            assert "\u202e" not in face
        tags = {element.tag.partition("}")[2] for element in ElementTree.fromstring(view.svg()).iter()}
        assert not tags & {"script", "img", "image", "foreignObject", "a"}
        missing = lab.views.content(cid_for(b"nobody has it"))
        assert [look[0] for look in card(missing, "Blocks of")["kinds"]] == ["nobody has it"]
        assert "1 of them with nobody" in missing.sentence(None)
        view.close()


def test_who_breaks_the_rules_is_marked_and_what_a_node_forgot_is_gone() -> None:
    with Lab(seed=8) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        lab.wire("full")
        bob.content.fetch(alice.content.add(b"hello"))
        assert set(ledgers(lab.events, None)) == {("alice", "bob"), ("bob", "alice")}
        alice.crash()
        lab.run(1)
        alice.restart(state="lost")
        lab.run(1)
        assert set(ledgers(lab.events, None)) == {("bob", "alice")}
        assert alice.content.ledgers() == []
