"""A small mock lab, and what a widget sends to its page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from p2plab import Lab
from p2plab_widgets.graph.frames import FrameRecord, unpack
from p2plab_widgets.publisher import publisher

WAIT = 20  # seconds, for what should happen at once


@pytest.fixture
def lab() -> Iterator[Lab]:
    """alice, bob and carol in a ring; afterwards the publisher's thread ends with the lab."""
    with Lab(seed=7) as lab:
        for name in ("alice", "bob", "carol"):
            lab.start_node(name)
        lab.wire("ring")
        yield lab
    for thread in threading.enumerate():
        if thread.name == "p2plab widgets":
            thread.join(WAIT)
    assert not publisher.running


class Page:
    """Collects the frames that a graph sends."""

    def __init__(self) -> None:
        self.frames: list[tuple[dict[str, Any], list[FrameRecord]]] = []
        self.looks: list[dict[str, Any]] = []
        self._arrived = threading.Condition()

    def send(self, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        with self._arrived:
            if "frame" in content:
                self.frames.append((content["frame"], list(unpack(buffers[0]))))
            else:
                self.looks.append(content["look"])
            self._arrived.notify_all()

    def wait_for(self, condition: Callable[[list[tuple[dict[str, Any], list[FrameRecord]]]], object]) -> None:
        """Until the frames so far fulfil the condition."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: condition(self.frames), WAIT), self.frames
