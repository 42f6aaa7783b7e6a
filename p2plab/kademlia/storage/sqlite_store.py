"""A datastore that outlives its process: everything of ``DHTDatastore``, written through to an SQLite file.

The file (``p2plab.sqlite_file``) holds ids and wall-clock times, since indices and ticks begin anew with every lab:
``epoch`` is the unix time, in seconds, of tick 0 of this lab. Reading is memory's: the file is read once, at the start,
when what has ended meanwhile is thrown away.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import LabError
from p2plab.kademlia.key import KeySpace
from p2plab.kademlia.params import DhtParams
from p2plab.kademlia.storage.datastore import DHTDatastore, ProviderRecord, Published, PublishedKind, StoredValue
from p2plab.sqlite_file import SqliteFile

__all__ = ["SqliteDatastore"]

_SCHEMA: Final = """
create table if not exists value (key blob primary key, value blob not null, received integer not null,
    expires integer not null) without rowid;
create table if not exists provider (key blob not null, peer blob not null, expires integer not null,
    addresses text not null, addresses_expire integer not null, primary key (key, peer)) without rowid;
create table if not exists published (kind text not null, key blob not null, value blob not null, at integer not null,
    place integer not null, primary key (kind, key)) without rowid;
"""


class SqliteDatastore(DHTDatastore):
    """``path`` is the file, made where there is none; one process at a time may have it open.

    ValidationError for a file that is in use, that is no store of ours, or that is one of another version.
    """

    def __init__(
        self, path: str | Path, space: KeySpace, owner: int = 0, params: DhtParams | None = None, epoch: float = 0.0
    ) -> None:
        super().__init__(owner, params)
        self._space = space
        self._epoch = round(epoch * TICKS_PER_SECOND)
        self._place = 0
        self._file = SqliteFile(path, "DHT store", _SCHEMA, version=1)
        self.path = self._file.path
        try:
            self._read()
        except (ValueError, TypeError, AttributeError, sqlite3.Error) as error:
            raise self._file.damaged(error) from error

    def _read(self) -> None:
        """Fill memory from the file. Rows that hold no peer id cannot be ours and are left out."""
        for key, value, received, expires in self._file.rows("select key, value, received, expires from value"):
            self._values[key] = StoredValue(value, received - self._epoch, expires - self._epoch)
            self._near_values.add(key)
        for key, peer, expires, addresses, until in self._file.rows(
            "select key, peer, expires, addresses, addresses_expire from provider order by expires"
        ):
            try:
                index = self._space.index(peer)
            except LabError:
                continue
            if key not in self._providers:
                self._providers[key] = {}
                self._near_providers.add(key)
            texts = json.loads(addresses)
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise ValueError(f"{addresses[:80]!r} is no list of addresses")
            record = ProviderRecord(index, expires - self._epoch, tuple(texts), until - self._epoch)
            self._providers[key][index] = record
        for kind, key, value, at, place in self._file.rows(
            "select kind, key, value, at, place from published order by place"
        ):
            self._published[kind, key] = Published(kind, key, value, at - self._epoch)
            self._place = place + 1
        self.expire(0)

    def compact(self) -> None:
        """Make the file as small as its content."""
        self._file.rows("vacuum")
        self._file.rows("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        """Write everything into the one file and close it; closing again changes nothing."""
        self._file.close()

    def _save_value(self, key: bytes, stored: StoredValue) -> None:
        self._file.write(
            "insert or replace into value values (?, ?, ?, ?)",
            key,
            stored.value,
            stored.received + self._epoch,
            stored.expires + self._epoch,
        )

    def _save_provider(self, key: bytes, record: ProviderRecord) -> None:
        self._file.write(
            "insert or replace into provider values (?, ?, ?, ?, ?)",
            key,
            self._space.binary(record.peer),
            record.expires + self._epoch,
            json.dumps(record.addresses),
            record.addresses_expire + self._epoch,
        )

    def _save_published(self, published: Published) -> None:
        at = published.at + self._epoch
        self._file.write(
            "insert into published values (?, ?, ?, ?, ?) on conflict do update set value = ?, at = ?",
            published.kind,
            published.key,
            published.value,
            at,
            self._place,
            published.value,
            at,
        )
        self._place += 1

    def _drop_value(self, key: bytes) -> None:
        self._file.write("delete from value where key = ?", key)
        super()._drop_value(key)

    def _drop_provider(self, key: bytes, peer: int) -> None:
        self._file.write("delete from provider where key = ? and peer = ?", key, self._space.binary(peer))
        super()._drop_provider(key, peer)

    def _drop_providers(self, key: bytes) -> None:
        self._file.write("delete from provider where key = ?", key)
        super()._drop_providers(key)

    def _drop_published(self, kind: PublishedKind, key: bytes) -> None:
        self._file.write("delete from published where kind = ? and key = ?", kind, key)
