"""The exercises of lesson 09: what is accepted, and what each hint says."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import NotInThisWorldError
from p2plab.teaching.exercises import find
from p2plab.teaching.lessons.real_nodes import WORLDS

pytestmark = pytest.mark.real
NUMBERS = count()
SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "09_real_nodes.py"))


def numbered(value: object) -> str | None:
    """The id of what a test is given: functions have none of their own, so pytest gets a number."""
    return f"{next(NUMBERS)}" if callable(value) else None


def network(shape: str, nodes: int = 5, **settings: Any) -> Lab:
    """A real lab in which everybody subscribes and has all neighbours in the mesh."""
    lab = Lab("real", seed=7, **settings)
    lab.start_nodes(nodes)
    lab.wire(shape)
    for node in lab.nodes:
        node.subscribe("news")
    return grafted(lab)


def grafted(lab: Lab) -> Lab:
    assert lab.run_until(lambda: all(len(node.mesh("news")) == len(node.peers()) for node in lab.nodes), timeout=30)
    return lab


def told(lab: Lab, sender: str = "n0", reached: int | None = None) -> Lab:
    message = lab[sender].publish("news", "hello")
    wanted = len(lab.nodes) if reached is None else reached
    assert lab.run_until(lambda: len(lab.propagation(message)) == wanted, timeout=30)
    return lab


def saved(lab: Lab, folder: Path) -> Any:
    return p2plab.open(lab.save(folder / "run.p2plab"))


def pinged(latency: float, times: int = 1, backend: str = "real", **settings: Any) -> Lab:
    lab = Lab(backend, seed=7, **settings)
    a, b = lab.start_nodes(2)
    if latency:
        lab.network.set_link(latency=latency)
    a.connect(b)
    for _ in range(times):
        a.ping(b)
    return lab


def cut(lab: Lab, *groups: list[str], message: bool = True, heal: bool = True) -> Lab:
    lab.network.partition(*groups)
    if message:
        told(lab, groups[0][0], reached=len(groups[0]))
    if heal:
        lab.network.heal()
    return lab


def mended(lab: Lab, shape: str = "line") -> Lab:
    lab.wire(shape)
    return grafted(lab)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """Labs that several answers are taken from: starting real nodes is what takes the time."""
    folder = tmp_path_factory.mktemp("answers")
    line = told(network("line", pubsub="p2plab"))
    halves = (["n0", "n1"], ["n2", "n3", "n4"])
    slow = pinged(0.12, 2, transports=["memory"])
    (folder / "slow").mkdir()
    labs = {
        "line": line,
        "slow": slow,
        "saved slow": saved(slow, folder / "slow"),
        "saved line": saved(line, folder),
        "star": told(network("star")),
        "cut": cut(told(network("line")), *halves, heal=False),
        "memory": told(network("ring", transports=["memory"])),
    }
    yield labs
    for lab in labs.values():
        if isinstance(lab, Lab):
            lab.close()


def closed(lab: Lab) -> Lab:
    lab.close()
    return lab


def healed(shape: str, *groups: list[str], nodes: int = 4, **settings: Any) -> Lab:
    return told(mended(cut(network(shape, nodes, **settings), *groups), shape))


@pytest.mark.parametrize(
    "answer",
    [
        lambda labs: SOLUTIONS["answer_1"](),
        lambda labs: labs["line"],
        lambda labs: labs["saved line"],
        lambda labs: labs["memory"],
        lambda labs: closed(told(network("line", 6), "n5")),
    ],
    ids=numbered,
)
def test_the_first_takes_what_travels_over_real_hops(answers: Mapping[str, Any], answer: Callable[[Any], Any]) -> None:
    verdict = find("09.1")(answer(answers))
    assert verdict, verdict.says


def mock_line() -> Lab:
    lab = Lab(seed=7)
    lab.start_nodes(5)
    return lab


def deaf(nodes: int) -> Lab:
    lab = Lab("real", seed=7)
    lab.start_nodes(nodes)
    lab.wire("line")
    lab["n0"].subscribe("news")
    lab["n0"].publish("news", "hello")
    return lab


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda labs: None, "the answer is a lab"),
        (lambda labs: mock_line(), 'this is a mock lab; a real one is made with Lab("real"'),
        (lambda labs: Lab("real", seed=7), "no message was published"),
        (lambda labs: deaf(2), "2 nodes were running when it was published, and there should be at least 5"),
        (lambda labs: deaf(5), "these do not subscribe to 'news'"),
        (lambda labs: labs["star"], "everybody got it straight from n0"),
        (lambda labs: labs["cut"], "did not reach n2, n3, n4: let the meshes form"),
    ],
    ids=numbered,
)
def test_the_first_names_what_is_wrong(answers: Mapping[str, Any], answer: Callable[[Any], Any], says: str) -> None:
    verdict = find("09.1")(answer(answers))
    assert not verdict
    assert says in verdict.says


def test_the_second_takes_where_each_word_works() -> None:
    right = SOLUTIONS["answer_2"]()
    for answer in (
        right,
        dict(reversed(right.items())),
        {**WORLDS},
        dict(sorted(right.items())),
        WORLDS,
    ):
        assert find("09.2")(answer)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"at": None}, "still open: at"),
        ({"at": "both"}, "at is not for 'both': who plans for a time must own the clock"),
        ({"partition": "mock"}, "step 7 cut both"),
        ({"attach": "mock"}, "what is outside is a real program"),
        ({"publish": "everywhere"}, 'say "mock", "real" or "both", not \'everywhere\''),
        ({"fly": "mock"}, "'fly' is not asked for"),
    ],
)
def test_the_second_names_the_word_that_is_wrong(change: dict[str, Any], says: str) -> None:
    verdict = find("09.2")({**SOLUTIONS["answer_2"](), **change})
    assert not verdict
    assert says in verdict.says


def test_the_second_takes_a_dict_only() -> None:
    assert "give a dict with a world for each" in find("09.2")("both").says


def test_each_word_works_where_the_second_says() -> None:
    def tries(lab: Lab) -> dict[str, Callable[[], Any]]:
        return {
            "publish": lambda: lab["n0"].publish("news", "x"),
            "at": lambda: lab.at(lab.now + 1, print),
            "snapshot": lab.snapshot,
            "attach": lambda: lab.attach(outside["n0"].addresses[0]),
            "partition": lambda: lab.network.partition(["n0"], ["n1"]),
            "as_libp2p_script": lambda: lab.history().as_libp2p_script(),
        }

    with Lab("real", seed=8) as outside, Lab(seed=7) as mock, Lab("real", seed=7) as real:
        outside.start_node("n0")
        works: dict[str, set[str]] = {}
        for name, lab in (("mock", mock), ("real", real)):
            lab.start_nodes(2)
            for word, attempt in tries(lab).items():
                works.setdefault(word, set())
                try:
                    attempt()
                except NotInThisWorldError:
                    continue
                works[word].add(name)
    said = {word: {"mock", "real"} if world == "both" else {world} for word, world in WORLDS.items()}
    assert works == said


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        lambda labs: SOLUTIONS["answer_3"](),
        lambda labs: labs["slow"],
        lambda labs: labs["saved slow"],
        lambda labs: closed(labs["slow"]),
        lambda labs: pinged(0.1, transports=["memory"], security="tls"),
    ],
    ids=numbered,
)
def test_the_third_takes_a_slow_link(answers: Mapping[str, Any], answer: Callable[[Any], Any]) -> None:
    verdict = find("09.3")(answer(answers))
    assert verdict, verdict.says


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda: None, "the answer is a lab"),
        (lambda: pinged(0.1, backend="mock"), "this is a mock lab"),
        (lambda: pinged(0, 0), "nobody has pinged"),
        (lambda: pinged(0), "over the loopback, which cannot be made slow"),
        (lambda: pinged(0.05, transports=["memory"]), "there and back"),
        (lambda: 0.2, "the answer is a lab"),
    ],
    ids=numbered,
)
def test_the_third_names_what_is_wrong(answer: Callable[[], Any], says: str) -> None:
    verdict = find("09.3")(answer())
    assert not verdict
    assert says in verdict.says


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        lambda folder: SOLUTIONS["answer_4"](),
        lambda folder: healed("line", ["n0"], ["n1", "n2", "n3"]),
        lambda folder: healed("ring", ["n0", "n1"], ["n2", "n3"], pubsub="p2plab"),
        lambda folder: closed(healed("line", ["n3", "n2"], ["n0", "n1"], transports=["memory"])),
        lambda folder: saved(healed("line", ["n1", "n0"], ["n2", "n3", "n4"], nodes=5), folder),
    ],
    ids=numbered,
)
def test_the_fourth_takes_what_was_cut_and_healed(answer: Callable[[Path], Any], tmp_path: Path) -> None:
    verdict = find("09.4")(answer(tmp_path))
    assert verdict, verdict.says


def test_the_fourth_names_what_is_wrong() -> None:
    def says(answer: Any) -> str:
        verdict = find("09.4")(answer)
        assert not verdict
        return verdict.says

    assert "the answer is a lab" in says(None)
    assert "this is a mock lab" in says(mock_line())
    lab = network("line", 4)
    assert "nothing was cut" in says(lab)
    cut(lab, ["n0", "n1"], ["n2", "n3"], message=False, heal=False)
    assert "the partition still stands" in says(lab)
    lab.network.heal()
    assert "no message was published in this lab" in says(lab)
    told(lab, reached=2)
    assert "no message was published while the network was cut" in says(lab)
    cut(lab, ["n0", "n1"], ["n2", "n3"])
    assert "no message was published after the network was healed" in says(lab)
    told(lab, reached=2)
    assert "did not reach n2, n3: a partition closes real connections, so dial again" in says(lab)
    told(mended(lab))
    assert find("09.4")(lab)
    lab.close()


def test_the_fourth_wants_a_cut_that_matters() -> None:
    with network("line", 4) as lab:
        lab.network.partition(["n0"], ["n2"])  # which are no neighbours
        told(lab)
        lab.network.heal()
        told(lab)
        verdict = find("09.4")(lab)
    assert not verdict
    assert "reached everybody: cut it elsewhere" in verdict.says
