"""A block store that outlives its process: blocks and pins in an SQLite file.

Blocks stay on the disk (``p2plab.sqlite_file``); memory holds their names. What is read is checked against its name
again, since files rot and can be written by others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from p2plab.content.store.memory import BlockStore
from p2plab.errors import ConfigurationError, ContentError, LabError
from p2plab.identity.cid import Cid, as_cid
from p2plab.sqlite_file import SqliteFile

__all__ = ["SqliteBlockStore"]

_SCHEMA: Final = """
create table if not exists block (key blob primary key, cid blob not null, data blob not null);
create table if not exists pin (cid blob primary key, recursive integer not null) without rowid;
"""


class SqliteBlockStore(BlockStore):
    """``path`` is the file, made where there is none, its folder too.

    ValidationError for a file that is in use, damaged, or no block store; it is left as it is.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._left: set[bytes] = set()  # taken back, and still in the file
        self._file = SqliteFile(path, "block store", _SCHEMA, version=1, application_id=0x70326263)
        self.path = self._file.path
        try:
            self._read()
        except (sqlite3.Error, LabError, ValueError, TypeError) as error:
            raise self._file.damaged(error) from error

    def _read(self) -> None:
        for key, cid, size in self._file.rows("select key, cid, length(data) from block order by rowid"):
            self._cids[bytes(key)] = as_cid(cid)
            self._bytes += int(size)
        for cid, recursive in self._file.rows("select cid, recursive from pin"):
            self._pins[as_cid(cid)] = bool(recursive)

    def close(self) -> None:
        """Write everything into the one file and close it; closing again changes nothing."""
        self._file.close()

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
            found = self._file.rows(statement, cid.multihash)
        except sqlite3.Error as error:
            raise ContentError(f"{cid} cannot be read from {self.path}: {error}") from error
        return found[0][0] if found else None

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
        self._file.write("insert or replace into block values (?, ?, ?)", key, cid.to_bytes(), data)
        self._cids[key] = cid
        self._left.discard(key)
        if self._left:
            with suppress(ConfigurationError):  # the next one tries again
                for left in list(self._left):
                    self._file.write("delete from block where key = ?", left)
                    self._left.discard(left)

    def _drop(self, key: bytes) -> None:
        self._file.write("delete from block where key = ?", key)
        del self._cids[key]

    def _save_pin(self, cid: Cid, recursive: bool) -> None:
        self._file.write("insert or replace into pin values (?, ?)", cid.to_bytes(), int(recursive))

    def _drop_pin(self, cid: Cid) -> None:
        self._file.write("delete from pin where cid = ?", cid.to_bytes())
