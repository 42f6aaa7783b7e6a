"""What a mistake costs a person: the sentence, and the user's own lines."""

from __future__ import annotations

import asyncio
import pickle
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import p2plab
from p2plab import AsyncLab, Lab
from p2plab.errors import DialError, LabError, UnknownNodeError, ValidationError
from p2plab.errors.frames import Framed
from p2plab.errors.likely import did_you_mean, likely

HERE = Path(__file__).parent


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7) as lab:
        lab.start_node("alice")
        lab.start_node("bob")
        yield lab


def files(error: BaseException) -> list[str]:
    """The files of the frames that a traceback shows, this one's frame of the test apart."""
    return [Path(frame.filename).name for frame in traceback.extract_tb(error.__traceback__)]


MISTAKES: dict[str, Callable[[Lab], Any]] = {
    "a name": lambda lab: lab["alice"].connect("bbo"),
    "a node of the lab": lambda lab: lab["alcie"],
    "a property": lambda lab: lab["alice"].open_stream("bob", "/echo/1.0.0"),
    "a topic": lambda lab: lab["alice"].publish("", "x"),
    "a setting": lambda lab: Lab(latncy=3),
    "a key": lambda lab: lab["alice"].dht.get("no key"),
    "a link": lambda lab: lab.network.set_link(latency=-1),
    "a subscription": lambda lab: lab["alice"].subscribe("news").get(timeout=-1),
    "a chart": lambda lab: p2plab.charts.latency(lab, topic="nes"),
    "a file": lambda lab: p2plab.open("no such file"),
    "a sweep": lambda lab: p2plab.sweep(lambda lab: 1, seeds="many"),  # type: ignore[arg-type]
    "a diagnosis": lambda lab: p2plab.diagnose("/ip4/127.0.0.1/tpc/1"),
    "an answer": lambda lab: p2plab.teaching.check("no exercise", 1),
    "a gate": lambda lab: setattr(lab["alice"], "gate", "open"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_error_shows_the_user_s_lines_and_one_of_p2plab_s(lab: Lab, mistake: str) -> None:
    with pytest.raises(LabError) as raised:
        MISTAKES[mistake](lab)
    shown = files(raised.value)
    assert shown[:2] == ["test_frames.py", "test_frames.py"]
    assert shown[2:] == ["frames.py"]
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    kept = [frame.filename for frame in traceback.extract_tb(raised.value.full_traceback)]
    assert len([name for name in kept if "p2plab" in Path(name).parts]) >= 2


def test_a_time_out_is_cut_as_well(lab: Lab) -> None:
    with pytest.raises(TimeoutError) as raised:
        lab["alice"].subscribe("news").get(timeout=1)
    assert files(raised.value) == ["test_frames.py", "frames.py"]


def test_a_coroutine_s_error_is_cut() -> None:
    async def mistaken() -> None:
        async with AsyncLab(seed=7) as lab:
            alice = await lab.start_node("alice")
            await alice.connect("bbo")

    with pytest.raises(UnknownNodeError) as raised:
        asyncio.run(mistaken())
    ours = [name for name in files(raised.value) if name not in ("test_frames.py", "runners.py", "base_events.py")]
    assert ours == ["frames.py"]


def test_code_of_the_user_s_that_p2plab_calls_is_shown(lab: Lab) -> None:
    def predicate() -> bool:
        return lab["alcie"] is None

    with pytest.raises(UnknownNodeError) as raised:
        lab.run_until(predicate, timeout=1)
    names = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert "predicate" in names


def test_an_error_of_the_user_s_own_is_left_as_it_is(lab: Lab) -> None:
    def predicate() -> bool:
        raise KeyError("mine")

    with pytest.raises(KeyError) as raised:
        lab.run_until(predicate, timeout=1)
    assert len({"driver.py", "world.py", "lab.py"} & set(files(raised.value))) >= 1


def test_full_tracebacks_show_every_frame(lab: Lab) -> None:
    assert p2plab.tracebacks() == "short"
    assert p2plab.tracebacks("full") == "short"
    try:
        with pytest.raises(UnknownNodeError) as raised:
            lab["alice"].connect("bbo")
    finally:
        assert p2plab.tracebacks("short") == "full"
    assert "names.py" in files(raised.value)
    with pytest.raises(ValidationError, match="'short' or 'full', not 'long'"):
        p2plab.tracebacks("long")  # type: ignore[arg-type]


def test_an_error_with_its_frames_can_be_pickled(lab: Lab) -> None:
    with pytest.raises(UnknownNodeError) as raised:
        lab["alice"].connect("bbo")
    raised.value.event = 5
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.event, again.full_traceback) == (str(raised.value), 5, None)
    failed = pickle.loads(pickle.dumps(DialError("no way", [("/ip4/1.2.3.4/tcp/1", 0.1, "refused")])))
    assert failed.attempts == [("/ip4/1.2.3.4/tcp/1", 0.1, "refused")]


MISTAKEN = """
from p2plab import Lab
lab = Lab(seed=7)
alice, bob = lab.start_node("alice"), lab.start_node("bob")
alice.connect("bbo")
"""


@pytest.mark.dear
def test_in_a_terminal_there_are_at_most_two_frames_before_the_sentence(tmp_path: Path) -> None:
    script = tmp_path / "mistaken.py"
    script.write_text(MISTAKEN)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert len([line for line in lines if line.startswith("  File ")]) <= 2
    assert lines[-1].endswith("no node of this lab is 'bbo'; did you mean bob? lab.nodes lists them")


def test_ipython_shows_the_sentence_and_then_the_user_s_line(capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell()
    shell.run_cell(MISTAKEN)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0] == "UnknownNodeError: no node of this lab is 'bbo'; did you mean bob? lab.nodes lists them"
    assert lines[1].endswith('line 4:  alice.connect("bbo")')
    assert len(lines) == 2
    shell.run_cell("lab.close()")


# -- likely names


@pytest.mark.parametrize(
    ("written", "known", "meant"),
    [
        ("bbo", ["alice", "bob"], "bob"),
        ("Alice", ["alice", "bob"], "alice"),
        ("nes", ["news", "weather"], "news"),
        ("weat", ["news", "weather-in-berlin"], "weather-in-berlin"),
        ("zoe", ["alice", "bob"], None),
        ("", ["alice"], None),
        (7, ["7"], None),
        ("x" * 1000, ["x"], None),
    ],
)
def test_the_likely_name(written: object, known: list[str], meant: str | None) -> None:
    assert likely(written, known) == meant
    assert did_you_mean(written, known) == (f"did you mean {meant}? " if meant else "")


def test_a_verb_that_there_is_not_is_refused_with_the_likely_one(lab: Lab) -> None:
    node = lab["alice"]
    for held, wrong, meant in (
        (lab, "grap", "graph"),
        (node, "subcribe", "subscribe"),
        (node.dht, "find_provider", "find_providers"),
        (lab.views, "gosip", "gossip"),
    ):
        with pytest.raises(AttributeError, match=f"has no attribute {wrong!r}; did you mean {meant}\\?") as caught:
            getattr(held, wrong)
        assert isinstance(caught.value, Framed)
    assert not hasattr(node, "crashh")
    held, wrong = lab, "alice"
    with pytest.raises(AttributeError, match=re.escape("no attribute 'alice'; the node is lab['alice']")):
        getattr(held, wrong)


def test_a_peer_s_info_that_is_taken_for_the_node_says_where_that_is(lab: Lab) -> None:
    lab["alice"].connect("bob")
    (info,) = lab["alice"].peers()
    assert pickle.loads(pickle.dumps(info)) == info
    with pytest.raises(AttributeError, match=re.escape("the node is lab['bob']")):
        info.crash()  # type: ignore[attr-defined]
    with pytest.raises(UnknownNodeError, match=re.escape("lab[...] takes the name of a node, as in lab['bob']")):
        lab[info]  # type: ignore[index]
