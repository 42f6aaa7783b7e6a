"""A call with an argument that a verb has not, or without one that it needs: an error of p2plab's that names the verb
as the user wrote it, the argument, and the likely one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest

import p2plab
from p2plab import AsyncLab, Lab
from p2plab.errors import CallError, LabError, ValidationError
from tests.unit.interface.test_every_argument import FACES

ALL: Any = p2plab
SAID: list[tuple[Callable[[Any], Any], str]] = [
    (lambda lab: lab["alice"].publish("news"), "publish needs data too; it is called as publish(topic, data)"),
    (lambda lab: lab["alice"].publish("news", b"x", 3), "publish takes 2 arguments by position, and 3 were given"),
    (lambda lab: lab["alice"].publish("news", b"x", topic="x"), "publish was given topic twice"),
    (lambda lab: lab["alice"].connect("bob", timout=3), "connect takes no argument 'timout'; did you mean timeout?"),
    (lambda lab: lab["alice"].dht.put("/lab/x"), "put needs value too; it is called as put(key, value)"),
    (lambda lab: lab["alice"].content.cat(), "cat needs cid too"),
    (lambda lab: lab["alice"].subscribe("news").get(timout=3), "get takes no argument 'timout'; did you mean timeout?"),
    (lambda lab: lab.network.set_node("alice", upp=1), "set_node takes no argument 'upp'; did you mean up?"),
    (lambda lab: lab.network.add_nat(), "add_nat needs nodes too"),
    (lambda lab: lab.wire("ring", degre=3), "wire takes no argument 'degre'; did you mean degree?"),
    (lambda lab: lab.fork(att=3), "fork takes no argument 'att'; did you mean at?"),
    (lambda lab: lab.execute_command(), "execute_command needs name too"),
    (lambda lab: lab.events.filter(knd="x"), "filter takes no argument 'knd'; did you mean kind?"),
    (lambda lab: lab.events.state(1, att=3), "state takes no argument 'att'; did you mean at?"),
    (lambda lab: type(lab).replay(), "replay needs history too"),
    (lambda lab: ALL.sweep(), "sweep needs scenario too"),
    (lambda lab: ALL.shrink(), "shrink needs lab_or_path and still_fails too"),
    (lambda lab: ALL.charts.latency(lab, topik="x"), "latency takes no argument 'topik'; did you mean topic?"),
]  # fmt: skip


@pytest.fixture(scope="module")
def lab() -> Lab:
    made = Lab(seed=1)
    made.start_node("alice"), made.start_node("bob")
    return made


@pytest.mark.parametrize(("call", "said"), SAID, ids=[said.partition(";")[0] for _, said in SAID])
def test_a_wrong_call_says_what_is_wrong_with_it(lab: Lab, call: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(CallError) as raised:
        call(lab)
    assert str(raised.value).startswith(said)
    assert isinstance(raised.value, (TypeError, ValidationError))
    assert not any("p2plab/api" in str(entry.path) for entry in raised.traceback)


def test_an_awaited_verb_says_the_same() -> None:
    async def call() -> None:
        async with AsyncLab(seed=1) as lab:
            alice = await lab.start_node("alice")
            await alice.connect("bob", timout=3)  # type: ignore[call-arg]

    with pytest.raises(CallError, match="did you mean timeout"):
        asyncio.run(call())


def test_what_a_verb_raises_by_itself_is_no_wrong_call(lab: Lab) -> None:
    def action(needed: int) -> None: ...

    with pytest.raises(TypeError) as raised:
        lab.run_until(action)  # type: ignore[arg-type]
    assert not isinstance(raised.value, CallError)


@pytest.mark.parametrize("face", FACES)
def test_every_verb_names_itself_where_it_is_called_wrongly(lab: Lab, face: str) -> None:
    held, wrong = FACES[face](lab), []
    for name in sorted(dir(type(held))):
        verb = None if name.startswith("_") else inspect.getattr_static(type(held), name)
        call = (
            getattr(held, name) if inspect.isfunction(verb) or isinstance(verb, (classmethod, staticmethod)) else None
        )
        if call is None or any(one.kind is one.VAR_KEYWORD for one in inspect.signature(call).parameters.values()):
            continue
        try:
            call(no_such_argument=1)
        except CallError as error:
            if not str(error).startswith(f"{name} takes no argument 'no_such_argument'"):
                wrong.append(f"{name}: {error}")
        except Exception as error:  # noqa: BLE001  # whatever comes through is what is looked for
            wrong.append(f"{name}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)


def test_a_setting_of_the_lab_is_told_to_whoever_gives_it_to_a_node(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"a setting of a whole lab, Lab\(latency=\.\.\.\)"):
        lab.start_node("carol", latency=0.1)
    with pytest.raises(LabError, match="did you mean transports"):
        lab.start_node("carol", transport="tcp")
    with pytest.raises(LabError, match="a link has no 'los'; did you mean loss"):
        lab.network.set_link(los=0.1)
    with pytest.raises(LabError, match="nat= is a real lab's"):
        lab.start_node("carol", nat="libp2p")
