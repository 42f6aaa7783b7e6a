"""Scenarios and expectations: read from lines, YAML and Python, taken in both worlds, with a reason for each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from p2plab import AsyncLab, Lab
from p2plab.commands.scripts.expectations import Expectation, scalar
from p2plab.commands.scripts.measures import MEASURES, MeasuredLab, ScenarioTraffic
from p2plab.commands.scripts.scenario import Scenario
from p2plab.errors import ValidationError

SCRIPT = """
# five nodes in a ring
lab mock seed=3
start_nodes 5
wire ring
subscribe_all news
@3s publish n0 news hello
expect delivered == 100% within 10s
expect received(n3, news) == 1
- connect n0 nobody
expect error == UnknownNodeError
"""

YAML = """
name: five nodes in a ring
lab: {backend: mock, seed: 3}
steps:
  - start_nodes: 5
  - wire: ring
  - subscribe_all: {topic: news}
  - publish: {node: n0, topic: news, message: hello}
    at: 3s
  - expect: delivered == 100% within 10s
  - expect: received(n3, news) == 1
  - connect: [n0, nobody]
    may_fail: true
  - expect: error == UnknownNodeError
"""

PYTHON: list[Any] = [
    "start_nodes 5",
    {"wire": "ring"},
    "subscribe_all news",
    (3.0, {"publish": {"node": "n0", "topic": "news", "message": "hello"}}),
    "expect delivered == 100% within 10s",
    "expect received(n3, news) == 1",
    "- connect n0 nobody",
    "expect error == UnknownNodeError",
]


@pytest.mark.parametrize("form", ["lines", "yaml", "python"])
def test_every_form_runs_in_both_worlds(new_lab: Callable[..., Lab], tmp_path: Path, form: str) -> None:
    if form == "python":
        scenario = Scenario(PYTHON)
    else:
        path = tmp_path / ("ring.p2p" if form == "lines" else "ring.yaml")
        path.write_text(SCRIPT if form == "lines" else YAML)
        scenario = Scenario.load(path)
        assert scenario.lab == {"backend": "mock", "seed": 3}
    report = scenario.run(new_lab())
    assert report.passed, str(report)
    assert report.exit_code == 0
    assert report.steps[3].time >= 3.0
    assert report.measures()["received(n3, news) == 1"] == 1
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()


def test_the_three_forms_are_the_same_run() -> None:
    digests = set()
    for scenario in (Scenario.parse(SCRIPT), Scenario(PYTHON)):
        with Lab(seed=3) as lab:
            assert scenario.run(lab).passed
            digests.add(lab.events.digest())
    assert len(digests) == 1


def test_it_can_be_awaited(backend: str) -> None:
    async def main() -> None:
        async with AsyncLab(backend, seed=3) as lab:
            report = await Scenario(PYTHON).run_async(lab)
            assert report.passed, str(report)

    asyncio.run(main())


def test_as_a_function_of_a_lab_it_gives_a_row_of_a_table() -> None:
    with Lab(seed=3) as lab:
        row = Scenario(PYTHON)(lab)
    assert row["passed"] is True
    assert row["delivered == 100% within 10s"] == 1.0


def test_a_failing_expectation_says_what_was_measured_and_the_rest_goes_on() -> None:
    scenario = Scenario(["start_nodes 2", "expect edges == 1 within 200ms", "wire line", "expect edges == 1"])
    with Lab(seed=3) as lab:
        report = scenario.run(lab)
        assert lab.now == pytest.approx(0.2)
    assert [step.status for step in report.steps] == ["PASSED", "FAILED", "PASSED", "PASSED"]
    assert report.failures[0].reason == "edges is 0, not == 1, after 0.2 s of waiting"
    assert report.exit_code == 1
    assert "FAILED  expect edges == 1 within 200ms  (edges is 0" in str(report)


def test_a_failing_command_ends_it_and_what_is_left_is_told() -> None:
    scenario = Scenario.parse("start_node alice\nconnect alice nobody\nrun 5\nexpect now >= 5")
    with Lab(seed=3) as lab:
        report = scenario.run(lab)
        assert lab.now == 0
    assert [step.status for step in report.steps] == ["PASSED", "FAILED", "SKIPPED", "SKIPPED"]
    assert report.steps[1].reason.startswith("UnknownNodeError: ")
    assert report.steps[2].reason == "line 2 before it failed"
    assert (report.passed, report.exit_code) == (False, 1)


def test_a_part_of_a_network_that_is_cut_off_does_not_get_the_message() -> None:
    scenario = Scenario.parse(
        "start_nodes 4\nwire full\nsubscribe_all news\nrun 2\nnetwork_partition n0,n1|n2,n3\n"
        "publish n0 news hi\nexpect delivered == 0.5\nexpect delivered == 1 within 3s"
    )
    with Lab(seed=3) as lab:
        report = scenario.run(lab)
    assert report.steps[-1].value == 0.5
    assert report.failures[-1] is report.steps[-1]


def test_times_are_since_the_scenario_began() -> None:
    with Lab(seed=3) as lab:
        lab.run(10)
        report = Scenario(["@1s start_node alice", "@2.5s nodes", "expect now == 2.5"]).run(lab)
    assert report.passed, str(report)
    assert report.steps[1].time == pytest.approx(12.5)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("start_node alice\nconect alice", "line 2: there is no command 'conect'"),
        ("publish alice news hello there", "line 1: publish: 'there' is one value too many"),
        ("@5s nodes\n@2s nodes", "line 2: 2 s comes after 5 s"),
        ("@soon nodes", "line 1: 'soon' is no time"),
        ("expect", "no command 'expect'"),
        ("expect delivered >", "is no expectation: write a measure"),
        ("expect 5 > 3", "is no expectation"),
        ("- expect edges == 1", "an expectation that may fail says nothing"),
        ("lab mock seed:7\nnodes", "'seed:7' is no setting"),
        ("expect edges == 1 within 5000h", "waits at most"),
    ],
)
def test_a_script_that_cannot_be_read_says_where_and_why(text: str, error: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Scenario.parse(text)
    assert error in str(raised.value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("steps: 5", "a list of steps, or a mapping"),
        ("just text", "a list of steps, or a mapping"),
        ("- {connect: bob, publish: x}", "step 1: a step has one command"),
        ("- {at: 5}", "and this has none"),
        ("- 5", "step 1: a step is a line or a mapping, not 5"),
        ("- {connect: bob, may_fail: maybe}", "may_fail is true or false, not 'maybe'"),
        ("- {nodes: null, at: -1}", "a step's time is from 0 up"),
        ("{steps: [nodes], colour: red}", "a scenario has no 'colour'"),
        ("{steps: [nodes], lab: 5}", "'lab' is a mapping"),
        ("a: [", "this is no YAML"),
        ("!!python/object/apply:os.getcwd []", "this is no YAML"),
    ],
)
def test_yaml_that_is_no_scenario_says_what_is_wrong(tmp_path: Path, text: str, error: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ValidationError) as raised:
        Scenario.load(path)
    assert error in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="cannot be read"):
        Scenario.load(tmp_path / "none.p2p")
    with pytest.raises(ValidationError, match=r"Scenario\.parse reads a script's text"):
        Scenario("nodes")


# -- expectations


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("0.5", 0.5),
        ("99%", 0.99),
        ("200ms", 0.2),
        ("2m", 120.0),
        ("true", True),
        ("none", None),
        ("hello", "hello"),
        ("'5'", "5"),
        ('"a b"', "a b"),
        ("x%", "x%"),
    ],
)
def test_a_written_value_is_read_as_what_it_is(text: str, value: object) -> None:
    found = scalar(text)
    assert (found, type(found)) == (value, type(value))


def test_an_expectation_is_taken_apart() -> None:
    assert Expectation.parse("latency.p99(news) < 200ms within 5s") == Expectation(
        "latency.p99(news) < 200ms within 5s", "latency.p99", ("news",), "<", 0.2, 5.0
    )
    assert Expectation.parse("connected(a, b)").words == ("a", "b")
    with pytest.raises(ValidationError, match="an expectation is text"):
        Expectation.parse(5)


@pytest.fixture
def view() -> Any:
    with Lab(seed=3) as lab:
        view = MeasuredLab(lab, ScenarioTraffic(lab))
        for line in (
            "start_nodes 3",
            "wire line",
            "subscribe_all news",
            "run 2",
            "publish n0 news hi",
            "run 1",
        ):
            assert Scenario([line]).run(lab).passed
        view.last = lab.execute_command("peers", node="n1")
        yield view


def judged(view: MeasuredLab, text: str) -> Any:
    from p2plab.commands.running import driven

    return driven(Expectation.parse(text).judge(view))


@pytest.mark.parametrize(
    "text",
    [
        "delivered == 1",
        "delivered(news) >= 99%",
        "published == 1",
        "duplicates == 0",
        "received(n2, news) == 1",
        "latency.max <= 100ms",
        "latency.mean <= 0.04",
        "latency.p50 < 50ms",
        "latency.p95 == 0.04",
        "latency.p99(news) > 0",
        "nodes == 3",
        "edges == 2",
        "connected(n0, n1)",
        "connected(n0, n2) == false",
        "peers(n1) == 2",
        "running(n1)",
        "mesh(n1, news) == 2",
        "subscribers(n0, news) == 1",
        "events(pubsub.deliver) == 3",
        "errors == 0",
        "now == 3",
        "success",
        "error == ''",
        "result.count == 2",
        "result.peers.0.name == n0",
        "result.peers contains n2",
        "result.peers.1.name contains n",
    ],
)
def test_every_measure_can_be_taken(view: MeasuredLab, text: str) -> None:
    verdict = judged(view, text)
    assert verdict.passed, verdict.reason


def test_every_measure_is_explained() -> None:
    assert all((function.__doc__ or "").strip() for function in MEASURES.values())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("wonder == 1", "there is no measure 'wonder'; there are "),
        ("peers == 1", "peers(node) is what can be measured, not peers()"),
        ("peers(zoe) == 1", "no node of this lab is 'zoe'"),
        ("delivered(sport) == 1", "nothing was published on 'sport' yet"),
        ("events(nonsense) == 0", "no kind of event is called 'nonsense'"),
        ("result.colour == red", "the result has no 'colour' there, only peers, count"),
        ("result.peers.7 == red", "the result has no '7' there"),
        ("edges == 7", "edges is 2, not == 7"),
        ("edges < many", "edges: '<' not supported"),
    ],
)
def test_what_cannot_be_measured_or_does_not_hold_is_a_reason(view: MeasuredLab, text: str, reason: str) -> None:
    verdict = judged(view, text)
    assert not verdict.passed
    assert reason in verdict.reason


def test_what_is_not_recorded_cannot_be_measured() -> None:
    with Lab(seed=3, recording="counters") as lab:
        verdict = judged(MeasuredLab(lab, ScenarioTraffic(lab)), "delivered == 1")
    assert "this lab records 'counters'" in verdict.reason


def test_the_traffic_of_before_does_not_count(view: MeasuredLab) -> None:
    later = MeasuredLab(view.lab, ScenarioTraffic(view.lab), start=view.lab.now)
    assert not judged(later, "delivered == 1").passed
    view.lab["n2"].publish("news", "again")
    assert judged(later, "delivered == 1 within 1s").passed
    assert judged(later, "published == 1").passed


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[" * 5000, "nested too deeply"),
        ("steps: [2024-99-99]\n", "no YAML"),
        ("steps: [\n", "no YAML"),
        ("steps: [nodes]\nlab:\n  seed: 1\n  seed: 2\n", "line 4 has 'seed' a second time"),
        ("steps: [nodes]\nname: x\nsteps: [edges]\n", "line 3 has 'steps' a second time"),
    ],
)
def test_a_file_that_yaml_cannot_read_is_named(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text(text)
    with pytest.raises(ValidationError, match=rf"deep\.yaml.*{wrong}"):
        Scenario.load(path)
