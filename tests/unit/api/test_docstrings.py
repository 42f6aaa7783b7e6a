"""What users hold says what it is: every verb, property and argument."""

from __future__ import annotations

import inspect

import pytest

from p2plab import AsyncLab, AsyncNode, Lab, Node
from p2plab.api.blocking.dht import Dht
from p2plab.api.blocking.lab_dht import LabDht
from p2plab.api.faces.outside import AttachedNode
from p2plab.commands.derived import words_of
from p2plab.events import EventLog
from p2plab.mock.network import SimulatedNetwork
from p2plab.pubsub import AsyncSubscription, Subscription
from p2plab.stream import AsyncStream, BlockingStream
from p2plab.views.faces import Views

FACES = [Lab, AsyncLab, Node, AsyncNode, Dht, LabDht, Subscription, AsyncSubscription, BlockingStream, AsyncStream]
OTHERS = [AttachedNode, SimulatedNetwork, Views]
INNER = {"settle", "watch_cuts"}  # of SimulatedNetwork: the mock world's own
LOG = ("by_seq", "counts_of", "digest", "filter", "follow", "load", "save", "state")  # what lessons ask a log


def missing(verb: object) -> str:
    """What a verb's docstring does not say."""
    function = getattr(verb, "__func__", verb)
    assert callable(function)
    words = words_of(function.__doc__)
    taken = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    untold = [name for name in taken if not words.arguments.get(name)]
    invented = [name for name in words.arguments if name not in taken]
    if not words.summary.endswith("."):
        return "no summary that ends with a full stop"
    return f"nothing of {untold}" * bool(untold) + f"no argument {invented}" * bool(invented)


@pytest.mark.parametrize("face", [*FACES, *OTHERS], ids=lambda face: face.__name__)
def test_every_verb_property_and_argument_of_a_face_says_what_it_is(face: type) -> None:
    assert face.__doc__
    found = {}
    for name in dir(face):
        member = inspect.getattr_static(face, name)
        if name.startswith("_") or name in INNER:
            continue
        if isinstance(member, property):
            found[name] = "" if member.__doc__ else "no docstring"
        elif callable(getattr(face, name)):
            found[name] = missing(member)
    assert len(found) >= 3
    assert {name: what for name, what in found.items() if what} == {}


def test_what_lessons_ask_an_event_log_says_what_it_is() -> None:
    found = {name: missing(inspect.getattr_static(EventLog, name)) for name in LOG}
    assert {name: what for name, what in found.items() if what} == {}


def test_help_shows_what_an_argument_is(capsys: pytest.CaptureFixture[str]) -> None:
    with Lab(seed=7) as lab:
        help(lab.start_node("alice").dht.get)
    shown = capsys.readouterr().out
    assert "quorum: how many values end the search (0: none do)" in shown
    assert "b'hi'" in shown
