"""A lab's home: a directory from which the same nodes come back, with their keys, ports and address books.

Rules it lives by:
- ``lab.sqlite`` is all of it, but for the DHTs' records in ``dht/``, the nodes' blocks in ``blocks/`` and what
  rendezvous points keep. Nobody but its owner may read it: it holds keys.
- One lab at a time has it open; a process that died has it open no longer.
- A directory that is not one of ours, or whose file is damaged, is left as it is.
- A change is one transaction. What cannot be written is reported, and the lab goes on.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from p2plab.discovery.rendezvous.store import RegistrationStore
from p2plab.errors import ConfigurationError, LabError
from p2plab.errors.checked import path_of
from p2plab.identity.address import parse_address
from p2plab.identity.keys import Identity, parse_peer_id
from p2plab.kademlia import DhtParams, LibraryDhtParams
from p2plab.routing.address_book import KnownAddress
from p2plab.typing import HomeNode, LabHome

FILE: Final = "lab.sqlite"
DHT: Final = "dht"
RENDEZVOUS: Final = "rendezvous.sqlite"
BLOCKS: Final = "blocks"
MOST: Final = 10_000  # peers in the address book of a node; those first heard of go

_OURS: Final = 0x70326C62  # SQLite's application_id
_VERSION: Final = 1
_SCHEMA: Final = f"""
create table node (name text primary key, key blob not null, asked text not null, listen text not null) without rowid;
create table book (node text not null, peer text not null, addresses text not null, primary key (node, peer));
pragma application_id={_OURS};
pragma user_version={_VERSION};
"""


@dataclass(frozen=True, slots=True)
class KeptAddress:
    """An address in the book of a node. ``seconds`` of lab time are left to it (None: it does not end)."""

    address: str
    by: str = "user"
    told_by: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class KeptPeer:
    """What a node knows of a peer: addresses, and the envelope of its signed record."""

    addresses: tuple[KeptAddress, ...]
    record: bytes | None = None


# Younger than the first homes, which get it when they are opened.
_REPUTATION: Final = (
    "create table if not exists reputation (node text not null, peer text not null, counts text not null, "
    "primary key (node, peer))"
)


class _Kept:
    """What is known of one node. ``asked`` is what it was told to listen at, ``listen`` what that came to."""

    def __init__(self, identity: Identity, asked: tuple[str, ...], listen: tuple[str, ...]) -> None:
        self.identity = identity
        self.asked = asked
        self.listen = listen
        self.book: dict[str, KeptPeer] = {}  # by peer id
        self.reputation: dict[str, list[float]] = {}  # by peer id


class Home:
    """``path`` is made where there is nothing. ConfigurationError where it is in use, damaged, or no home of a lab.

    ``failed(what, error)`` is called for what cannot be written; it may be set later.
    """

    def __init__(self, path: object) -> None:
        self.path = path_of(path, "home=, the directory of a lab,").expanduser().absolute()
        self.failed: Callable[[str, Exception], None] | None = None
        self._nodes: dict[str, _Kept] = {}
        self._registrations: RegistrationStore | None = None
        self.age: Callable[[], float] = lambda: 0.0  # seconds since the lab began; set by the lab
        self._database: sqlite3.Connection | None = self._open()

    def dht_params(self, params: DhtParams | LibraryDhtParams) -> DhtParams | LibraryDhtParams:
        """The same, where they can name one with a folder for the records; py-libp2p's own DHT keeps none."""
        if isinstance(params, DhtParams) and params.store is None:
            return replace(params, store=self.path / DHT)
        return params

    def blocks_of(self, peer_id: str) -> Path:
        """The file that the blocks of a node are in."""
        return self.path / BLOCKS / f"{peer_id}.sqlite"

    # -- opening

    def _open(self) -> sqlite3.Connection:
        file = self.path / FILE
        try:
            is_new = self._prepare(file)
            database = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=0.5)
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"home={str(self.path)!r} cannot be used: {error}") from error
        try:
            database.execute("pragma locking_mode=exclusive")
            database.execute("begin exclusive")
            if is_new:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    database.execute(statement)
            self._check(database)
            database.execute(_REPUTATION)
            self._read(database)
            database.execute("commit")
            database.execute("pragma journal_mode=wal")
            database.execute("pragma synchronous=normal")
        except (sqlite3.Error, LabError, ValueError, TypeError) as error:
            database.close()
            raise self._refusal(error) from error
        return database

    def _prepare(self, file: Path) -> bool:
        """Make what is missing; whether the file is to be filled."""
        if not self.path.is_dir():
            for place in (self.path, *self.path.parents):
                if place.exists() and not place.is_dir():
                    raise ConfigurationError(
                        f"home={str(self.path)!r} takes a folder, and {place} is a file; take a directory that is "
                        "empty, or that is not there yet"
                    )
            self.path.mkdir(parents=True, mode=0o700)
        if not file.exists():
            others = sorted(entry.name for entry in self.path.iterdir())
            if others:
                raise ConfigurationError(
                    f"home={str(self.path)!r} is no home of a lab: it holds {', '.join(others[:4])}; take a directory "
                    "that is empty, or that is not there yet"
                )
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return file.stat().st_size == 0

    def _check(self, database: sqlite3.Connection) -> None:
        """ConfigurationError or sqlite3.Error for a file that is not ours or damaged."""
        found = database.execute("pragma application_id").fetchone()[0]
        version = database.execute("pragma user_version").fetchone()[0]
        if found != _OURS:
            raise ConfigurationError(f"home={str(self.path)!r} is no home of a lab: {FILE} in it is somebody else's")
        if version != _VERSION:
            raise ConfigurationError(f"home={str(self.path)!r} is of version {version}; this p2plab knows {_VERSION}")
        state = database.execute("pragma quick_check").fetchone()[0]
        if state != "ok":
            raise sqlite3.DatabaseError(str(state))
        os.chmod(self.path / FILE, 0o600)

    def _read(self, database: sqlite3.Connection) -> None:
        """Take over what is there, checked: the file may have been changed by hand."""
        for name, key, asked, listen in database.execute("select name, key, asked, listen from node"):
            self._nodes[str(name)] = _Kept(Identity(key, str(name)), _addresses(asked), _addresses(listen))
        for name, peer, addresses in database.execute("select node, peer, addresses from book order by rowid"):
            if name in self._nodes:
                self._nodes[name].book[parse_peer_id(peer)] = _peer(addresses)

        for name, peer, counts in database.execute("select node, peer, counts from reputation order by rowid"):
            if name in self._nodes:
                self._nodes[name].reputation[parse_peer_id(peer)] = [float(one) for one in json.loads(counts)]

    def _refusal(self, error: Exception) -> ConfigurationError:
        if isinstance(error, ConfigurationError):
            return error
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return ConfigurationError(
                f"home={str(self.path)!r} is in use by another lab; close that first (lab.close()), or take another"
            )
        if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
            return ConfigurationError(
                f"home={str(self.path)!r} cannot be used: its disk is full; make room and try again (nothing in it "
                "was changed)"
            )
        # An OperationalError is the system's no (rights, I/O errors, memory), but for what the file's schema lacks.
        if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
            return ConfigurationError(
                f"home={str(self.path)!r} cannot be used: {error}; see that its disk has room and that it may be "
                "written to (nothing in it was changed)"
            )
        return ConfigurationError(
            f"home={str(self.path)!r} is damaged, and was left as it is: {error}; put a good copy in its place, or "
            "take another directory"
        )

    # -- reading

    def identity(self, name: str) -> Identity | None:
        """The key of a node that was here before."""
        kept = self._nodes.get(name)
        return None if kept is None else kept.identity

    def listen(self, name: str, asked: Sequence[str]) -> list[str]:
        """Where a node is to listen: where it did before, if it is asked for the same."""
        kept = self._nodes.get(name)
        return list(asked if kept is None or kept.asked != tuple(asked) else kept.listen)

    def book(self, name: str) -> dict[str, KeptPeer]:
        """The address book of a node, by peer id."""
        kept = self._nodes.get(name)
        return {} if kept is None else dict(kept.book)

    @property
    def contents(self) -> LabHome:
        """All of it, for people."""
        nodes = [
            HomeNode(name, kept.identity.peer_id, list(kept.listen), len(kept.book))
            for name, kept in list(self._nodes.items())  # read from any thread
        ]
        return LabHome(str(self.path), nodes)

    # -- writing

    def came_up(self, name: str, identity: Identity, asked: Sequence[str], listen: Sequence[str]) -> None:
        """A node listens now."""
        kept = self._nodes.get(name)
        if kept is None:
            kept = self._nodes[name] = _Kept(identity, (), ())
        if (kept.asked, kept.listen) != (tuple(asked), tuple(listen)):
            kept.asked, kept.listen = tuple(asked), tuple(listen)
            row = (name, identity.seed, json.dumps(asked), json.dumps(listen))
            self._write("insert or replace into node values (?, ?, ?, ?)", *row)

    def keep(
        self, name: str, peer_id: str, known: Sequence[KnownAddress], record: bytes | None = None, now: float = 0.0
    ) -> None:
        """These are all the addresses that a node knows of a peer, at this moment of lab time."""
        kept = self._nodes.get(name)
        if kept is None:
            return
        addresses = tuple(
            KeptAddress(one.address, one.by, one.told_by, None if one.expires is None else round(one.expires - now))
            for one in known
        )
        peer = KeptPeer(addresses, record)
        if kept.book.get(peer_id, KeptPeer(())) == peer:
            return
        if not addresses:
            del kept.book[peer_id]
            self._write("delete from book where node = ? and peer = ?", name, peer_id)
            return
        kept.book[str(peer_id)] = peer
        self._write("insert or replace into book values (?, ?, ?)", name, str(peer_id), _written(peer))
        if len(kept.book) > MOST:
            oldest = next(iter(kept.book))
            del kept.book[oldest]
            self._write("delete from book where node = ? and peer = ?", name, oldest)

    def registrations(self) -> RegistrationStore:
        """Where the rendezvous points of the lab keep what is registered."""
        if self._registrations is None:
            self._registrations = RegistrationStore(self.path / RENDEZVOUS, time.time() - self.age())
        return self._registrations

    def reputation(self, name: str) -> dict[str, list[float]]:
        """What a node has seen of those it took content from, by peer id."""
        kept = self._nodes.get(name)
        return {} if kept is None else dict(kept.reputation)

    def keep_reputation(self, name: str, peer_id: str, counts: Sequence[float]) -> None:
        """This is what a node has seen of one of them."""
        kept = self._nodes.get(name)
        if kept is None:
            return
        kept.reputation.pop(peer_id, None)
        kept.reputation[peer_id] = list(counts)
        row = (name, peer_id, json.dumps(list(counts)))
        self._write("insert or replace into reputation values (?, ?, ?)", *row)
        if len(kept.reputation) > MOST:
            oldest = next(iter(kept.reputation))
            del kept.reputation[oldest]
            self._write("delete from reputation where node = ? and peer = ?", name, oldest)

    def forget_reputation(self, name: str) -> None:
        """A node has lost what it knew of them."""
        kept = self._nodes.get(name)
        if kept is not None:
            kept.reputation.clear()
            self._write("delete from reputation where node = ?", name)

    def forget_book(self, name: str) -> None:
        """A node has lost what it knew."""
        kept = self._nodes.get(name)
        if kept is not None:
            kept.book.clear()
            self._write("delete from book where node = ?", name)

    def _write(self, statement: str, *values: Any) -> None:
        """One statement, which SQLite makes a transaction of its own."""
        if self._database is None:
            return  # the lab is closed; what its last tasks learnt is lost
        try:
            self._database.execute(statement, values)
        except sqlite3.Error as error:
            if self.failed is None:
                raise
            self.failed(f"writing to {self.path / FILE}", error)

    def close(self) -> None:
        """Write everything into the one file and let others have it; closing again changes nothing."""
        database, self._database = self._database, None
        if database is not None:
            database.close()
        if self._registrations is not None:
            self._registrations.close()


def _written(peer: KeptPeer) -> str:
    """What is known of a peer, as it stands in the file."""
    rows: list[Any] = [[one.address, one.by, one.told_by, one.seconds] for one in peer.addresses]
    return json.dumps([*rows, *([] if peer.record is None else [{"record": peer.record.hex()}])])


def _peer(text: str) -> KeptPeer:
    """The same, read: also a plain list of addresses, as earlier versions wrote it. ValueError, TypeError or LabError
    for anything else."""
    found = json.loads(text)
    if not isinstance(found, list):
        raise ValueError(f"{text[:80]!r} is no list of addresses")
    addresses, record = [], None
    for one in found:
        if isinstance(one, dict):
            record = bytes.fromhex(str(one.get("record")))
        elif isinstance(one, str):
            addresses.append(KeptAddress(parse_address(one).base))
        else:
            address, by, told_by, seconds = one
            left = None if seconds is None else float(seconds)
            addresses.append(
                KeptAddress(parse_address(address).base, str(by), None if told_by is None else str(told_by), left)
            )
    return KeptPeer(tuple(addresses), record)


def _addresses(text: str) -> tuple[str, ...]:
    """A list of addresses as it stands in the file. ValueError, TypeError or LabError for anything else."""
    found = json.loads(text)
    if not isinstance(found, list):
        raise ValueError(f"{text[:80]!r} is no list of addresses")
    return tuple(parse_address(one).base for one in found)
