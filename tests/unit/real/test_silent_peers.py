"""A peer outside the lab that falls silent, with its socket open, is missed; without the remedy it stays listed."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from p2plab import Lab
from p2plab.real.connections import lifecycle
from tests.unit.real.without import without


class Line:
    """A line between a dialler and a port, which can be frozen: it stays open, and nothing crosses it any more."""

    def __init__(self, port: int) -> None:
        self.frozen = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._towards = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def _carry(self) -> None:
        near, _ = self._server.accept()
        far = socket.create_connection(("127.0.0.1", self._towards))
        with selectors.DefaultSelector() as ready, near, far:
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            while not self._over.is_set() and not self.frozen.is_set():
                for key, _ in ready.select(0.05):
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    key.data.sendall(data)
            self._over.wait()

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        self._server.close()


@contextmanager
def a_line_to(port: int) -> Iterator[Line]:
    line = Line(port)
    try:
        yield line
    finally:
        line.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "QUIET", 0.2)


def closed(lab: Lab) -> list[str | None]:
    """Why connections of alice's were closed."""
    return [event.reason for event in lab.events.filter(kind="connection.closed", node="alice")]


@without("silent peers")
@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
def test_a_peer_that_fell_silent(on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab("real", seed=3, remedies={} if on else {"silent peers": False}) as lab, Lab("real", seed=4) as elsewhere:
        alice, bob = lab.start_node("alice"), elsewhere.start_node("bob")
        port = int(bob.addresses[0].split("/")[4])
        with a_line_to(port) as line:
            alice.connect(f"/ip4/127.0.0.1/tcp/{line.port}/p2p/{bob.peer_id}")
            assert not lab.run_until(lambda: not alice.connections(), timeout=1)  # it answers its pings
            line.frozen.set()
            monkeypatch.setattr(lifecycle, "ANSWER", 0.5)
            gone = lab.run_until(lambda: bool(closed(lab)), timeout=30 if on else 2)
            assert (gone, bool(alice.connections())) == (on, not on)
            assert closed(lab) == (["silent"] if on else [])


def test_nodes_of_one_lab_are_not_pinged_for_it() -> None:
    with Lab("real", seed=3) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        alice.connect(bob)
        lab.run(1)
        opened = lab.events.filter(kind="stream.opened")
        assert not [event for event in opened if (event.data or {}).get("protocol") == "/ipfs/ping/1.0.0"]
