"""``lab`` is a fresh lab of each backend in turn: what the tests of this folder say holds in both worlds.

Waiting is always for something that happens, never for a time to pass, so that it means the same in both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab, Node

BACKENDS = [pytest.param("mock", id="mock"), pytest.param("real", id="real", marks=pytest.mark.real)]
PATIENCE = 20.0  # seconds of lab time after which what was waited for will not come any more


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def defaults() -> dict[str, Any]:
    """Settings that the labs of a file have beside those that a test gives them."""
    return {}


@pytest.fixture
def new_lab(backend: str, defaults: dict[str, Any]) -> Iterator[Callable[..., Lab]]:
    """Makes labs of the backend, which are closed at the end."""
    labs: list[Lab] = []

    def make(**settings: Any) -> Lab:
        labs.append(Lab(backend, **{"seed": 7, **defaults, **settings}))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


@pytest.fixture
def lab(new_lab: Callable[..., Lab]) -> Lab:
    return new_lab()


@pytest.fixture
def alice(lab: Lab) -> Node:
    return lab.start_node("alice")


@pytest.fixture
def bob(lab: Lab) -> Node:
    return lab.start_node("bob")


@pytest.fixture
def wait(lab: Lab) -> Callable[[Callable[[], object]], None]:
    """Lets time pass until something holds."""

    def until(condition: Callable[[], object]) -> None:
        assert lab.run_until(condition, timeout=PATIENCE), "it never came to pass"

    return until


@pytest.fixture
def run_guide(new_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Runs the five pieces of code of a guide, one after the other, in a lab of the backend; none causes an error."""

    def run(guide: Path) -> None:
        pieces = re.findall(r"```python\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
        assert len(pieces) == 5
        monkeypatch.setattr(p2plab, "Lab", new_lab)
        names: dict[str, Any] = {}
        for piece in pieces:
            exec(compile(piece, str(guide), "exec"), names)
        assert not names["lab"].events.filter(kind="error")

    return run
