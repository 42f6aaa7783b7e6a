"""Every test in this folder starts py-libp2p hosts; ``lab`` is a fresh real lab, closed at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from p2plab import Lab

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("real")


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab("real", seed=7) as lab:
        yield lab
