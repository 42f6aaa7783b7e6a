"""What a chart shows is what happened: numbers are read back from the pictures and compared with the lab's answers."""

from __future__ import annotations

from bisect import bisect_right
from math import isclose
from types import SimpleNamespace

import pytest

import p2plab
from p2plab import Lab, charts
from p2plab.errors import ValidationError
from p2plab.pubsub import Message
from p2plab.runs import InThisProcess
from tests.unit.charts.reading import panels_of, sources_of

Gossip = tuple[Lab, list[Message]]


@pytest.mark.dear
def test_latencies_are_those_of_the_propagations(gossip: Gossip) -> None:
    lab, messages = gossip
    rows = {(row[0], row[3]): row[5] for row in charts.latency(lab).rows}
    expected: dict[tuple[str, str], float | None] = {}
    for message in messages:
        spread = lab.propagation(message)
        expected.update({(message.id, one.node): one.after for one in spread if one.node != spread.publisher})
        expected.update(dict.fromkeys(((message.id, node) for node in spread.missing), None))
    assert rows.keys() == expected.keys()
    assert any(value is None for value in rows.values())  # of the node that crashed
    for pair, after in expected.items():
        assert (rows[pair] is None) == (after is None)
        assert after is None or isclose(float(rows[pair] or 0), after, abs_tol=1e-9)


def test_the_curve_of_latencies_read_from_the_svg_is_their_distribution(gossip: Gossip) -> None:
    chart = charts.latency(gossip[0])
    (panel,) = panels_of(chart.svg())
    times = sorted(row[5] for row in chart.rows if row[5] is not None)
    near = panel.resolution
    corners = panel.series["deliveries"].points
    assert len(corners) > 20
    for x, y in corners:
        lowest = bisect_right(times, x - 2 * near[0]) / len(chart.rows)
        highest = bisect_right(times, x + 2 * near[0]) / len(chart.rows)
        # A corner at the foot of a step lies at the share before it.
        before = bisect_right(times, x - 2 * near[0] - 1e-9) / len(chart.rows)
        assert min(before, lowest) - near[1] - 0.02 <= y <= highest + near[1]
    assert isclose(corners[-1][1], len(times) / len(chart.rows), abs_tol=2 * near[1])
    middle = times[len(times) // 2]
    assert any(abs(mark - middle) < 0.02 for mark in panel.marks["x"])


@pytest.mark.dear
def test_bokeh_and_svg_are_of_the_same_numbers(gossip: Gossip) -> None:
    for name in ("latency", "throughput", "bandwidth", "mesh_sizes", "duplicates", "scores"):
        chart = getattr(charts, name)(gossip[0])
        sources = sources_of(chart.figure)
        panels = panels_of(chart.svg())
        compared = 0
        for panel in panels:
            for series in panel.series.values():
                column = sources[series.name]
                pairs = list(zip(column["x"], column["y"], strict=True))
                for x, y in series.points[:: max(1, len(series.points) // 40)]:
                    near = [pair for pair in pairs if abs(pair[0] - x) <= 2 * panel.resolution[0]]
                    low, high = min(p[1] for p in near), max(p[1] for p in near)
                    # The foot of a step has the value before it.
                    first = max(0, pairs.index(near[0]) - 1)
                    slack = 2 * panel.resolution[1]
                    assert min(low, pairs[first][1]) - slack <= y <= max(high, pairs[first][1]) + slack
                    compared += 1
        assert compared


def test_duplicates_are_those_of_the_propagations(gossip: Gossip) -> None:
    lab, messages = gossip
    chart = charts.duplicates(lab, topic="news")
    assert [row[5] for row in chart.rows] == [lab.propagation(message).duplicates for message in messages]
    (panel,) = panels_of(chart.svg())
    read = panel.series["messages"]
    assert len(read.points) == len(read.whiskers) == len(messages)
    for (x, y), (low, high), row in zip(read.points, read.whiskers, chart.rows, strict=True):
        assert isclose(x, row[3], abs_tol=2 * panel.resolution[0])
        assert isclose(y, row[6], abs_tol=2 * panel.resolution[1])
        assert isclose(low, row[7], abs_tol=2 * panel.resolution[1])
        assert isclose(high, row[8], abs_tol=2 * panel.resolution[1])


def test_throughput_adds_up_to_what_was_published_and_delivered(gossip: Gossip) -> None:
    lab, messages = gossip
    rows = charts.throughput(lab).rows
    delivered = sum(len([one for one in lab.propagation(message) if one.hops]) for message in messages)
    assert isclose(sum(row[2] * row[1] for row in rows), len(messages), rel_tol=1e-9)
    assert isclose(sum(row[3] * row[1] for row in rows), delivered, rel_tol=1e-9)
    payload = sum(len(m.data) * len([one for one in lab.propagation(m) if one.hops]) for m in messages)
    assert isclose(sum(row[4] * row[1] for row in rows), payload, rel_tol=1e-9)


def test_bandwidth_adds_up_to_the_frames_of_the_log(gossip: Gossip) -> None:
    lab, _ = gossip
    chart = charts.bandwidth(lab)
    totals: dict[str, float] = {}
    for part, _start, seconds, rate in chart.rows:
        totals[part] = totals.get(part, 0.0) + rate * seconds
    sent = sum(event.size or 0 for event in lab.events.filter(kind="link.sent"))
    assert isclose(totals["all frames"], sent, rel_tol=1e-9)
    assert 0 < totals["messages, first copy"] < totals["messages, duplicates"] < sent


def test_mesh_sizes_are_those_that_the_nodes_tell_and_that_the_fold_tells(gossip: Gossip) -> None:
    lab, _ = gossip
    rows = charts.mesh_sizes(lab).rows
    sizes = sorted(len(node.mesh("news")) for node in lab.nodes if node.running and "news" in node.topics())
    last = rows[-1]
    assert (last[2], last[3], last[6]) == (len(sizes), sizes[0], sizes[-1])
    assert isclose(last[5], sum(sizes) / len(sizes))
    for row in rows[:: len(rows) // 8]:
        state = lab.events.state(at=row[1])
        then = sorted(
            len(state.meshes["news"].get(node, [])) for node in state.subscriptions["news"] if node not in state.down
        )
        assert (row[2], row[3], row[6]) == (len(then), then[0], then[-1])


@pytest.mark.parametrize("until", [1.0, 2.0, 3.0, 5.0])
def test_mesh_sizes_are_told_once_for_each_moment(gossip: Gossip, until: float) -> None:
    lab, _ = gossip
    chart = charts.mesh_sizes(lab, topic="news", until=until)
    moments = [round(row[1], 6) for row in chart.rows]
    assert len(moments) > 3
    assert len(moments) == len(set(moments))


def test_scores_are_exact_at_every_moment_and_the_lab_does_not_notice(gossip: Gossip) -> None:
    lab, _ = gossip
    before = lab.events.digest()
    chart = charts.scores(lab)
    assert lab.events.digest() == before
    for moment in sorted({row[0] for row in chart.rows})[::7]:
        with Lab.replay(lab.history(), until=moment) as then:
            expected = {
                (node.name, peer): parts for node in then.nodes if node.running for peer, parts in node.scores().items()
            }
        rows = {(row[1], row[2]): row for row in chart.rows if row[0] == moment}
        assert rows.keys() == expected.keys()
        for pair, parts in expected.items():
            assert rows[pair][3:6] == [parts["score"], parts["P1"], parts["P2"]]


def test_scores_of_a_log_are_the_ones_that_were_recorded() -> None:
    with Lab(seed=3) as lab:
        alice, bob = lab.start_nodes(2)
        alice.add_validator("news", lambda message: False)
        for node in (alice, bob):
            node.subscribe("news")
        alice.connect(bob)
        lab.run(3)
        for number in range(40):
            bob.publish("news", f"bad {number}")
            lab.run(0.1)
        chart = charts.scores(lab.events)
        scored = lab.events.filter(kind="pubsub.score")
    assert scored, "the run is to push a score below a threshold"
    assert [(row[0], row[1], row[2]) for row in chart.rows] == [(e.t, e.node, e.peer) for e in scored]
    assert any("recorded" in note for note in chart.notes[1:])
    assert "by P4" in chart.sentence


def test_lookups_are_those_of_the_log_and_a_lookup_tells_the_same(dht: Lab) -> None:
    again = dht["n3"].dht.get("/lab/0")
    chart = charts.lookups(dht)
    last = chart.rows[-1]
    assert (last[1], last[2], last[6]) == ("n3", "get", len(again.path))
    assert [row[2] for row in chart.rows] == ["put", "get"] * 3 + ["get"]
    time, queries = panels_of(chart.svg())
    gets = sorted(row[5] for row in chart.rows if row[2] == "get")
    corners = time.series["get"].points
    assert isclose(corners[-1][0], gets[-1], abs_tol=2 * time.resolution[0])
    assert corners[-1][1] == pytest.approx(1.0, abs=2 * time.resolution[1])
    assert queries.series.keys() == {"put", "get"}


def test_a_part_of_a_run_has_the_messages_of_that_part(gossip: Gossip) -> None:
    lab, messages = gossip
    sent = {event.ref: event.t for event in lab.events.filter(kind="pubsub.publish")}
    middle = sent[messages[4].id]
    later = charts.latency(lab, since=middle)
    assert {row[0] for row in later.rows} == {message.id for message in messages[4:]}
    earlier = charts.duplicates(lab, until=middle - 0.001)
    assert [row[0] for row in earlier.rows] == [message.id for message in messages[:4]]


def scenario(lab: Lab, degree: int = 4) -> dict[str, float]:
    nodes = lab.start_nodes(8)
    lab.wire("random", degree=degree)
    subscriptions = [node.subscribe("news") for node in nodes]
    lab.run(2)
    nodes[0].publish("news", "x")
    lab.run(1)
    return {"got": float(sum(len(one.messages) for one in subscriptions)), "edges": float(len(lab.edges()))}


@pytest.mark.dear
def test_a_sweep_s_means_and_intervals_stand_in_the_picture() -> None:
    table = p2plab.sweep(scenario, seeds=range(4), grid={"degree": [2, 4, 6]})
    chart = charts.sweep(table)
    means = {(mean.parameters["degree"], mean.name): mean for mean in table.means()}
    assert {(row[0], row[1]): row[2] for row in chart.rows} == {key: mean.mean for key, mean in means.items()}
    panels = panels_of(chart.svg())
    assert len(panels) == 2
    (edges,) = panels[1].series.values()
    for (x, y), (low, high) in zip(edges.points, edges.whiskers, strict=True):
        mean = means[round(x), "edges"]
        assert isclose(y, mean.mean, abs_tol=2 * panels[1].resolution[1])
        assert isclose(high - low, 2 * (mean.half_width or 0.0), abs_tol=4 * panels[1].resolution[1])
    only = charts.sweep(table, topic="got", since=3)
    assert {(row[0], row[1]) for row in only.rows} == {(4, "got"), (6, "got")}


def test_a_comparison_s_ratios_stand_in_the_picture() -> None:
    worlds = {"mock": {"got": 8.0, "seconds": 0.2}, "real": {"got": 8.0, "seconds": 0.5}}
    compared = SimpleNamespace(
        scenario="flood", seed=1, values=worlds, measured={"mock": {}, "real": {"dials": 3.0}},
        events={"mock": {}, "real": {}}, left_out={"mock": [], "real": ["latency"]},
    )  # fmt: skip
    chart = charts.comparison(compared)
    assert chart.rows == [
        ["returned", "got", 8.0, 8.0, 1.0],
        ["returned", "seconds", 0.2, 0.5, 2.5],
        ["measured", "dials", None, 3.0, None],
    ]
    (panel,) = panels_of(chart.svg())
    ratios = [x for x, _ in panel.series["real / mock"].points]
    assert ratios == pytest.approx([2.5, 1.0], rel=0.01)
    assert panel.marks["x"] == pytest.approx([1.0], rel=0.01)
    assert "the real lab was made without latency, which it does not have" in chart.notes


def test_an_interval_is_drawn_where_the_number_can_be() -> None:
    given = {"seconds": (0.1, 2.0, 0.1), "share delivered": (1.0, 0.2, 1.0), "gain": (-1.0, 2.0, 0.5)}

    def scenario(lab: Lab, size: int) -> dict[str, float]:
        return {name: values[lab.seed] for name, values in given.items()}

    grid = {"size": [1]}
    table = p2plab.sweep(scenario, range(3), grid, executor=InThisProcess(), progress=False)
    chart = charts.sweep(table)
    seconds, share, gain = (panel.series[0] for panel in chart.description.panels)
    assert (seconds.low, share.high) == ((0.0,), (1.0,))
    assert seconds.high[0] == pytest.approx(0.7333 + 2.7253, abs=1e-3)
    assert gain.low[0] == pytest.approx(0.5 - 3.7262, abs=1e-3)
    assert [panel.interval for panel in chart.description.panels] == [
        "Whiskers: the part of the confidence interval where seconds can be, no less than 0.",
        "Whiskers: the part of the confidence interval where share delivered can be, from 0 to 1.",
        "",
    ]


@pytest.mark.dear
def test_published_numbers_stand_beside_those_of_a_sweep() -> None:
    def scenario(lab: Lab, size: int) -> dict[str, float]:
        return {"doubled": 2.0 * size + lab.seed % 2, "other": 1.0}

    table = p2plab.sweep(scenario, seeds=range(4), grid={"size": [1, 2, 3]}, progress=False)
    chart = charts.sweep(table, topic="doubled", published={"theirs": {3: 5.0, 1: 2.5}})
    assert [row for row in chart.rows if row[-1] == 0] == [
        [1.0, "doubled", 2.5, None, 0],
        [3.0, "doubled", 5.0, None, 0],
    ]
    (panel,) = panels_of(chart.svg())
    for (x, y), (wanted_x, wanted_y) in zip(panel.series["theirs"].points, [(1, 2.5), (3, 5.0)], strict=True):
        assert isclose(x, wanted_x, abs_tol=2 * panel.resolution[0])
        assert isclose(y, wanted_y, abs_tol=2 * panel.resolution[1])
    with pytest.raises(ValidationError, match="choose one with topic="):
        charts.sweep(table, published={"theirs": {1: 2.0}})
    with pytest.raises(ValidationError, match="is a dict from values of size to numbers"):
        charts.sweep(table, topic="doubled", published={"theirs": {"one": 2.0}})  # type: ignore[dict-item]
