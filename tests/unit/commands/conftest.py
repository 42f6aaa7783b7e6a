"""Labs of both backends in which alice, bob and carol are connected, and what executes a line in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from p2plab import Lab
from p2plab.commands import CommandOutcome, parse_line, perform

BACKENDS = [pytest.param("mock", id="mock"), pytest.param("real", id="real", marks=pytest.mark.real)]
GROUND = ("start_node alice", "start_node bob", "start_node carol", "wire ring")


def execute(lab: Lab, line: str) -> CommandOutcome:
    """Execute a line in a lab."""
    name, arguments = parse_line(line, [node.name for node in lab.nodes])
    return perform(lab, name, arguments)


def succeed(lab: Lab, line: str) -> Any:
    """The result of a line that must succeed."""
    answer = execute(lab, line)
    assert answer.success, f"{line}: {answer.error}"
    return answer.result


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def new_lab(backend: str) -> Iterator[Callable[..., Lab]]:
    """Makes labs of the backend, which are closed at the end."""
    labs: list[Lab] = []

    def make(**settings: Any) -> Lab:
        labs.append(Lab(backend, **{"seed": 7, **settings}))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


@pytest.fixture
def lab(new_lab: Callable[..., Lab]) -> Lab:
    """alice, bob and carol, connected in a ring."""
    lab = new_lab()
    for line in GROUND:
        succeed(lab, line)
    return lab
