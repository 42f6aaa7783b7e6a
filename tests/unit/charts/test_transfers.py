"""The chart of a transfer: what it shows is what the fetch says, of a log and of a Fetch."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from p2plab import Lab, charts
from p2plab.charts.transfers import asks_of, end_of
from p2plab.content.bitswap import Fetch
from p2plab.errors import ValidationError
from tests.unit.charts.reading import panels_of, sources_of

DATA = random.Random(2).randbytes(5_000_000)


@pytest.fixture(scope="module")
def swarm() -> Iterator[tuple[Lab, Fetch]]:
    """Four peers that send a million bytes a second each give a file of twenty blocks; erin has nothing."""
    with Lab(seed=8) as lab:
        nodes = lab.start_nodes(4)
        bob, erin = lab.start_node("bob"), lab.start_node("erin")
        lab.wire("full")
        erin.content.add(b"something else")
        for node in nodes:
            lab.network.set_node(node, up=1e6)
            cid = node.content.add(DATA, profile="unixfs-v0-2015")
        yield lab, bob.content.fetch(cid)


def test_each_block_is_there_from_its_question_to_its_arrival(swarm: tuple[Lab, Fetch]) -> None:
    lab, fetch = swarm
    chart = charts.transfers(lab, topic=fetch.cid, node="bob")
    steps = [step for step in fetch.path if step.asked == "want-block"]
    assert [row[:3] for row in chart.rows] == [[str(one.cid), one.peer.name, one.time] for one in steps if one.peer]
    assert [row[4] for row in chart.rows] == pytest.approx([step.duration for step in steps])
    assert [row[6] for row in chart.rows] == [step.size for step in steps]
    spans, growth = panels_of(chart.svg())
    for share in fetch.by:
        mine = [(at, row) for at, row in enumerate(chart.rows, start=1) if row[1] == share.peer.name]
        drawn = spans.series[str(share.peer.name)]
        assert len(mine) == share.blocks
        assert [y for _, y in drawn.points] == pytest.approx([at for at, _ in mine], abs=spans.resolution[1])
        for (low, high), (_, row) in zip(drawn.whiskers, mine, strict=True):
            assert (low, high) == pytest.approx((row[2], row[3]), abs=spans.resolution[0] + 0.004)
        last = growth.series[str(share.peer.name)].points[-1]
        assert last[1] * (1e3 if "kB" in chart.svg() else 1e6) == pytest.approx(share.bytes, rel=0.01)
    assert f"{fetch.blocks} blocks in {fetch.duration:.4g} s" in chart.sentence
    drawn_in_bokeh = sources_of(chart.bokeh().children[0][0])
    assert drawn_in_bokeh["n0"]["high"] == [row[3] for row in chart.rows if row[1] == "n0"]


def test_a_fetch_is_a_source_too(swarm: tuple[Lab, Fetch]) -> None:
    lab, fetch = swarm
    of_log, of_fetch = charts.transfers(lab), charts.transfers(fetch)
    assert [row[:4] for row in of_fetch.rows] == [row[:4] for row in of_log.rows]
    assert panels_of(of_fetch.svg())[0].series.keys() == panels_of(of_log.svg())[0].series.keys()
    assert of_fetch.sentence.split(": ", 1)[1] == of_log.sentence.split(": ", 1)[1]


def test_at_a_moment_it_shows_what_had_come_by_then(swarm: tuple[Lab, Fetch]) -> None:
    lab, fetch = swarm
    middle = fetch.started + fetch.duration / 2
    chart = charts.transfers(lab, until=middle)
    came = [step for step in fetch.path if step.answer == "block" and step.time + (step.duration or 0) <= middle]
    assert len([row for row in chart.rows if row[3] is not None]) == len(came) > 0
    waiting = [row for row in chart.rows if row[5] is None]
    assert f"{len(waiting)} blocks are waited for" in chart.sentence
    assert len(panels_of(chart.svg())[0].series["waited for"].points) == len(waiting)


def test_a_peer_that_goes_and_one_that_has_nothing_were_asked_in_vain() -> None:
    with Lab(seed=3) as lab:
        alice, bob, carol = (lab.start_node(name) for name in ("alice", "bob", "carol"))
        lab.wire("full")
        for node in (alice, carol):
            lab.network.set_node(node, up=2e5)
            cid = node.content.add(DATA[:2_000_000], profile="unixfs-v0-2015")
        lab.at(2.0, carol.crash)
        fetch = bob.content.fetch(cid)
        (begun, *_) = lab.events.filter(kind="bitswap.session", node="bob", reason="opened")
        asks = asks_of(lab.events, begun)
        gone = [ask for ask in asks if ask.answer == "gone"]
        assert {ask.peer for ask in gone} == {"carol"}
        assert len(gone) == len([step for step in fetch.path if step.answer == "gone"])
        assert sum(ask.came is not None for ask in asks) == fetch.blocks
        assert {ask.cid for ask in asks if ask.came is not None} == {step.cid.__str__() for step in fetch.path}
        over = end_of(lab.events, begun)
        assert over is not None
        assert (over.reason, (over.data or {})["blocks"]) == ("done", fetch.blocks)
        assert len(panels_of(charts.transfers(lab).svg())[0].series["asked in vain"].points) == len(gone)


def test_many_blocks_are_thinned_and_many_peers_put_together() -> None:
    with Lab(seed=4) as lab:
        nodes = lab.start_nodes(9)
        bob = lab.start_node("bob")
        lab.wire("star")
        for node in nodes:
            if "bob" not in {peer.name for peer in node.peers()}:
                bob.connect(node)
        many = [{"n": at, "text": "x" * 40} for at in range(300)]
        for node in nodes:
            cids = [node.content.blocks.put(json.dumps(one, sort_keys=True), codec="raw") for one in many]
            root = node.content.blocks.put(
                json.dumps([{"/": str(cid)} for cid in cids], separators=(",", ":")), codec="dag-json"
            )
        fetch = bob.content.fetch(root)
        chart = charts.transfers(lab)
        series = panels_of(chart.svg())[0].series
        assert fetch.blocks == 301
        assert sum(len(one.points) for one in series.values()) == 200
        givers = [name for name in series if name != "asked in vain"]
        assert (len(givers), givers[-1]) == (7, "others")
        assert any("th question is drawn" in note for note in chart.notes)
        assert sum(row[3] is not None for row in chart.rows) == 301


def test_what_is_not_there_is_said() -> None:
    with Lab(seed=4) as lab:
        alice = lab.start_node("alice")
        assert charts.transfers(lab).sentence.startswith("no block was asked for")
        cid = alice.content.add(b"hello")
        assert charts.transfers(lab, topic=cid).sentence.startswith("no block was asked for")
        with pytest.raises(ValidationError, match="CID"):
            charts.transfers(lab, topic="news")
    with Lab(seed=4, recording="decisions") as lab:
        alice, bob = lab.start_nodes(2)
        lab.wire("full")
        bob.content.fetch(alice.content.add(b"hello"))
        chart = charts.transfers(lab)
        assert any("not recorded at level decisions" in note for note in chart.notes)
        with pytest.raises(ValidationError, match="no fetch by 'n7' is in the log"):
            charts.transfers(lab, node="n7")
