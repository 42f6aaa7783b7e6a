"""What ``test_streams.py`` says of streams over TCP, Noise and Yamux holds over the other transports and muxers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p2plab import Lab
from tests.unit.real.test_streams import *  # noqa: F403  # the very same tests
from tests.unit.real.transports.stacks import STACKS

pytestmark = pytest.mark.slow

EXCEPT = {
    # These have no TCP port for them to come to.
    "test_strangers_who_are_no_libp2p_are_an_event": ("quic", "webtransport", "webrtc", "memory"),
    "test_a_reader_may_take_its_time": ("mplex",),  # without windows, a reader that takes 5 s is reset: TRANSPORTS.md
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    name = metafunc.definition.originalname
    metafunc.parametrize("stack", [stack for stack in STACKS if stack not in EXCEPT.get(name, ())])


@pytest.fixture
def lab(stack: str) -> Iterator[Lab]:
    with Lab("real", seed=7, **STACKS[stack]) as lab:
        yield lab
