"""The inspector and the protocol views say what the lab says, at any moment, in every face, and change nothing."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import DialError, ValidationError
from p2plab.identity.cid import cid_for
from p2plab_widgets import ConnectionsView, DhtView, GossipView, Inspector
from p2plab_widgets.board import Board, cards
from p2plab_widgets.board.words import told

HOSTILE = "<img src=x onerror=alert(1)>\u202e</text><script>alert(2)</script>"
NAMES = ("gossip", "dht", "connections", "inspector", "content")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Ten nodes: gossip, a put and a get, a crash, a partition, a dial in vain."""
    with Lab(seed=7, recording="all", latency=0.03) as lab:
        nodes = lab.start_nodes(10)
        lab.wire("random", degree=4)
        for node in nodes[:8]:
            node.subscribe("news")
        lab.run(3)
        for node in nodes[:3]:
            node.publish("news", b"hello")
            lab.run(1)
        lab.dht.fill()
        nodes[3].dht.put("/lab/x", b"hi")
        nodes[2].connect(nodes[0])
        nodes[2].content.fetch(nodes[0].content.add(b"a song" * 500_000))
        nodes[1].dht.get("/lab/x")
        nodes[9].crash()
        lab.run(1)
        lab.network.partition(["n0", "n1"], ["n4", "n5"])
        with pytest.raises(DialError):
            nodes[0].connect(nodes[5], timeout=1)
        yield lab


@pytest.fixture(autouse=True)
def nothing_selected(lab: Lab) -> Iterator[None]:
    lab.cursor.selection = None
    yield
    lab.cursor.selection = None
    lab.cursor.to_live()


def shown(lab: Any, name: str) -> Board:
    view: Board = getattr(lab.views, name)()
    return view


def card(view: Board, title: str, at: float | None = None) -> dict[str, Any]:
    (found,) = [one for one in view.cards(at) if one["title"].startswith(title)]
    return found


def test_the_mesh_matrix_is_what_the_nodes_say(lab: Lab) -> None:
    view = GossipView(lab, "news")
    matrix = card(view, "Meshes")
    names = matrix["names"]
    marked = {(names[row], names[column]) for row, column, kind in matrix["marks"] if kind in (0, 1)}
    assert marked == {(node.name, peer.name) for node in lab.nodes for peer in node.mesh("news")}
    view.close()


def test_the_way_of_a_chosen_message_is_its_propagation(lab: Lab) -> None:
    first = lab.events.filter(kind="pubsub.publish")[0]
    view = GossipView(lab, "news")
    lab.cursor.selection = {"kind": "message", "id": first.ref}
    spread = lab.propagation(first.ref)
    rows = card(view, "Its way")["rows"]
    assert rows[0][1]["text"] == spread.publisher
    assert {row[1]["text"]: row[0] for row in rows} == {one.node: one.hops for one in spread}
    assert dict(card(view, "The message")["rows"])["duplicates"].startswith(f"{spread.duplicates}, ")
    halfway = spread.published_at + 0.045
    assert len(card(view, "Its way", halfway)["rows"]) == len([one for one in spread if one.after <= 0.045])
    by_then = len([one for one in spread if one.after <= 0.045])
    assert view.sentence(halfway).startswith(f"{by_then} of {len(spread)} have")
    view.close()


def test_scores_are_kept_while_the_view_is_shown_and_the_run_is_the_same() -> None:
    def run(looked: bool) -> str:
        with Lab(seed=5) as lab:
            nodes = lab.start_nodes(4)
            lab.wire("full")
            for node in nodes:
                node.subscribe("news")
            view = GossipView(lab, "news") if looked else None
            for _ in range(5):
                nodes[1].publish("news", b"x")
                lab.run(1)
                if view is not None:
                    view._scores.look(lab, "n0")
            if view is not None:
                lab.cursor.selection = {"kind": "node", "id": "n0"}
                table = card(view, "Scores that n0 gives")
                told = {row[0]["text"]: row[1] for row in table["rows"]}
                assert told == {peer: f"{parts['score']:.3f}" for peer, parts in nodes[0].scores().items()}
                curves = view._scores.curves("n0", lab.now)
                assert {1.0, 2.0, 3.0, 4.0, 5.0} <= {t for t, _ in curves["n1"]}
                assert curves["n1"][-1][1] > curves["n2"][-1][1]
                assert card(view, "Scores over time")["svg"].count('class="series"') == 3
                view.close()
            return lab.events.digest()

    assert run(looked=True) == run(looked=False)


def test_a_lookup_is_played_step_by_step(lab: Lab) -> None:
    lookup = lab.events.filter(kind="dht.lookup")[-1]
    view = DhtView(lab)
    queries = lab.events.filter(kind="dht.query", ref=lookup.ref)
    steps = card(view, "Steps of n1: get /lab/x")["rows"]
    assert [row[1]["text"] for row in steps] == [query.peer for query in queries]
    assert all(row[4] == "answered" for row in steps)
    early = card(view, "Steps of n1", lookup.t + 0.001)["rows"]
    assert {row[4] for row in early} == {"waits"}
    assert "it goes on" in view.sentence(lookup.t + 0.001)
    holders = {name for name, _ in card(view, "Who holds")["rows"]}
    assert holders == {info.name for info in lab.dht.holders("/lab/x").holding} - {"n9"}
    view.close()


def test_who_holds_a_provider_record_is_shown() -> None:
    with Lab(seed=7) as lab:
        nodes = lab.start_nodes(10)
        lab.dht.fill()
        cid = cid_for(b"a song")
        nodes[2].dht.provide(cid)
        nodes[1].dht.find_providers(cid)
        view = DhtView(lab)
        holders = {name for name, _ in card(view, "Who holds")["rows"]}
        assert len(holders) > 1
        assert holders == {info.name for info in lab.dht.holders(cid).holding} - {"n2"}
        view.close()


def test_places_on_the_ring_and_buckets_are_those_of_the_dht(lab: Lab) -> None:
    view = DhtView(lab)
    lab.cursor.selection = {"kind": "node", "id": "n1"}
    rows = card(view, "Routing table of n1")["rows"]
    buckets = lab["n1"].dht.routing_table().view()
    assert [row[0] for row in rows] == [str(one.prefix_length) for one in buckets]
    share = {point[1]["text"]: point[0] for point in card(view, "The key space")["points"]}
    for one in buckets:
        for peer in one.peers:
            common = int(share["n1"] * 2**20) ^ int(share[peer.name] * 2**20)
            assert abs(20 - common.bit_length() - one.prefix_length) <= 1  # of 20 bits, after rounding
    view.close()


def test_a_saved_ring_numbers_the_steps_of_a_lookup_and_no_name_lies_over_another() -> None:
    with Lab(seed=3) as lab:
        nodes = lab.start_nodes(24)
        lab.dht.fill()
        nodes[7].dht.closest_peers("/lab/zz")
        view = DhtView(lab)
        steps = len(card(view, "The key space")["arrows"])
        texts = [one for one in ElementTree.fromstring(view.svg()).iter() if one.tag.endswith("}text")]
        numbers = [one.text for one in texts if one.get("font-size") == "10" and one.get("font-weight") == "600"]
        assert 10 < steps <= 30
        assert numbers == [str(step) for step in range(1, steps + 1)]
        names = [one for one in texts if one.get("font-size") == "10" and one.get("font-weight") is None]
        places = [(float(one.get("x", 0)), float(one.get("y", 0))) for one in names]
        assert 10 < len(places) < 24
        assert all(abs(a[0] - b[0]) > 39 or abs(a[1] - b[1]) > 9 for a, b in combinations(places, 2))
        view.close()


def test_the_matrix_of_connections_says_why_not(lab: Lab) -> None:
    view = ConnectionsView(lab)
    matrix = card(view, "Who is connected")
    names = matrix["names"]
    connected = {tuple(sorted((names[a], names[b]))) for a, b, kind in matrix["marks"] if kind == 0}
    assert connected == set(lab.edges())
    place = {name: at for at, name in enumerate(names)}
    assert matrix["say"][f"{place['n0']},{place['n5']}"] == "a partition lies between them"
    assert matrix["say"][f"{place['n3']},{place['n9']}"] == "n9 is down"
    assert "n0 and n5 are not: unreachable" in view.sentence(None)
    listed = card(view, "Connections, as")["rows"]
    assert len(listed) == len(lab.edges())
    assert {row[4] for row in listed} == {"tcp+noise+yamux"}
    view.close()


def test_an_event_shows_its_causes_consequences_and_bytes() -> None:
    with Lab(seed=3, recording="all") as lab:
        view = Inspector(lab)
        nodes = lab.start_nodes(3)
        lab.wire("line")
        for node in nodes:
            node.subscribe("news")
        lab.run(3)
        nodes[0].publish("news", b"hello")
        lab.run(1)
        event = lab.events.filter(kind="pubsub.receive", node="n2")[0]
        lab.cursor.selection = {"kind": "event", "id": event.seq}
        causes = card(view, "Why")["rows"]
        assert [row[1]["pick"]["id"] for row in causes] == [one.seq for one in lab.why(event).events]
        followed = {row[1]["pick"]["id"] for row in card(view, "What followed")["rows"]}
        assert followed == {one.seq for one in lab.events if one.cause == event.seq}
        shown_bytes = card(view, "The bytes: a frame from n1 to n2")
        data = bytes.fromhex(shown_bytes["data"])
        fields = {name: (start, end, value) for start, end, _, name, value in shown_bytes["fields"]}
        _, end, value = fields["data"]
        assert value == "“hello”"
        assert data[end - 5 : end] == b"hello"
        assert card(view, "In Python")["lines"][0] == f"event = lab.events.by_seq({event.seq})"
        view.close()


def test_bytes_of_before_the_inspector_come_from_doing_the_run_again(lab: Lab) -> None:
    event = lab.events.filter(kind="dht.query")[3]
    before = lab.events.digest()
    view = Inspector(lab)
    lab.cursor.selection = {"kind": "event", "id": event.seq}
    assert "before the inspector was there" in card(view, "The bytes")["empty"]
    view.choose("bytes", "by doing the run again")
    shown_bytes = card(view, f"The bytes: a frame from {event.node} to {event.peer}")
    assert {name for _, _, _, name, _ in shown_bytes["fields"]} >= {"Message", "type", "key"}
    assert lab.events.digest() == before
    view.close()


@pytest.mark.parametrize(
    ("kind", "which", "title"),
    [
        ("node", "n3", "n3"),
        ("edge", ["n0", "n2"], "n0 and n2"),
        ("lookup", "dht-1-0", "lookup dht-1-0"),
        ("stream", 999, "No such stream"),
        ("event", 10**9, "Gone"),
        ("message", "ffff", "This cannot be shown"),
    ],
)
def test_the_inspector_shows_whatever_can_be_selected(lab: Lab, kind: str, which: Any, title: str) -> None:
    view = Inspector(lab)
    lab.cursor.selection = {"kind": kind, "id": which}
    assert card(view, title)
    assert view.text()
    view.close()


@pytest.mark.dear
@pytest.mark.parametrize("name", NAMES)
def test_looking_changes_nothing_and_every_face_is_there(lab: Lab, name: str, tmp_path: Path) -> None:
    before = lab.events.digest()
    view = shown(lab, name)
    for at in (None, 0.0, 3.05, lab.now):
        json.dumps(view.content(at), allow_nan=False)
        root = ElementTree.fromstring(view.svg(at))
        assert root.find("{http://www.w3.org/2000/svg}desc") is not None
        assert view.sentence(at) in view.text(at) or at is None
    assert view.save(tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert "<script" in view.save(tmp_path / "x.html").read_text(encoding="utf-8")
    assert repr(view).startswith(f"<{type(view).__name__}, mock: ")
    view.close()
    assert lab.events.digest() == before


@pytest.mark.parametrize("name", NAMES)
def test_a_log_without_a_lab_has_the_same_views(lab: Lab, name: str, tmp_path: Path) -> None:
    view = shown(p2plab.open(lab.events.save(tmp_path / "run.jsonl")), name)
    assert view.cards(None)
    assert view.cards(3.05)
    view.close()


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_lab_is_said_to_be_empty(name: str) -> None:
    with Lab(seed=1) as lab:
        view = shown(lab, name)
        assert view.text()
        assert view.svg()
        view.close()


def test_what_a_peer_chose_is_text_in_every_face() -> None:
    with Lab(seed=2) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        for node in (alice, bob):
            node.subscribe(HOSTILE)
        lab.run(2)
        alice.publish(HOSTILE, HOSTILE)
        lab.run(1)
        lab.cursor.selection = {"kind": "message", "id": lab.events.filter(kind="pubsub.publish")[0].ref}
        for name in NAMES:
            view = shown(lab, name)
            root = ElementTree.fromstring(view.svg())
            tags = {element.tag.partition("}")[2] for element in root.iter()}
            assert not tags & {"script", "img", "image", "foreignObject", "a"}
            assert "\u202e" not in view.svg() + view.text() + json.dumps(view.content(None), ensure_ascii=False)
            view.close()


def test_a_list_in_the_header_takes_what_it_offers_and_nothing_else(lab: Lab) -> None:
    view = GossipView(lab, "news")
    view.heard({"choose": "node", "value": 4}, ())
    assert card(view, "Scores that n4 gives")
    view.heard({"choose": "node", "value": 99}, ())
    view.heard({"choose": "shell", "value": 1}, ())
    view.heard({"choose": "node", "value": "n3"}, ())
    assert view.chosen == {"node": "n4"}
    with pytest.raises(ValidationError, match="name of a topic"):
        GossipView(lab, 3)  # type: ignore[arg-type]
    view.close()


@pytest.mark.dear
@pytest.mark.parametrize("name", NAMES)
def test_a_lab_that_is_only_looked_at_is_collected_and_its_log_stays_to_be_seen(name: str) -> None:
    lab = Lab(seed=1)
    lab.start_nodes(2)
    gone = weakref.ref(lab)
    view = shown(lab, name)
    view.publish()
    del lab
    gc.collect()
    assert gone() is None
    view.publish()
    assert view.source.backend == "log"
    assert view.text()
    view.close()


def test_a_still_of_gossip_is_the_same_whether_or_not_the_page_was_refreshed(lab: Lab) -> None:
    """It has the scores of now, and a curve only of what was seen at two moments."""
    one, other = shown(lab, "gossip"), shown(lab, "gossip")
    for _ in range(3):
        one.publish()
    assert one.svg() == other.svg()
    assert "no scores are known" not in one.svg()
    assert "The curves begin when this view is shown" in one.svg()


def test_a_matrix_of_many_names_is_one_of_groups_with_every_pair_counted() -> None:
    names = [f"n{number}" for number in range(250)]
    marks = {(a, b): 0 for a in range(250) for b in (a + 1, a + 7, a + 100) if b < 250} | {(249, 0): 1}
    card = cards.matrix("Meshes", names, marks, [("in each other's mesh", "full"), ("alone", "half")], verb="has")
    each = 5
    assert card["names"][:2] == ["n0 to n4", "n5 to n9"]
    assert len(card["names"]) == 50
    counted = sum(int(words.split(" of ")[0].replace(",", "")) for words in card["say"].values())
    assert counted == len(marks) - 1
    assert card["say"]["0,0"] == f"{each - 1} of {each * each - each} pairs"
    shade = {(row, column): card["kinds"][kind][0] for row, column, kind in card["marks"]}
    assert (shade[0, 0], shade[0, 20], shade[0, 2]) == ("4 pairs", "5 pairs", "1 to 2 pairs")
    assert "250 names in 50 groups of 5" in card["grouped"]
    assert "n0 to n4 has n0 to n4: 4 of 20 pairs" in told("", [card])
