"""Every argument of every verb, in both worlds, given what it cannot be: an error of p2plab's in a sentence, or a value
that does.

What is called is found by looking at the faces, so that a new verb is tested from its first day.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import LabError, NotInThisWorldError


class Odd:
    """Nothing that any verb takes."""


NOTHING_THAT_GOES: tuple[Any, ...] = (None, True, 3, "", "a\0b", "\udcff", "x" * 5000, [], [None], {}, Odd())
CID = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"  # of b"hello"
GOES: dict[str, Any] = {
    "a": "alice", "addresses": [], "b": "bob", "check": lambda message: True, "cid": CID, "content": b"x", "data": b"x",
    "key": "/lab/x", "kind": "symmetric", "name": "dave", "namespace": "chess", "node": "alice", "nodes": ["alice"],
    "path": "out.bin", "predicate": lambda *_: True, "protocol": "/x/1", "protocols": ["/x/1"], "record": b"x",
    "role": "pinner", "scenario": lambda lab: None, "seconds": 0.1, "shape": "ring", "tag": "friend", "topic": "news",
    "value": b"1",
}  # fmt: skip
FACES: dict[str, Callable[[Lab], Any]] = {
    "lab": lambda lab: lab,
    "lab.dht": lambda lab: lab.dht,
    "lab.network": lambda lab: lab.network,
    "lab.network.zone": lambda lab: lab.network.zone,
    "lab.roles": lambda lab: lab.roles,
    "node": lambda lab: lab["alice"],
    "node.content": lambda lab: lab["alice"].content,
    "node.content.blocks": lambda lab: lab["alice"].content.blocks,
    "node.dht": lambda lab: lab["alice"].dht,
    "node.discovery": lambda lab: lab["alice"].discovery,
    "node.routing": lambda lab: lab["alice"].routing,
}
# They end the lab, wait in real time, run many labs, draw, or hand what they are given to the user's own code.
LEFT_OUT = {
    "check", "close", "compare", "compare_presets", "console", "crash", "dashboard", "execute_command", "graph", "play",
    "run_until", "timeline", "views", "diagnose", "fork", "extend", "save",
}  # fmt: skip
OF_A_MOCK_LAB = ("lab.dht", "lab.network.zone")
WORLDS = [
    *[pytest.param("mock", face, id=face) for face in FACES],
    *[
        pytest.param("real", face, id=f"{face}, real", marks=pytest.mark.real)
        for face in FACES
        if face not in OF_A_MOCK_LAB
    ],
]
USERS_OWN = {"parameters", "options", "arguments", "progress", "change"}


def calls(face: Any) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """The verbs of a face with each of their arguments, and what calls them with a value for it."""
    for name in sorted(dir(face)):
        if name.startswith("_") or name in LEFT_OUT:
            continue
        try:
            verb = getattr(face, name)
        except NotInThisWorldError:  # a property, such as lab.dht of a real lab
            continue
        if not inspect.ismethod(verb):
            continue
        parameters = inspect.signature(verb).parameters
        for wanted, about in parameters.items():
            if wanted in USERS_OWN or about.kind is about.VAR_KEYWORD:
                continue
            before = [
                GOES.get(one.name, "bob")
                for one in parameters.values()
                if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD and one.name != wanted
            ]
            given = {
                one.name: GOES.get(one.name, "bob")
                for one in parameters.values()
                if one.default is one.empty and one.name != wanted and one.kind is not one.VAR_POSITIONAL
            }
            if about.kind is about.VAR_POSITIONAL:
                yield name, wanted, functools.partial(verb, *before)
            else:
                yield name, wanted, functools.partial(by_name, verb, given, wanted)


def by_name(verb: Callable[..., Any], given: dict[str, Any], wanted: str, value: Any) -> Any:
    return verb(**given, **{wanted: value})


@pytest.mark.parametrize(("backend", "face"), WORLDS)
def test_what_an_argument_cannot_be_costs_a_sentence(
    backend: str, face: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lab = Lab(backend, seed=1)
    for name in ("alice", "bob"):
        lab.start_node(name)
    lab.wire("full")
    lab["alice"].content.add(b"hello")  # so that nothing waits for what nobody has
    wrong = []
    with lab, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is taken, some is worth a warning
        for verb, argument, call in calls(FACES[face](lab)):
            for value in NOTHING_THAT_GOES:
                try:
                    call(value)
                except (LabError, TimeoutError) as error:
                    said = str(error)
                    if len(said) > 2_000 or not said.replace("\n", "").isprintable() or said.rstrip().endswith(":"):
                        wrong.append(f"{verb}({argument}={str(value)[:20]!a}): {said[:200]!a}")
                except Exception as error:  # noqa: BLE001  # whatever comes through is what is looked for
                    wrong.append(f"{verb}({argument}={str(value)[:20]!a}): {type(error).__name__}: {str(error)[:200]}")
        if backend == "mock" and face != "node.content":  # whose files are others by now
            again = p2plab.open(lab.save("run.p2plab"), run_code=True)
            assert again.events.digest() == lab.events.digest()
    assert not wrong, "\n".join(wrong)
