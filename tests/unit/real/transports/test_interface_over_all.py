"""What the tests of the public interface say of streams holds over the other transports and muxers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from p2plab import Lab
from tests.unit.interface.conftest import alice as alice
from tests.unit.interface.conftest import bob as bob
from tests.unit.interface.conftest import lab as lab
from tests.unit.interface.conftest import wait as wait
from tests.unit.interface.test_streams import *  # noqa: F403  # the very same tests
from tests.unit.real.transports.stacks import STACKS

pytestmark = pytest.mark.slow


@pytest.fixture(params=STACKS)
def new_lab(request: pytest.FixtureRequest) -> Iterator[Callable[..., Lab]]:
    labs: list[Lab] = []

    def make(**settings: Any) -> Lab:
        labs.append(Lab("real", **{"seed": 7, **STACKS[request.param], **settings}))
        return labs[-1]

    yield make
    for each in labs:
        each.close()
