"""Settings are declared once, and every place that speaks of them says what the declaration says."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import pytest

import p2plab
from p2plab import AsyncLab, Lab
from p2plab.api.backends import settings_of
from p2plab.errors import NotInThisWorldError, ValidationError
from p2plab.settings import changed, declared, listed, refuse_unknown, setting

WORLDS = [
    "mock",
    pytest.param("real", marks=pytest.mark.skipif(not p2plab.HAS_LIBP2P, reason="py-libp2p is not installed")),
]


@dataclass(frozen=True)
class Kettle:
    """What a kettle is told."""

    degrees: float = setting(100.0, "how hot the water is to be", "lab")
    cups: int = setting(2, "how much of it", check=lambda given: int(given))
    lid: bool | None = setting(None, "whether it is shut", "node", shown="by itself")


def test_a_setting_has_name_type_default_and_help() -> None:
    found = declared(Kettle)
    assert [(one.name, one.type, one.whose) for one in found.values()] == [
        ("degrees", "float", "lab"),
        ("cups", "int", "both"),
        ("lid", "bool | None", "node"),
    ]
    assert str(found["lid"]) == "whether it is shut (by itself)"
    assert list(declared(Kettle, "lab")) == ["degrees", "cups"]
    assert list(declared(Kettle(), "node")) == ["cups", "lid"]
    assert listed(found).splitlines()[1] == "    cups: how much of it (2)"


def test_values_are_checked_and_the_rest_stays() -> None:
    assert changed(Kettle(), {"cups": "3"}) == Kettle(cups=3)


def test_an_unknown_setting_is_refused_with_what_is_like_it() -> None:
    with pytest.raises(ValidationError, match=r"a kettle has no setting 'cup' \(did you mean cups: how much of it\?\)"):
        refuse_unknown({"cup": 1}, declared(Kettle), "a kettle")
    refuse_unknown({"cups": 1}, declared(Kettle), "a kettle")


@pytest.mark.parametrize("backend", WORLDS)
def test_every_setting_of_a_world_says_what_it_is(backend: str) -> None:
    lab, node = settings_of(backend), settings_of(backend, "node")
    assert {"gossipsub", "dht", "recording"} <= lab.keys()
    assert {"gossipsub", "dht"} <= node.keys()
    assert not {"recording", "log_limit"} & node.keys()
    for one in (lab | node).values():
        assert one.help, one.name
        assert one.default, one.name


@pytest.mark.parametrize("backend", WORLDS)
def test_start_node_and_the_lab_tell_their_settings(backend: str) -> None:
    node = settings_of(backend, "node")
    only = {name: one for name, one in settings_of(backend).items() if name not in node}
    assert f"Settings of {backend} nodes:\n{listed(node)}\n" in inspect.cleandoc(AsyncLab.start_node.__doc__ or "")
    assert f"Settings of {backend} labs:\n{listed(only)}\n" in inspect.cleandoc(AsyncLab.__doc__ or "")
    assert Lab.start_node.__doc__
    assert f"{next(iter(node))}: " in Lab.start_node.__doc__


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"latancy": 0.1}, r"no setting 'latancy' \(did you mean latency: seconds one way, of every link\?\)"),
        ({"ip": "10.0.0.1"}, "no setting 'ip'"),
    ],
)
def test_a_mock_lab_refuses_what_is_no_setting_of_a_lab(settings: dict[str, Any], error: str) -> None:
    with pytest.raises(ValidationError, match=error):
        Lab(**settings)


def test_a_node_refuses_what_is_no_setting_of_a_node_and_is_not_started() -> None:
    with Lab(seed=7) as lab:
        with pytest.raises(ValidationError, match=r"a mock node has no setting 'gosipsub' \(did you mean gossipsub"):
            lab.start_node("alice", gosipsub=1)
        with pytest.raises(NotInThisWorldError, match="listen= is a real lab's"):
            lab.start_node("alice", listen="/ip4/127.0.0.1/tcp/0")
        assert lab.nodes == []
