"""Every test in this folder starts py-libp2p hosts; ``lab`` is a fresh real lab, closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


@pytest.fixture
def acquainted() -> Callable[[Lab], None]:
    """Waits until all who are connected have said who they are, at both ends: a dial waits for its own. Whom it knows a
    node takes into its DHT's table."""

    def wait(lab: Lab) -> None:
        def known() -> bool:
            ends = [(node.name, peer) for node in lab.nodes for peer in node.peers()]
            return len(ends) == 2 * len(lab.edges()) and all(peer.protocols for _, peer in ends)

        assert lab.run_until(known, timeout=60)

    return wait
