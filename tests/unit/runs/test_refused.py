"""A call that was refused for what it was given stands in the way of nothing: the run is saved and played again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

import p2plab
from p2plab import Lab
from p2plab.errors import LabError, SnapshotError

REFUSED: dict[str, Callable[[Lab], Any]] = {
    "a set": lambda lab: lab.start_node("x", transports={"tcp"}),
    "an object": lambda lab: lab.start_node("x", gossipsub=object()),
    "a lock": lambda lab: lab.start_node("x", gossipsub=threading.Lock()),
    "a lock for a link": lambda lab: lab.network.set_link(latency=threading.Lock()),
    "a lock as a validator": lambda lab: lab["a"].add_validator("news", cast("Any", threading.Lock())),
    "an object as a router": lambda lab: lab["a"].routing.use(object()),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_call_does_not_spoil_what_is_made_of_the_run(what: str, tmp_path: Path) -> None:
    lab = Lab(seed=1)
    a, b = lab.start_node("a"), lab.start_node("b")
    a.connect(b)
    with pytest.raises(LabError):
        REFUSED[what](lab)
    a.publish("news", b"x")
    digest = lab.events.digest()
    assert p2plab.open(lab.save(tmp_path / "run.p2plab")).events.digest() == digest
    assert lab.fork().events.digest() == digest
    assert Lab.replay(lab.history()).events.digest() == digest
    assert Lab.restore(lab.snapshot()).events.digest() == digest
    compile(str(lab.history()), "script", "exec")


def test_a_call_that_did_something_with_what_cannot_be_written_is_named() -> None:
    lab = Lab(seed=1)
    lock = threading.Lock()
    lab.at(1.0, lambda: lock.locked())
    with pytest.raises(SnapshotError, match="schedule"):
        Lab.replay(lab.history())
