"""The stores: what they hold, for how long, what goes when they are full, and what survives."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ClosedError, ConfigurationError, ValidationError
from p2plab.kademlia import DHTDatastore, DhtParams, KeySpace
from p2plab.kademlia.key import kademlia_key
from p2plab.kademlia.storage.sqlite_store import SqliteDatastore
from tests.unit.kademlia.harness import made_up_id

SECOND = TICKS_PER_SECOND
OWNER = kademlia_key(b"the owner")


def space_of(count: int) -> KeySpace:
    space = KeySpace()
    for number in range(count):
        space.add(made_up_id(number))
    return space


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DHTDatastore]:
    small = DhtParams(
        value_ttl=10.0, provider_ttl=8.0, provider_address_ttl=4.0, max_values=4, max_provider_keys=3,
        max_providers_per_key=3, max_value_size=100,
    )  # fmt: skip
    made = (
        DHTDatastore(OWNER, small)
        if request.param == "memory"
        else SqliteDatastore(tmp_path / "dht.sqlite", space_of(10), OWNER, small)
    )
    yield made
    made.close()


def by_distance(count: int) -> list[bytes]:
    """Keys, the farthest from the owner first."""
    keys = [b"/lab/%d" % number for number in range(count)]
    return sorted(keys, key=lambda key: -(kademlia_key(key) ^ OWNER))


def test_a_value_is_given_until_its_time_is_over(store: DHTDatastore) -> None:
    assert store.put_value(b"/lab/a", b"1", 0) is None
    stored = store.get_value(b"/lab/a", 10 * SECOND - 1)
    assert stored is not None
    assert (stored.value, stored.received, stored.expires) == (b"1", 0, 10 * SECOND)
    assert store.get_value(b"/lab/a", 10 * SECOND) is None
    assert len(store) == 1
    assert store.expire(10 * SECOND) == (1, 0)
    assert len(store) == 0


def test_putting_again_renews_and_replaces(store: DHTDatastore) -> None:
    store.put_value(b"/lab/a", b"1", 0)
    store.put_value(b"/lab/a", b"2", 5 * SECOND)
    stored = store.get_value(b"/lab/a", 12 * SECOND)
    assert stored is not None
    assert stored.value == b"2"
    assert list(store.values(12 * SECOND)) == [b"/lab/a"]
    assert store.remove_value(b"/lab/a")
    assert not store.remove_value(b"/lab/a")


def test_a_full_store_drops_the_farthest_and_refuses_what_is_farther_still(store: DHTDatastore) -> None:
    far, *keys = by_distance(6)
    for key in keys[:4]:
        store.put_value(key, b"x", 0)
    with pytest.raises(OverflowError):
        store.put_value(far, b"x", 1)
    assert store.put_value(keys[4], b"x", 1) == keys[0]
    assert sorted(store.values(1)) == sorted(keys[1:])
    store.put_value(keys[1], b"again", 2)  # one that is there needs no room
    assert len(store.values(2)) == 4


def test_what_has_ended_makes_room_first(store: DHTDatastore) -> None:
    far, *keys = by_distance(5)
    store.put_value(keys[0], b"x", 0)
    for key in keys[1:]:
        store.put_value(key, b"x", 5 * SECOND)
    assert store.put_value(far, b"x", 11 * SECOND) is None
    assert set(store.values(11 * SECOND)) == {far, *keys[1:]}


def test_a_value_over_the_limit_is_refused(store: DHTDatastore) -> None:
    with pytest.raises(ValidationError, match="limit of 100"):
        store.put_value(b"/lab/a", bytes(101), 0)
    assert len(store) == 0


def test_provider_records_outlive_their_addresses(store: DHTDatastore) -> None:
    store.add_provider(b"mh", 3, ["/ip4/1.2.3.4/tcp/1"], 0)
    assert store.providers(b"mh", 4 * SECOND - 1) == [(3, ("/ip4/1.2.3.4/tcp/1",))]
    assert store.providers(b"mh", 4 * SECOND) == [(3, ())]
    assert store.provider_keys(4 * SECOND) == [b"mh"]
    assert store.providers(b"mh", 8 * SECOND) == []
    assert store.expire(8 * SECOND) == (0, 1)
    assert store.provider_keys(0) == []
    assert store.providers(b"other", 0) == []


def test_one_key_has_room_for_so_many_providers_and_the_first_to_end_goes(store: DHTDatastore) -> None:
    for peer in (1, 2, 3):
        store.add_provider(b"mh", peer, [], peer)
    store.add_provider(b"mh", 1, [], 4)  # announced anew: now the last to end
    store.add_provider(b"mh", 5, [], 5)
    assert [peer for peer, _ in store.providers(b"mh", 6)] == [1, 3, 5]
    assert store.remove_provider(b"mh", 3)
    assert not store.remove_provider(b"mh", 3)
    store.remove_provider(b"mh", 1)
    store.remove_provider(b"mh", 5)
    assert store.provider_keys(6) == []


def test_provider_keys_are_bounded_like_values(store: DHTDatastore) -> None:
    far, *keys = by_distance(5)
    for key in keys[:3]:
        store.add_provider(key, 1, [], 0)
    with pytest.raises(OverflowError):
        store.add_provider(far, 1, [], 0)
    assert store.add_provider(keys[3], 1, [], 0) == keys[0]
    assert set(store.provider_keys(1)) == set(keys[1:4])


def test_what_the_node_published_is_kept_apart_and_in_order(store: DHTDatastore) -> None:
    store.publish("value", b"/lab/a", b"1", 1)
    store.publish("provider", b"mh", b"", 2)
    store.publish("value", b"/lab/a", b"2", 3)
    assert [(entry.kind, entry.key, entry.value, entry.at) for entry in store.published()] == [
        ("value", b"/lab/a", b"2", 3),
        ("provider", b"mh", b"", 2),
    ]
    assert store.unpublish("provider", b"mh")
    assert not store.unpublish("provider", b"mh")
    assert store.publication("provider", b"mh") is None
    store.clear()
    assert (store.published(), len(store)) == ([], 0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "provide", "expire"]), st.integers(0, 9), st.integers(0, 3)), max_size=60
    )
)
@settings(deadline=None)
def test_whatever_is_done_the_bounds_hold(steps: list[tuple[str, int, int]]) -> None:
    small = DhtParams(
        value_ttl=3.0, provider_ttl=2.0, provider_address_ttl=1.0, max_values=3, max_provider_keys=2,
        max_providers_per_key=2,
    )  # fmt: skip
    store = DHTDatastore(OWNER, small)
    now = 0
    for what, number, wait in steps:
        now += wait * SECOND
        key = b"%d" % number
        if what == "expire":
            store.expire(now)
            assert all(stored.expires > now for stored in store._values.values())
            continue
        try:
            if what == "put":
                store.put_value(key, b"x", now)
                assert store.get_value(key, now)
            else:
                store.add_provider(key, number, [], now)
                assert (number, ()) in store.providers(key, now)
        except OverflowError:
            assert store.get_value(key, now) is None or what == "provide"
        assert len(store.values(now)) <= len(store._values) <= 3
        assert len(store._providers) <= 2
        assert all(len(records) <= 2 for records in store._providers.values())
        assert sorted(store._near_values._keys.values()) == sorted(store._values)
        assert sorted(store._near_providers._keys.values()) == sorted(store._providers)


# -- persistence


def test_a_store_comes_back_in_another_lab_with_other_indices_and_another_clock(tmp_path: Path) -> None:
    path, params = tmp_path / "dht.sqlite", DhtParams(value_ttl=100.0, provider_ttl=100.0, provider_address_ttl=50.0)
    first = SqliteDatastore(path, space_of(5), OWNER, params, epoch=1_000.0)
    first.put_value(b"/lab/a", b"1", 10 * SECOND)
    first.put_value(b"/lab/b", b"2", 40 * SECOND)
    first.add_provider(b"mh", 3, ["/ip4/1.2.3.4/tcp/1"], 40 * SECOND)
    first.publish("value", b"/lab/b", b"2", 40 * SECOND)
    first.publish("provider", b"mh", b"", 41 * SECOND)
    first.close()
    first.close()
    with pytest.raises(ClosedError):
        first.put_value(b"/lab/c", b"3", 0)

    space = KeySpace()
    space.add(made_up_id(3))  # here it is peer 0
    again = SqliteDatastore(path, space, OWNER, params, epoch=1_120.0)
    assert again.get_value(b"/lab/a", 0) is None, "it ended at 1,110"
    stored = again.get_value(b"/lab/b", 0)
    assert stored is not None
    assert (stored.value, stored.expires) == (b"2", 20 * SECOND)
    assert again.providers(b"mh", 0) == [(0, ())], "the addresses ended at 1,090"
    assert [(entry.kind, entry.key, entry.at) for entry in again.published()] == [
        ("value", b"/lab/b", -80 * SECOND),
        ("provider", b"mh", -79 * SECOND),
    ]
    again.close()


def test_every_kind_of_change_is_written_through(tmp_path: Path) -> None:
    path, space = tmp_path / "dht.sqlite", space_of(5)
    store = SqliteDatastore(path, space, OWNER)
    for number in range(3):
        store.put_value(b"/lab/%d" % number, b"x", 0)
        store.add_provider(b"mh", number, [], number)
        store.publish("value", b"/lab/%d" % number, b"x", 0)
    store.remove_value(b"/lab/1")
    store.remove_provider(b"mh", 1)
    store.unpublish("value", b"/lab/1")
    store.put_value(b"/lab/2", b"new", 5)
    store.close()
    again = SqliteDatastore(path, space, OWNER)
    assert {key: stored.value for key, stored in again.values(6).items()} == {b"/lab/0": b"x", b"/lab/2": b"new"}
    assert again.providers(b"mh", 6) == [(0, ()), (2, ())]
    assert [entry.key for entry in again.published()] == [b"/lab/0", b"/lab/2"]
    again.clear()
    again.close()
    empty = SqliteDatastore(path, space, OWNER)
    assert (len(empty), empty.published()) == (0, [])
    empty.close()


def test_compacting_gives_the_room_back(tmp_path: Path) -> None:
    path = tmp_path / "dht.sqlite"
    store = SqliteDatastore(path, space_of(1), OWNER)
    for number in range(50):
        store.put_value(b"/lab/%d" % number, bytes(20_000), 0)
    for number in range(49):
        store.remove_value(b"/lab/%d" % number)
    store.compact()
    assert path.stat().st_size < 200_000
    assert list(store.values(0)) == [b"/lab/49"]
    store.close()


def test_one_file_serves_one_node_at_a_time(tmp_path: Path) -> None:
    store = SqliteDatastore(tmp_path / "dht.sqlite", space_of(1))
    store.put_value(b"/lab/a", b"1", 0)
    with pytest.raises(ValidationError, match="in use"):
        SqliteDatastore(tmp_path / "dht.sqlite", space_of(1))
    store.close()


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, and longer than a header is, so that SQLite reads it and says so" * 20)
    other = tmp_path / "other.sqlite"
    database = sqlite3.connect(other)
    database.execute("create table mine (a)")
    database.commit()
    database.close()
    before = text.read_bytes(), other.read_bytes()
    for path in (text, other):
        with pytest.raises(ValidationError, match="store"):
            SqliteDatastore(path, space_of(1))
    assert (text.read_bytes(), other.read_bytes()) == before


CRASH = """
import os, resource, signal, sys
from p2plab.kademlia import DhtParams
from p2plab.kademlia.storage.sqlite_store import SqliteDatastore
from tests.unit.kademlia.test_datastore import space_of

path, how = sys.argv[1:]
store = SqliteDatastore(path, space_of(3), 0, DhtParams(max_value_size=1 << 20))
for number in range(3):
    store.put_value(b"/lab/%d" % number, b"kept" * 1000, 0)
    print(number, flush=True)
if how == "before":  # SQLite calls this before it takes the first step of the statement that writes
    store._file.database.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), 1)
elif how == "within":  # the file may grow by half of what is being written: the system ends the process in the middle
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    size = os.path.getsize(path + "-wal") + 400_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
store.put_value(b"/lab/1", b"half" * 200_000, 0)
print("written", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.dear
@pytest.mark.parametrize("how", ["before", "within", "after"])
def test_a_store_survives_a_crash_in_the_middle_of_a_write(tmp_path: Path, how: str) -> None:
    path = tmp_path / "dht.sqlite"
    run = subprocess.run(
        [sys.executable, "-c", CRASH, str(path), how], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == -(signal.SIGXFSZ if how == "within" else signal.SIGKILL), run.stderr
    assert run.stdout.split() == ["0", "1", "2", *(["written"] if how == "after" else [])]
    if how == "within":
        assert (tmp_path / "dht.sqlite-wal").stat().st_size > 400_000, "part of the value is in the file"

    database = sqlite3.connect(path)
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()
    store = SqliteDatastore(path, space_of(3), 0)
    held = {key: stored.value for key, stored in store.values(0).items()}
    kept = b"kept" * 1000
    assert held == {b"/lab/0": kept, b"/lab/1": b"half" * 200_000 if how == "after" else kept, b"/lab/2": kept}
    store.put_value(b"/lab/3", b"on it goes", 0)
    store.close()


def test_a_store_without_room_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "dht.sqlite"
    store = SqliteDatastore(path, space_of(3), OWNER)
    store.put_value(b"/lab/0", b"kept", 0)
    store._file.database.execute("pragma max_page_count=1")
    with pytest.raises(ConfigurationError, match=r"dht\.sqlite cannot be written: database or disk is full"):
        store.put_value(b"/lab/1", b"x" * 8000, 0)
    assert list(store.values(0)) == [b"/lab/0"]
    store.close()


@pytest.mark.parametrize("addresses", ["[", "7", "[7]", "{}"])
def test_a_store_with_spoilt_rows_says_so(tmp_path: Path, addresses: str) -> None:
    path = tmp_path / "dht.sqlite"
    store = SqliteDatastore(path, space_of(3), OWNER)
    store.add_provider(b"mh", 1, [], 0)
    store.close()
    database = sqlite3.connect(path)
    database.execute("update provider set addresses = ?", (addresses,))
    database.commit()
    database.close()
    with pytest.raises(ValidationError, match="is damaged as a DHT store, and was left as it is"):
        SqliteDatastore(path, space_of(3), OWNER)
