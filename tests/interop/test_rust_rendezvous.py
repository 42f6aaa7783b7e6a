"""Rendezvous exchanged with rust-libp2p: either is the point, either is the client."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Iterator
from typing import Any, Final

import pytest

from p2plab import Lab
from p2plab.discovery import RendezvousParams
from p2plab.errors import DiscoveryError
from tests.interop.provide import missing_cargo, rust_node

PATIENCE: Final = 20.0  # seconds after which a line will not come any more

pytestmark = [pytest.mark.rust, pytest.mark.real]


class RustPeer:
    """A process of rust/src/main.rs: what it takes and says stands there."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.address = self.says().removeprefix("address ")
        self.peer_id = self.address.rpartition("/")[2]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def says(self) -> str:
        """Its next line. queue.Empty if none comes."""
        return self._lines.get(timeout=PATIENCE)

    def ask(self, *words: object) -> str:
        """What it says to a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self.says()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture(scope="module")
def command() -> list[str]:
    missing = missing_cargo()
    if missing is not None:
        pytest.skip(missing)
    return rust_node()


@pytest.fixture
def rust(command: list[str]) -> Iterator[RustPeer]:
    peer = RustPeer(command)
    yield peer
    peer.end()


def test_a_rust_client_registers_at_a_point_of_the_lab_and_asks_it(rust: RustPeer) -> None:
    params = RendezvousParams.spec(points=["n0"], legacy=True)
    with Lab("real", seed=7, discovery=["rendezvous"], rendezvous=params) as lab:
        point, alice, bob = lab.start_nodes(3)
        where = point.addresses[0]
        assert rust.ask("register", where, "chess", 7200) == "registered 7200"
        alice.discovery.advertise("chess")
        assert {str(peer.peer_id) for peer in bob.discovery.find("chess")} == {rust.peer_id, str(alice.peer_id)}
        everybody = " ".join(sorted([rust.peer_id, str(alice.peer_id)]))
        assert rust.ask("discover", where, "chess", 10) == f"discovered {everybody}"
        bob.discovery.advertise("chess")
        assert rust.ask("discover", where, "chess", 10) == f"discovered {bob.peer_id}", (
            "through its cookie: what is new"
        )
        assert rust.ask("discover", where, "go", 10) == "refused InvalidCookie", "its cookie is of another namespace"
        assert rust.ask("register", where, "chess", 60) == "refused InvalidTtl"
        assert bob.connect(rust.peer_id).peer == rust.peer_id


def test_a_rust_client_is_given_no_record_that_it_cannot_read(rust: RustPeer) -> None:
    with Lab("real", seed=7, discovery=["rendezvous"]) as lab:
        point, alice, bob = lab.start_nodes(3)
        assert rust.ask("register", point.addresses[0], "chess", 7200) == "registered 7200"
        alice.discovery.advertise("chess")
        assert rust.ask("discover", point.addresses[0], "*", 10) == f"discovered {rust.peer_id}"
        assert len(bob.discovery.find("chess")) == 2


def test_nodes_of_the_lab_register_at_a_rust_point_and_ask_it(rust: RustPeer) -> None:
    with Lab("real", seed=7, discovery=["rendezvous"], rendezvous=[rust.address]) as lab:
        alice, bob = lab.start_nodes(2)
        told = alice.discovery.advertise("chess", ttl=3600)
        assert (told.by, told.ttl) == (("rendezvous",), 3600.0)
        assert rust.says() == f"served {alice.peer_id}"
        assert [peer.name for peer in bob.discovery.find("chess")] == ["n0"]
        assert [peer.name for peer in bob.discovery.find()] == ["n0"]
        with pytest.raises(DiscoveryError) as refused:
            alice.discovery.advertise("chess", ttl=59)
        assert refused.value.code == "E_INVALID_TTL"
        world: Any = lab.world
        way = world.hosts()["n1"].discovery.ways["rendezvous"]
        first = world.run(way.page, rust.address, "chess", 10)
        assert world.run(way.page, rust.address, "chess", 10, first.cookie).records == (), "each is given once"
        with pytest.raises(DiscoveryError, match="E_INVALID_COOKIE"):
            world.run(way.page, rust.address, "go", 10, first.cookie)
        assert alice.discovery.withdraw("chess") is True
        for _ in range(20):  # UNREGISTER is not answered
            if not bob.discovery.find("chess"):
                break
            lab.run(0.1)
        assert bob.discovery.find("chess") == []
