"""A lab's home: the same nodes come back from it, and nothing that is not ours is touched."""

from __future__ import annotations

import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.errors import ConfigurationError, NotInThisWorldError, ValidationError
from p2plab.identity.keys import Identity
from p2plab.kademlia import DhtParams
from p2plab.real.outside.home import FILE, Home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "class"


def whole(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestComingBack:
    def test_nodes_have_their_keys_and_ports_again_with_another_seed_too(self, home: Path) -> None:
        with Lab("real", seed=7, home=home) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            before = {node.name: (node.peer_id, node.addresses) for node in (alice, bob)}
        with Lab("real", seed=8, home=home) as lab:
            assert {
                node.name: (node.peer_id, node.addresses) for node in (lab.start_node("alice"), lab.start_node("bob"))
            } == before
            assert [peer.name for peer in lab["alice"].known_peers()] == []
            assert lab["alice"].ping("bob") > 0
            assert lab.start_node("carol").peer_id == Identity.derive(8, "carol").peer_id

    def test_a_node_knows_again_whom_it_knew(self, home: Path) -> None:
        stranger = Identity.derive(9, "stranger").peer_id
        with Lab("real", seed=8) as elsewhere, Lab("real", seed=7, home=home) as lab:
            other = elsewhere.start_node("other")
            alice = lab.start_node("alice")
            alice.connect(other.addresses[0])
            alice.register_peer(stranger, ["/ip4/127.0.0.1/tcp/4001"])
            known = {peer.peer_id: peer.addresses for peer in alice.known_peers()}
            assert {stranger, other.peer_id} <= set(known)
            lab.close()
            with Lab("real", seed=7, home=home) as again:
                alice = again.start_node("alice")
                assert {peer.peer_id: peer.addresses for peer in alice.known_peers()} == known
                assert alice.ping(other.peer_id) > 0

    def test_a_node_that_lost_its_state_does_not_find_it_here(self, home: Path) -> None:
        with Lab("real", home=home) as lab:
            alice = lab.start_node("alice")
            alice.register_peer(Identity.derive(9, "stranger").peer_id, ["/ip4/127.0.0.1/tcp/4001"])
            alice.crash()
            alice.restart(state="lost")
        with Lab("real", home=home) as lab:
            assert lab.start_node("alice").known_peers() == []

    def test_another_address_asked_for_is_listened_at(self, home: Path) -> None:
        with Lab("real", home=home) as lab:
            before = lab.start_node("alice").addresses
        with Lab("real", home=home) as lab:
            alice = lab.start_node("alice", listen="/ip4/127.0.0.2/tcp/0")
            assert alice.addresses != before
            assert alice.addresses[0].startswith("/ip4/127.0.0.2/")

    def test_a_port_that_somebody_else_has_by_now_is_an_error_that_says_so(self, home: Path) -> None:
        with Lab("real", home=home) as lab:
            port = int(lab.start_node("alice").addresses[0].split("/")[4])
        with socket.create_server(("127.0.0.1", port)), Lab("real", home=home) as lab:
            with pytest.raises(ConfigurationError, match=r"home says so.*listen="):
                lab.start_node("alice")
            assert lab.start_node("alice", listen=["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.2/tcp/0"]).running

    def test_the_dht_has_its_records_again(self, home: Path) -> None:
        with Lab("real", home=home, dht=DhtParams()) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            alice.connect(bob)
            alice.dht.put("/lab/greeting", b"hi")
        with Lab("real", home=home, dht=DhtParams()) as lab:
            assert lab.start_node("bob").dht.get("/lab/greeting").value == b"hi"

    def test_after_a_kill_everything_is_there(self, home: Path) -> None:
        code = f"""
import os
from p2plab import Lab
lab = Lab("real", home={str(home)!r})
print(lab.start_node("alice").addresses[0], flush=True)
os._exit(1)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        with Lab("real", home=home) as lab:
            assert lab.start_node("alice").addresses == [done.stdout.strip()]


class TestWhatIsInIt:
    def test_the_lab_tells(self, home: Path) -> None:
        with Lab("real", seed=7, home=str(home)) as lab:
            assert lab.home is not None
            assert (lab.home.path, lab.home.nodes) == (str(home), [])
            alice = lab.start_node("alice")
            (node,) = lab.home.nodes
            assert (node.name, node.peer_id, node.known_peers) == ("alice", alice.peer_id, 0)
            assert [f"{address}/p2p/{alice.peer_id}" for address in node.listen] == alice.addresses
            assert "alice at /ip4/127.0.0.1/tcp/" in str(lab.home)
        assert len(lab.home.nodes) == 1

    def test_without_one_there_is_none(self) -> None:
        with Lab("real") as lab:
            assert lab.home is None
        with Lab() as mock:
            assert mock.home is None
        with pytest.raises(NotInThisWorldError, match=r"lab\.snapshot"):
            Lab(home="here")

    def test_a_comparison_begins_without_it(self, home: Path) -> None:
        with Lab("real", home=home) as lab:
            lab.start_node("alice")
            compared = lab.compare(lambda other: len(other.start_nodes(2)) if other.home is None else 0)
        assert {world: values["value"] for world, values in compared.values.items()} == {"mock": 2, "real": 2}

    def test_a_node_that_did_not_start_is_not_kept(self, home: Path) -> None:
        with Lab("real", home=home) as lab:
            with pytest.raises(ConfigurationError):
                lab.start_node("alice", listen="/ip4/192.0.2.1/tcp/0")
            assert lab.home is not None
            assert lab.home.nodes == []

    def test_only_its_owner_may_read_it(self, home: Path) -> None:
        with Lab("real", home=home) as lab:
            lab.start_node("alice")
            files = [path for path in home.iterdir() if path.is_file()]
            assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
            assert stat.S_IMODE(home.stat().st_mode) == 0o700


class TestWhatIsRefused:
    def test_a_home_in_use(self, home: Path) -> None:
        with Lab("real", home=home) as lab:
            lab.start_node("alice")
            with pytest.raises(ConfigurationError, match="in use by another lab"):
                Lab("real", home=home)
            code = f"from p2plab import Lab; Lab('real', home={str(home)!r})"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
            assert "in use by another lab" in done.stderr
        Lab("real", home=home).close()

    def test_somebody_elses_directory(self, home: Path) -> None:
        home.mkdir()
        (home / "thesis.txt").write_text("years of work")
        before = whole(home)
        with pytest.raises(ConfigurationError, match=r"holds thesis\.txt"):
            Lab("real", home=home)
        assert whole(home) == before

    def test_somebody_elses_database(self, home: Path) -> None:
        home.mkdir()
        database = sqlite3.connect(home / FILE)
        database.execute("create table thesis (text)")
        database.close()
        before = whole(home)
        with pytest.raises(ConfigurationError, match="somebody else's"):
            Lab("real", home=home)
        assert whole(home) == before

    def test_a_file(self, home: Path) -> None:
        home.write_text("a file")
        for path in (home, home / "within"):
            with pytest.raises(ConfigurationError, match=f"takes a folder, and {re.escape(str(home))} is a file"):
                Lab("real", home=path)
        assert home.read_text() == "a file"

    @pytest.mark.parametrize("home", [7, b"x", "", ["x"]], ids=repr)
    def test_what_is_no_path(self, home: object) -> None:
        with pytest.raises(ValidationError, match="directory of a lab"):
            Lab("real", home=home)

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda file: file.write_bytes(b"no database at all, but text" * 100), id="overwritten"),
            pytest.param(lambda file: file.write_bytes(file.read_bytes()[:5000]), id="cut off"),
            pytest.param(lambda file: change(file, "update node set key = x'00'"), id="a key too short"),
            pytest.param(lambda file: change(file, "update node set listen = 'here'"), id="no list"),
            pytest.param(lambda file: change(file, "update node set listen = '[\"here\"]'"), id="no address"),
            pytest.param(lambda file: change(file, "update book set peer = 'nobody'"), id="no peer id"),
            pytest.param(lambda file: change(file, "drop table book"), id="a table gone"),
            pytest.param(lambda file: change(file, "pragma user_version = 9"), id="another version"),
        ],
    )
    def test_a_damaged_home_is_left_as_it_is(self, home: Path, damage: Callable[[Path], object]) -> None:
        with Lab("real", home=home) as lab:
            lab.start_node("alice").register_peer(Identity.derive(9, "s").peer_id, ["/ip4/127.0.0.1/tcp/4001"])
        copy = shutil.copytree(home, home.with_name("copy"))
        damage(home / FILE)
        before = whole(home)
        with pytest.raises(ConfigurationError, match=r"damaged|version|somebody else's"):
            Lab("real", home=home)
        assert whole(home) == before
        with Lab("real", home=copy) as lab:
            assert lab.home is not None
            assert len(lab.home.nodes) == 1

    def test_a_node_whose_blocks_are_damaged_does_not_start_and_says_so(self, home: Path) -> None:
        with Lab("real", home=home) as lab:
            lab.start_node("alice").content.add(b"x")
        (blocks,) = home.glob("blocks/*.sqlite")
        blocks.write_bytes(blocks.read_bytes()[:100] + bytes(5000))
        before = blocks.read_bytes()
        with Lab("real", home=home) as lab:
            with pytest.raises(ValidationError, match="cannot be used as a block store"):
                lab.start_node("alice")
            assert lab.start_node("bob").running
        assert blocks.read_bytes() == before

    def test_closed_it_is_one_file(self, home: Path) -> None:
        with Lab("real", home=home) as lab:
            lab.start_node("alice")
        assert list(whole(home)) == [FILE]


def change(file: Path, statement: str) -> None:
    database = sqlite3.connect(file)
    database.execute("pragma journal_mode=delete")
    database.execute(statement)
    database.commit()
    database.close()


def test_what_cannot_be_written_is_reported_and_the_lab_goes_on(home: Path) -> None:
    with Lab("real", home=home) as lab:
        lab.world.home._database.execute("pragma query_only=1")  # type: ignore[attr-defined]  # a real world's
        alice = lab.start_node("alice")
        (error,) = lab.events.filter(kind="error")
        assert error.data is not None
        assert "lab.sqlite" in error.data["what"]
        assert alice.running


FULL = """
import resource, signal, sys
from p2plab.errors import ConfigurationError
from p2plab.real.outside.home import Home

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    Home(sys.argv[1]).close()
except ConfigurationError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the size of files cannot be bounded there")
@pytest.mark.parametrize("room", [0, 4096])
def test_a_home_without_room_on_its_disk_is_not_called_damaged(tmp_path: Path, room: int) -> None:
    place = tmp_path / "home"
    command = [sys.executable, "-c", FULL, str(place), str(room)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cannot be used" in told
    assert "room" in told
    assert "damaged" not in told
    Home(place).close()  # and once there is room it can be used


def test_a_full_disk_is_called_so(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    refused = home._refusal(sqlite3.OperationalError("database or disk is full"))
    home.close()
    assert "its disk is full; make room and try again" in str(refused)
