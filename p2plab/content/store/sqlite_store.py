"""A block store that outlives its process: blocks and pins in an SQLite file.

Rules:
- What has been said to be stored is in the file: every change is a transaction of its own, and a process that dies in
  the middle of one leaves the file as it was before (write-ahead log).
- Blocks stay on the disk; memory holds their names. What is read is checked against its name again, since files rot
  and can be written by others.
- One process at a time has a file open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from p2plab.content.store.memory import BlockStore
from p2plab.errors import ClosedError, ConfigurationError, ContentError, LabError, ValidationError
from p2plab.identity.cid import Cid, as_cid

__all__ = ["SqliteBlockStore"]

_OURS: Final = 0x70326263  # SQLite's application_id
_VERSION: Final = 1
_SCHEMA: Final = f"""
create table if not exists block (key blob primary key, cid blob not null, data blob not null);
create table if not exists pin (cid blob primary key, recursive integer not null) without rowid;
pragma application_id={_OURS};
pragma user_version={_VERSION};
"""


class SqliteBlockStore(BlockStore):
    """``path`` is the file, made where there is none, its folder too.

    ValidationError for a file that is in use, damaged, or no block store; it is left as it is.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)
        self._left: set[bytes] = set()  # taken back, and still in the file
        self._database: sqlite3.Connection | None = self._open()
        try:
            self._read(self._database)
        except (sqlite3.Error, LabError, ValueError, TypeError) as error:
            self._database.close()
            raise ValidationError(
                f"{self.path} is damaged as a block store, and was left as it is: {error}; put a good copy in its place"
            ) from error

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=1.0)
        except (OSError, sqlite3.Error) as error:
            raise ValidationError(f"{self.path} cannot be used as a block store: {error}") from error
        try:
            ours = database.execute("pragma application_id").fetchone()[0]
            version = database.execute("pragma user_version").fetchone()[0]
            tables = database.execute("select count(*) from sqlite_master").fetchone()[0]
            if tables and (ours, version) != (_OURS, _VERSION):
                raise ValidationError(f"{self.path} is an SQLite file, but no block store of version {_VERSION}")
            database.execute("pragma locking_mode=exclusive")
            database.execute("pragma journal_mode=wal")
            database.execute("pragma synchronous=normal")
            database.executescript(f"begin immediate; {_SCHEMA} commit;")
        except sqlite3.Error as error:
            database.close()
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise ValidationError(f"{self.path} is in use by another node; give each a file of its own") from error
            raise ValidationError(f"{self.path} cannot be used as a block store: {error}") from error
        except ValidationError:
            database.close()
            raise
        return database

    def _read(self, database: sqlite3.Connection) -> None:
        for key, cid, size in database.execute("select key, cid, length(data) from block order by rowid"):
            self._cids[bytes(key)] = as_cid(cid)
            self._bytes += int(size)
        for cid, recursive in database.execute("select cid, recursive from pin"):
            self._pins[as_cid(cid)] = bool(recursive)

    def _connection(self) -> sqlite3.Connection:
        if self._database is None:
            raise ClosedError(f"the block store {self.path} has been closed")
        return self._database

    def _write(self, statement: str, *values: object) -> None:
        try:
            self._connection().execute(statement, values)
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"the block store {self.path} cannot be written: {error}; what is in it is as it was"
            ) from error

    def close(self) -> None:
        """Write everything into the one file and close it; closing again changes nothing."""
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):  # a disk that is full: what was written is in the log beside, and read again
                database.execute("pragma wal_checkpoint(truncate)")
            database.close()

    def _contains(self, key: bytes) -> bool:
        return key in self._cids

    def _load(self, key: bytes) -> bytes | None:
        cid = self._cids.get(key)
        if cid is None:
            return None
        found = self._value("data", cid)
        data = None if found is None else bytes(found)
        if data is None or not cid.verify(data):
            raise ContentError(f"{cid} is damaged in {self.path}; delete it and fetch it again")
        return data

    def _value(self, what: str, cid: Cid) -> Any:
        """What the file has of a block; None where it has no such block. ContentError where it cannot be read."""
        statement = f"select {what} from block where key = ?"  # of this class's own words
        try:
            row = self._connection().execute(statement, (cid.multihash,)).fetchone()
        except sqlite3.Error as error:
            raise ContentError(f"{cid} cannot be read from {self.path}: {error}") from error
        return None if row is None else row[0]

    def size_of(self, cid: Cid) -> int | None:
        if cid.hash == 0:
            return len(cid.digest)
        size = self._value("length(data)", cid)
        return None if size is None else int(size)

    def take_back(self, cids: Iterable[Cid]) -> None:
        """The same. On a full disk there is no room even to delete: what stays in the file is not here any more, and is
        deleted when something can be written again; after a new start it is a block that no pin leads to."""
        for cid in cids:
            key = cid.multihash
            if key in self._cids:
                size = self.size_of(cid) or 0
                try:
                    self._drop(key)
                except ConfigurationError:
                    self._left.add(key)
                    del self._cids[key]
                self._bytes -= size

    def _save(self, key: bytes, cid: Cid, data: bytes) -> None:
        self._write("insert or replace into block values (?, ?, ?)", key, cid.to_bytes(), data)
        self._cids[key] = cid
        self._left.discard(key)
        if self._left:
            with suppress(ConfigurationError):  # the next one tries again
                for left in list(self._left):
                    self._write("delete from block where key = ?", left)
                    self._left.discard(left)

    def _drop(self, key: bytes) -> None:
        self._write("delete from block where key = ?", key)
        del self._cids[key]

    def _save_pin(self, cid: Cid, recursive: bool) -> None:
        self._write("insert or replace into pin values (?, ?)", cid.to_bytes(), int(recursive))

    def _drop_pin(self, cid: Cid) -> None:
        self._write("delete from pin where cid = ?", cid.to_bytes())
